"""Points of each class: places on the feature grid with inverse depth, drawn from the source's labels and depth."""

import functools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE
from dadist.config.prior_sections import FitGmm
from dadist.data.joining import Joined
from dadist.data.prepared import Prepared
from dadist.data.resize import centres


def sample(
    prepared: Prepared, settings: FitGmm, *, grid: tuple[int, int], numerator: float
) -> list[NDArray[np.float64]]:
    """Draw grid cells of each class, uniformly from all images; of several sources in proportion to their weights.

    Goes through the images twice, one in memory at a time: to count, and to fetch what was drawn. A cell has the
    label and depth of the pixel at its centre.

    Args:
        prepared: Images with labels and depth.
        settings: Read are ``points``, the most a class gets (all there are if there are fewer, or for 0); ``seed``;
            ``zero_depth``, where "ignore" leaves out cells without depth (0 cm) and "keep" takes them with
            z = numerator, which gives several of the authors' mixtures a component there; ``nearest_m``, which leaves
            out cells with a depth below so many metres, the wide tails of the authors' buildings and walls.
        grid: Cells across and down.
        numerator: Of the inverse depth numerator / (cm + 1).

    Returns:
        Per class ``(n, 3)``: column, row, inverse depth.
    """
    count = len(prepared.classes)
    cells = functools.partial(_cells, prepared, grid, settings)
    per_image = np.stack([np.bincount(seen, minlength=256)[:count] for seen, _ in cells()])
    if isinstance(prepared, Joined):
        drawn = _draw_by_weight(per_image, prepared, settings)
    else:
        drawn = _draw(per_image.sum(0).tolist(), settings)

    found: list[list[NDArray[np.float64]]] = [[np.empty((0, 3))] for _ in range(count)]
    end = per_image.cumsum(0)  # occurrences of each class up to each image
    for (seen, depth_cm), starts, ends in zip(cells(), end - per_image, end, strict=True):
        for c in range(count):
            first, last = np.searchsorted(drawn[c], (starts[c], ends[c]))
            if first < last:
                at = np.flatnonzero(seen == c)[drawn[c][first:last] - starts[c]]
                found[c].append(np.stack((at % grid[0], at // grid[0], numerator / (depth_cm[at] + 1.0)), axis=1))
    return [np.concatenate(parts) for parts in found]


def _draw(totals: list[int], settings: FitGmm) -> list[NDArray[np.int64]]:
    """Which occurrences of each class are taken, in their order."""
    random, most = np.random.default_rng(settings.seed), settings.points
    return [
        np.arange(n) if most == 0 or n <= most else np.sort(random.choice(n, most, replace=False, shuffle=False))
        for n in totals
    ]


def _draw_by_weight(per_image: NDArray[np.int64], prepared: Joined, settings: FitGmm) -> list[NDArray[np.int64]]:
    """The same of several sources: of each as many as the class has in a mean image of it, times its weight.

    Of the source that runs out first all are taken, and of the others so many fewer.
    """
    random, ends = np.random.default_rng(settings.seed), np.cumsum([len(part) for part in prepared.parts])
    found = []
    for column in per_image.T:
        there = np.array([part.sum() for part in np.split(column, ends[:-1])])
        wanted = there / np.diff(ends, prepend=0) * prepared.weights
        share = np.divide(wanted, wanted.sum(), out=np.zeros(len(there)), where=wanted.sum() > 0)
        most = min((count / one for count, one in zip(there, share, strict=True) if one), default=0.0)
        taken = np.floor(share * min(most, settings.points or most) + 1e-6).astype(int)
        before = np.cumsum([0, *there[:-1]])
        rows = zip(there.tolist(), taken.tolist(), before.tolist(), strict=True)
        drawn = [first + random.choice(count, some, replace=False, shuffle=False) for count, some, first in rows]
        found.append(np.sort(np.concatenate(drawn)))
    return found


def _cells(
    prepared: Prepared, grid: tuple[int, int], settings: FitGmm
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint16]]]:
    """Labels and depth (cm) of each image's cells, flat; cells that do not count are ``IGNORE``."""
    labels, depth = prepared.labels, prepared.depth
    rows, columns = centres(labels.shape[1], grid[1])[:, None], centres(labels.shape[2], grid[0])
    for index in range(len(prepared)):
        seen, depth_cm = labels[index, rows, columns].ravel(), depth[index, rows, columns].ravel()
        near = (depth_cm > 0) & (depth_cm < 100 * settings.nearest_m)
        out = near if settings.zero_depth == "keep" else near | (depth_cm == 0)
        yield np.where(out, np.uint8(IGNORE), seen), depth_cm
