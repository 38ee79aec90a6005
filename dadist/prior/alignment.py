"""The scale of estimated depth, and how noisy it is, by likelihood: no label is needed.

A monocular network says how near things are up to two numbers, z = a r + b. With what a segmenter makes of the same
cells, each a and b have a likelihood under the mixtures of the source:

    L(a, b, s0, s1) = mean over cells of log sum_c softmax_c p_c(x, y) p_c(a r + b | x, y; s0, s1) + log a

with the noise of fusion.py. The last term is the change of variables from z to r; without it the smallest a would win
wherever a narrow component is near. Where depth is in metres a is 1, b is 0, and the noise alone is sought.

Source: this project.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from dadist.config.prior_sections import AlignDepth
from dadist.data.prepared import Prepared, spread
from dadist.data.resize import centres
from dadist.model.inference import batches, outputs
from dadist.model.segmenter import Segmenter
from dadist.prior.fusion import Given
from dadist.prior.mixtures import Mixtures
from dadist.storage import seal

VERSION = 1  # of the file's format
STEPS = 13  # of the first search
NEAR_M, FAR_M = 1.0, 30.0  # what the nearest thing of an image may be away: bounds of the first search
LEAST = 0.02  # of the two noises, in units of z = 10 / m: below, a cell or two decide
START = 0.1  # noise that the search begins with
UNIT = 1000.0  # numerator of z = 10 / m


@dataclass(frozen=True)
class Alignment:
    """z = scale * r + offset, give or take noise[0] + noise[1] * z."""

    kind: str  # of the depth files: metric or relative
    scale: float
    offset: float
    noise: tuple[float, float]  # the first in units of z = 10 / m
    likelihood: float  # nats per cell, with these numbers
    scales: list[float]  # of the curve
    curve: list[float]  # nats per cell: the best that a scale comes to with the offset and the noise as found
    cells: int

    def z(self, depth: NDArray[np.uint16], numerator: float) -> NDArray[np.float32]:
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
        return cls(**{**content, "noise": (content["noise"][0], content["noise"][1])})


def inverse(
    depth: NDArray[np.uint16], kind: str, numerator: float, scale: float = 1.0, offset: float = 0.0
) -> NDArray[np.float32]:
    """Inverse depth of prepared depth, any shape; nan where there is none.

    Args:
        depth: As `Prepared.depth` has it: centimetres, or 1 to 65535 for relative inverse depth from 0 to 1; 0: none.
        kind: "metric" or "relative".
        numerator: Of the inverse depth.
        scale: Of relative depth.
        offset: Of relative depth.
    """
    values = depth.astype(np.float32)
    z = numerator / (values + 1) if kind == "metric" else scale * ((values - 1) / 65534) + offset
    return np.where(depth > 0, z, np.float32(np.nan)).astype(np.float32)


@dataclass(frozen=True)
class Seen:
    """Cells of a domain, and what a segmenter makes of them."""

    cell: Tensor  # (n,) int64, on the mixtures' grid
    log_probability: Tensor  # (n, C) nats
    r: Tensor  # (n,) z, or relative inverse depth from 0 to 1


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
    """What a network makes of cells of some images: those with depth, drawn at random.

    Args:
        segmenter: In eval mode, on any device.
        data: Images with depth.
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
        depth = data.depth[chosen][:, *at].reshape(len(chosen), -1)
        z = torch.from_numpy(inverse(depth, data.depth_kind, mixtures.numerator).astype(np.float64))
        for log_probability, r in zip(said, z, strict=True):
            known = np.flatnonzero(~np.isnan(r.numpy()))
            drawn = torch.from_numpy(np.sort(random.choice(known, min(each, len(known)), replace=False)))
            parts.append((drawn, log_probability[drawn], r[drawn]))
        progress(part.stop)
    cell, log_probability, r = (torch.cat(one) for one in zip(*parts, strict=True))
    return Seen(cell, log_probability, r)


def align(mixtures: Mixtures, seen: Seen, kind: str) -> Alignment:
    """Find scale, offset and noise.

    Args:
        mixtures: Of the source, over x, y and z.
        seen: Cells of the target.
        kind: "metric" or "relative".

    Raises:
        ValueError: There is no cell with depth, or its depth is the same everywhere.
    """
    if len(seen.r) < 2 or float(seen.r.max()) == float(seen.r.min()):
        raise ValueError(
            f"expected depth that differs from cell to cell, got {len(seen.r)} cells "
            "of one depth; look at the depth files"
        )
    score = _Likelihood(mixtures, seen)
    unit = mixtures.numerator / UNIT
    far = mixtures.numerator / 65536.0  # z of what is farther than 16 bits of centimetres reach: the sky
    scales = np.geomspace(10 / FAR_M, 10 / NEAR_M, STEPS) * unit
    noise = np.log(np.full(2, START) * [unit, 1])
    least = np.log(LEAST * np.array([unit, 1]))

    def at(x: NDArray[np.float64]) -> tuple[float, float, tuple[float, float]]:
        """(scale, offset, noise) of a point of the search."""
        s0, s1 = np.exp(np.maximum(x[-2:], least))
        return (1.0, 0.0, (s0, s1)) if kind == "metric" else (np.exp(x[0]), x[1] * unit, (s0, s1))

    def cost(x: NDArray[np.float64]) -> float:
        return -score(*at(x))

    starts: Sequence[NDArray[np.float64]] = [noise]
    if kind == "relative":
        starts = [np.array([np.log(scale), far / unit, *noise]) for scale in scales]
    best = min(starts, key=cost)
    options = {"xatol": 1e-3, "fatol": 1e-5, "maxiter": 600, "initial_simplex": _simplex(best)}
    found = minimize(cost, best, method="Nelder-Mead", options=options)
    scale, offset, (s0, s1) = at(found.x)
    curve = [] if kind == "metric" else [score(float(one), offset, (s0, s1)) for one in scales]
    return Alignment(
        kind=kind,
        scale=float(scale),
        offset=float(offset),
        noise=(float(s0 / unit), float(s1)),
        likelihood=-float(found.fun),
        scales=[] if kind == "metric" else scales.tolist(),
        curve=curve,
        cells=len(seen.r),
    )


def _simplex(start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steps of a fifth: scipy's own are a twentieth of each coordinate, nothing for one of 0."""
    return start + np.concatenate((np.zeros((1, len(start))), 0.2 * np.eye(len(start))))


class _Likelihood:
    """Mean log-likelihood of the cells, nats; what does not depend on the numbers sought is gathered once."""

    def __init__(self, mixtures: Mixtures, seen: Seen) -> None:
        given = Given(mixtures).double()
        fitted = given.fitted
        self.r = seen.r
        self.before = seen.log_probability.T[fitted] + given.place[fitted][:, seen.cell]  # (C, n)
        self.share = given.share[fitted][..., seen.cell]  # (C, K, n)
        whole = given.expected.shape[-1] == 1
        self.expected = given.expected[fitted] if whole else given.expected[fitted][..., seen.cell]
        self.variance = given.variance[fitted]

    def __call__(self, scale: float, offset: float, noise: tuple[float, float]) -> float:
        z = scale * self.r + offset
        variance = self.variance + (noise[0] + noise[1] * self.expected.abs()) ** 2
        log = self.share - (z - self.expected) ** 2 / (2 * variance) - 0.5 * torch.log(2 * torch.pi * variance)
        return float((self.before + log.logsumexp(1)).logsumexp(0).mean()) + float(np.log(scale))
