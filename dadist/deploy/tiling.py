"""What a network says of one image on a lattice of cells: in one pass, or by overlapping tiles.

Everything stays on the coarse lattice, and no more than the features of the tiles of one batch is in memory.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dadist.config.grid import stride
from dadist.data.resize import Size
from dadist.model.inference import batches, outputs
from dadist.model.segmenter import Segmenter, upsample

# [D] Share of a tile that its neighbour covers too. What stands at the border of a tile lacks the context that it has
# in the image, so a tile counts less towards its border, and nothing there.
OVERLAP = 0.25


class Field(NamedTuple):
    """What a network says of an image: values on a lattice whose first cell lies on the image's first pixel."""

    logits: Tensor  # (C, h, w)
    depth: Tensor | None  # (1, h, w) inverse depth
    end: tuple[float, float]  # column and row of the lattice on which the image's last pixel lies


def whole(segmenter: Segmenter, image: NDArray[np.uint8], end: tuple[float, float]) -> Field:
    """One pass over an image ``(H, W, 3)``; the rest as `wholes`."""
    return wholes(segmenter, image[None], [end])[0]


@torch.no_grad()
def wholes(segmenter: Segmenter, images: NDArray[np.uint8], ends: Sequence[tuple[float, float]]) -> list[Field]:
    """One pass over images of one size, ``(B, H, W, 3)``.

    Args:
        segmenter: In eval mode, on any device.
        images: RGB, as the network takes them.
        ends: Of each image, share of width and of height, up to 1, at which the last pixel of what is asked for lies:
            less than 1 where the rest is padding.
    """
    found = outputs(segmenter, images)
    height, width = found.logits.shape[-2:]
    return [
        Field(logits, None if found.depth is None else found.depth[index], (x * (width - 1), y * (height - 1)))
        for index, (logits, (x, y)) in enumerate(zip(found.logits, ends, strict=True))
    ]


@torch.no_grad()
def tiled(segmenter: Segmenter, image: NDArray[np.uint8], tile: Size, batch: int) -> Field:
    """Overlapping tiles of an image ``(H, W, 3)``, blended so that none of their borders is seen.

    Tiles begin and end on cells of one lattice, so that all agree on where a cell is. An image that does not end on one
    is continued by its last pixels.

    Args:
        segmenter: In eval mode, on any device.
        image: RGB, as the network takes it.
        tile: (width, height) in pixels, at most; rounded up to whole cells.
        batch: Tiles at once.
    """
    height, width = image.shape[:2]
    step = stride(segmenter.grid)
    cells = _cells(width, step), _cells(height, step)
    spans = min(_cells(tile[0], step), cells[0]), min(_cells(tile[1], step), cells[1])
    more = cells[1] * step + 1 - height, cells[0] * step + 1 - width
    image = np.pad(image, ((0, more[0]), (0, more[1]), (0, 0)), mode="edge")
    places = [(row, column) for row in begins(cells[1], spans[1]) for column in begins(cells[0], spans[0])]
    sums: list[Tensor] = []
    total = torch.zeros(cells[1] + 1, cells[0] + 1)
    for chosen in batches(len(places), batch):
        windows = [
            image[row * step : (row + spans[1]) * step + 1, column * step : (column + spans[0]) * step + 1]
            for row, column in places[chosen]
        ]
        found = outputs(segmenter, np.stack(windows))
        said = [found.logits] if found.depth is None else [found.logits, found.depth]
        maps = [upsample(one, (spans[1] + 1, spans[0] + 1)).cpu() for one in said]
        sums = sums or [torch.zeros(one.shape[1], *total.shape) for one in maps]
        for index, (row, column) in enumerate(places[chosen]):
            weight = _ramps(row, spans[1], cells[1])[:, None] * _ramps(column, spans[0], cells[0])
            there = (..., slice(row, row + spans[1] + 1), slice(column, column + spans[0] + 1))
            total[there] += weight
            for canvas, one in zip(sums, maps, strict=True):
                canvas[there] += weight * one[index]
    logits, *depth = [canvas / total for canvas in sums]
    return Field(logits, depth[0] if depth else None, ((width - 1) / step, (height - 1) / step))


def begins(cells: int, span: int) -> list[int]:
    """First cells of tiles of ``span`` cells that cover ``cells``, evenly spread; they overlap by OVERLAP or more."""
    if span >= cells:
        return [0]
    count = -(-(cells - span) // max(span - max(round(OVERLAP * span), 1), 1)) + 1
    return [round(index * (cells - span) / (count - 1)) for index in range(count)]


def _cells(pixels: int, step: int) -> int:
    """Steps from the first pixel to the last or beyond; at least one."""
    return max(-(-(pixels - 1) // step), 1)


def _ramps(begin: int, span: int, cells: int) -> Tensor:
    """Weights ``(span + 1,)`` of a tile's cells along one side: they fall to about 0 towards a border within the image.

    As the square of a sine: on the first cells, which the border spoils most, it is lower than a straight line. The sum
    over the tiles is divided out.
    """
    place = torch.arange(1, span + 2, dtype=torch.float32)
    share, wide = torch.ones(span + 1), max(round(OVERLAP * span), 1) + 1
    if begin > 0:
        share = torch.minimum(share, place / wide)
    if begin + span < cells:
        share = torch.minimum(share, place.flip(0) / wide)
    return (share * (math.pi / 2)).sin() ** 2
