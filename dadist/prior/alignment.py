"""What brings a target to the mixtures of the source: its camera, the scale of its depth, and how noisy that is.

A monocular network says how near things are up to two numbers, z = a r + b; a photograph does not say how long its lens
was, or where the horizon is. With what a segmenter makes of the same cells, each choice has a likelihood under the
mixtures (likelihood.py), so no label is needed. Where depth is in metres a is 1 and b is 0.

Source: this project.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dadist.config.prior_sections import AlignDepth
from dadist.data.prepared import Prepared, spread
from dadist.data.resize import centres
from dadist.model.inference import batches, outputs
from dadist.model.segmenter import Segmenter
from dadist.prior.camera import SAME, View
from dadist.prior.likelihood import Likelihood, Seen
from dadist.prior.mixtures import Mixtures
from dadist.prior.search import Lens, Search
from dadist.storage import seal

Values = TypeVar("Values", NDArray[np.float32], Tensor)

VERSION = 2  # of the file's format
ROUGH = 4000  # cells that a camera is found by: each one that is tried asks for the densities anew


@dataclass(frozen=True)
class Alignment:
    """z = scale * r + offset, give or take noise[0] + noise[1] * z, where the view shows the target in the source."""

    kind: str  # of the depth files: metric or relative; none
    scale: float
    offset: float
    noise: tuple[float, float]  # the first in units of z = 10 / m
    likelihood: float  # nats per cell, with these numbers
    scales: list[float]  # of the curve
    curve: list[float]  # nats per cell: the best that a scale comes to with the other numbers as found
    cells: int
    unsure: float = 0.0  # 1 - the mean probability of the network's likeliest class
    view: View = SAME
    camera: tuple[float, float] | None = None  # focal length, times the source's, and horizon, where they were found
    lenses: dict[str, list[list[float]]] = field(default_factory=dict)  # "focal", "horizon": pairs of it and its nats

    def z(self, depth: Values, numerator: float) -> Values:
        """Inverse depth of prepared depth, any shape; nan where there is none."""
        return inverse(depth, self.kind, numerator, self.scale, self.offset)

    def save(self, path: Path) -> None:
        """Write as JSON, all or nothing."""
        seal.save(asdict(self), path, version=VERSION)

    @classmethod
    def load(cls, path: Path) -> "Alignment":
        """Read what ``save`` wrote.

        Raises:
            FileNotFoundError: No such file.
            ValueError: The file holds something else.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: expected the scale of the depth files, found no file; run align_depth")
        remedy = "delete it and run the rule align_depth again"
        content = seal.load(path, version=VERSION, what="what align_depth writes", remedy=remedy)
        across, down = content["view"]
        camera = content["camera"]
        content |= {"view": View((across[0], across[1]), (down[0], down[1]))}
        content |= {"noise": (content["noise"][0], content["noise"][1])}
        return cls(**{**content, "camera": None if camera is None else (camera[0], camera[1])})


def inverse(depth: Values, kind: str, numerator: float, scale: float = 1.0, offset: float = 0.0) -> Values:
    """Inverse depth of prepared depth, any shape; nan where there is none.

    Args:
        depth: As `Prepared.depth` has it, but float32: centimetres, or 1 to 65535 for relative inverse depth from 0 to
            1; 0: none.
        kind: "metric" or "relative".
        numerator: Of the inverse depth.
        scale: Of relative depth.
        offset: Of relative depth.
    """
    found: Any = numerator / (depth + 1) if kind == "metric" else scale * ((depth - 1) / 65534) + offset
    found[~(depth > 0)] = np.nan
    z: Values = found
    return z


@torch.no_grad()
def look(
    segmenter: Segmenter,
    data: Prepared,
    mixtures: Mixtures,
    asked: AlignDepth,
    *,
    batch: int,
    progress: Callable[[int], None],
) -> Seen:
    """What a network makes of cells of some images: those with depth, if the images have any, drawn at random.

    Args:
        segmenter: In eval mode, on any device.
        data: The images.
        mixtures: Whose grid the cells are of.
        asked: How many images, evenly spread, and cells.
        batch: Images at once; changes no number.
        progress: Called with the number of images done.

    Raises:
        ValueError: The network has another grid.
    """
    (across, down), parts = mixtures.grid, []
    at = centres(data.height, down)[:, None], centres(data.width, across)
    rows = spread(len(data), asked.images)
    each, random = -(-asked.cells // len(rows)), np.random.default_rng(asked.seed)
    for part in batches(len(rows), batch):
        chosen = list(rows[part])
        said = outputs(segmenter, data.images[chosen]).logits
        if said.shape[2:] != (down, across):
            raise ValueError(f"expected a network with {across}x{down} cells, as the mixtures, got {said.shape[2:]}")
        said = said.log_softmax(1).flatten(2).transpose(1, 2).double().cpu()  # (B, cells, C)
        z = np.full((len(chosen), down * across), np.nan)
        inside = data.inside(chosen)[:, *at].reshape(len(chosen), -1)
        if data.has_depth:
            depth = data.depth[chosen][:, *at].reshape(len(chosen), -1).astype(np.float32)
            z = inverse(depth, data.depth_kind, mixtures.numerator).astype(np.float64)
            inside &= ~np.isnan(z)
        for log_probability, r, usable in zip(said, torch.from_numpy(z), inside, strict=True):
            known = np.flatnonzero(usable)
            drawn = torch.from_numpy(np.sort(random.choice(known, min(each, len(known)), replace=False)))
            parts.append((drawn, log_probability[drawn], r[drawn]))
        progress(part.stop)
    cell, log_probability, r = (torch.cat(one) for one in zip(*parts, strict=True))
    return Seen(cell, log_probability, r)


def align(
    mixtures: Mixtures,
    seen: Seen,
    kind: str,
    frequency: NDArray[Any],
    *,
    view: View = SAME,
    lens: Lens | None = None,
) -> Alignment:
    """Find scale, offset and noise, and the camera if it is asked for.

    Args:
        mixtures: Of the source, over x, y and z.
        seen: Cells of the target.
        kind: Of its depth: "metric", "relative" or "none".
        frequency: ``(C,)``, how much there is of each class in the source, in any unit.
        view: Where the target stands in the source's frame.
        lens: In place of the view: what cameras there may be.

    Raises:
        ValueError: There is no cell with depth, or its depth is the same everywhere.
    """
    if kind != "none" and (len(seen.r) < 2 or float(seen.r.max()) == float(seen.r.min())):
        raise ValueError(
            f"expected depth that differs from cell to cell, got {len(seen.r)} cells "
            "of one depth; look at the depth files"
        )
    whole, camera, lenses = Likelihood(mixtures, seen, kind, frequency), None, dict[str, list[list[float]]]()
    search = Search(whole, view)
    start = search.start()
    if lens:
        cameras = Search(Likelihood(mixtures, seen.some(ROUGH), kind, frequency), lens=lens)
        best = cameras.best(cameras.start())
        found = cameras.read(best)
        camera, lenses = (found.focal, found.horizon), cameras.lenses(best)
        search, start = Search(whole, lens(*camera)), best[2:]
    best = search.best(start)
    found, scales = search.read(best), search.scales.tolist() if kind == "relative" else []
    return Alignment(
        kind=kind,
        scale=found.scale,
        offset=found.offset,
        noise=(found.noise[0] / search.unit, found.noise[1]),
        likelihood=-search.cost(best),
        scales=scales,
        curve=[-search.cost(search.changed(best, scale=one)) for one in scales],
        cells=len(seen.r),
        unsure=seen.unsure,
        view=search.view(found),
        camera=camera,
        lenses=lenses,
    )
