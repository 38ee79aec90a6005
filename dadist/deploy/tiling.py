"""What a network says of one image on a lattice of cells: in one pass, or by overlapping tiles; and it at any size.

Everything stays on the coarse lattice until the last step, which goes strip by strip: neither the number of classes
times the pixels of an image is ever in memory, nor the features of more than the tiles of one batch.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dadist.config.grid import stride
from dadist.data.readers.base import FAR_CM
from dadist.data.resize import Size
from dadist.evaluation.depth import metres
from dadist.model.inference import batches, outputs
from dadist.model.segmenter import Segmenter, upsample

# [D] Share of a tile that its neighbour covers too. What stands at the border of a tile lacks the context that it has
# in the image, so a tile counts less towards its border, and nothing there.
OVERLAP = 0.25
STRIP = 2**22  # numbers of a strip of logits, 16 MB as float32
FAR_M = FAR_CM / 100


class Field(NamedTuple):
    """What a network says of an image: values on a lattice whose first cell lies on the image's first pixel."""

    logits: Tensor  # (C, h, w)
    depth: Tensor | None  # (1, h, w) inverse depth
    end: tuple[float, float]  # column and row of the lattice on which the image's last pixel lies


class Rendered(NamedTuple):
    """A field at the size of an image."""

    labels: NDArray[np.uint8]  # (H, W) train ids
    confidence: NDArray[np.float32]  # (H, W) softmax probability of that class
    depth_m: NDArray[np.float32] | None  # (H, W) metres


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


@torch.no_grad()
def render(field: Field, size: Size, numerator: float) -> Rendered:
    """Classes, confidences and depth at ``size`` (width, height): bilinear between the cells, as `upsample` does it.

    Args:
        field: Of an image.
        size: Of the maps; the field's ends lie on the centres of their first and last pixels.
        numerator: Of the inverse depth; depth beyond what 16 bits of centimetres reach is that, 655.35 m.
    """
    width, height = size
    labels, confidence = np.empty((height, width), np.uint8), np.empty((height, width), np.float32)
    depth_m = None if field.depth is None else np.empty((height, width), np.float32)
    columns = _between(width, field.end[0], field.logits.shape[-1], field.logits.device)
    rows = _between(height, field.end[1], field.logits.shape[-2], field.logits.device)
    for part in batches(height, max(STRIP // (len(field.logits) * width), 1)):
        probabilities = _strip(field.logits, rows, part, columns).softmax(0)
        best, which = probabilities.max(0)
        labels[part], confidence[part] = which.to(torch.uint8).cpu().numpy(), best.cpu().numpy()
        if depth_m is not None and field.depth is not None:
            z = _strip(field.depth, rows, part, columns)[0].cpu().numpy()
            depth_m[part] = metres(z, numerator=numerator, cap_m=FAR_M)
    return Rendered(labels, confidence, depth_m)


class _Between(NamedTuple):
    """For each pixel of a line, the cell before it, the cell after it, and how far it is on the way."""

    before: Tensor
    after: Tensor
    share: Tensor


def _between(pixels: int, end: float, cells: int, device: torch.device) -> _Between:
    at = torch.arange(pixels, device=device, dtype=torch.float64) * (end / max(pixels - 1, 1))
    before = at.long().clamp_max(cells - 1)
    return _Between(before, (before + 1).clamp_max(cells - 1), (at - before).float())


def _strip(values: Tensor, rows: _Between, part: slice, columns: _Between) -> Tensor:
    """Some rows of a map ``(C, h, w)`` at full size, ``(C, rows, W)``."""
    down = torch.lerp(values[:, rows.before[part]], values[:, rows.after[part]], rows.share[part, None])
    return torch.lerp(down[..., columns.before], down[..., columns.after], columns.share)


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
