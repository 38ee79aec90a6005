"""From the lattice of a network's outputs to pixels: bilinear, band by band.

The enlarged logits of an image, its classes times its pixels, are never in memory together: 134 MB of 16 classes at
2048x1024. A band has the pixels between two rows of the lattice, and fits a processor's cache.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

BAND = 2**22  # numbers of a band on a GPU, which wants few and large ones: 16 MB as float32


class Line(NamedTuple):
    """For each pixel of a line, the cell before it, the cell after it, and how far it is on the way."""

    before: Tensor
    after: Tensor
    share: Tensor

    def part(self, pixels: slice | Tensor) -> "Line":
        """Of some of its pixels."""
        return Line(self.before[pixels], self.after[pixels], self.share[pixels])


class Places(NamedTuple):
    """Where the pixels of an image lie on a lattice."""

    rows: Line
    columns: Line


def places(values: Tensor, size: tuple[int, int], end: tuple[float, float] | None = None) -> Places:
    """Of an image of ``size`` (H, W), whose last pixel lies at the column and row ``end`` of a map ``(C, h, w)``.

    Without an end it lies on the last cell: corners are aligned, as in the authors' code.
    """
    height, width = values.shape[-2:]
    column, row = end or (width - 1, height - 1)
    return Places(_line(size[0], row, height, values), _line(size[1], column, width, values))


def labels(logits: Tensor, at: Places) -> Tensor:
    """Most probable class ``(H, W)`` uint8 of each pixel; of equal ones the first.

    Between four cells that have one class it is that of every pixel, so on a processor only the others are enlarged.

    Args:
        logits: ``(C, h, w)``.
        at: Of the pixels.
    """
    if _for_gpu(logits):
        return torch.cat([band.max(-1).indices.to(torch.uint8) for _, band in bands(logits, at)])
    rows, columns, values = *at, _interleaved(logits)
    cells = values.max(-1).indices.to(torch.uint8)
    right, below = _following(cells, 1), _following(cells, 0)
    # Of pixels on the last row or column, the cells after them are these themselves.
    alike = (cells == right) & (cells == below) & (cells == _following(below, 1))
    mixed = ~alike[:, columns.before]
    made = cells[:, columns.before][rows.before]
    for row, pixels in _pairs(rows):
        if len(chosen := mixed[row].nonzero()[:, 0]):
            band = _between_two(values, row, rows.part(pixels), columns.part(chosen))
            made[pixels, chosen] = band.max(-1).indices.to(torch.uint8)
    return made


def confidences(logits: Tensor, at: Places) -> Tensor:
    """Softmax probability ``(H, W)`` of the most probable class of each pixel.

    Args:
        logits: ``(C, h, w)``.
        at: Of the pixels.
    """
    # The class itself is the one of the greatest power, 1.
    return torch.cat([_powers(band).sum(0).reciprocal_() for _, band in bands(logits, at)])


def probabilities_of(logits: Tensor, classes: Tensor, at: Places) -> Tensor:
    """Softmax probability ``(H, W)`` of a class that is given for each pixel.

    Args:
        logits: ``(C, h, w)``.
        classes: ``(H, W)`` integers.
        at: Of the pixels.
    """
    found = []
    for pixels, band in bands(logits, at):
        powers = _powers(band)
        found.append(powers.gather(0, classes[None, pixels].long())[0] / powers.sum(0))
    return torch.cat(found)


def bands(values: Tensor, at: Places) -> Iterator[tuple[slice, Tensor]]:
    """Rows of pixels, and a map ``(C, h, w)`` there, ``(rows, W, C)``; all rows, one band after the other.

    What a pixel has lies side by side, which makes its maximum and its softmax half the work.
    """
    given = _interleaved(values)
    if not _for_gpu(values):
        for row, pixels in _pairs(at.rows):
            yield pixels, _between_two(given, row, at.rows.part(pixels), at.columns)
        return
    height, step = len(at.rows.share), max(BAND // (len(values) * len(at.columns.share)), 1)
    for begin in range(0, height, step):
        pixels = slice(begin, min(begin + step, height))
        rows = at.rows.part(pixels)
        down = torch.lerp(given[rows.before], given[rows.after], rows.share[:, None, None])
        yield pixels, _across(down, at.columns)


def _for_gpu(values: Tensor) -> bool:
    return values.is_cuda


def _powers(band: Tensor) -> Tensor:
    """Of ``(rows, W, C)``, what softmax divides by its sum, ``(C, rows, W)``: of few classes it is slow itself."""
    apart = band.permute(2, 0, 1).contiguous()
    return apart.sub_(apart.amax(0)).exp_()


def _interleaved(values: Tensor) -> Tensor:
    """``(h, w, C)`` of ``(C, h, w)``."""
    return values.permute(1, 2, 0).contiguous()


def _line(pixels: int, end: float, cells: int, like: Tensor) -> Line:
    """The first pixel lies on the first of the cells, the last one at ``end``, in cells; shares have a map's type."""
    at = torch.arange(pixels, device=like.device, dtype=torch.float64) * (end / max(pixels - 1, 1))
    before = at.long().clamp_max(cells - 1)
    return Line(before, (before + 1).clamp_max(cells - 1), (at - before).to(like.dtype))


def _pairs(rows: Line) -> Iterator[tuple[int, slice]]:
    """Rows of the lattice, and the rows of pixels between each of them and the next; without those that have none."""
    begin = 0
    for row, count in enumerate(torch.bincount(rows.before).tolist()):
        if count:
            yield row, slice(begin, begin + count)
            begin += count


def _between_two(values: Tensor, row: int, rows: Line, columns: Line) -> Tensor:
    """A map ``(h, w, C)`` at pixels that all lie between one row of the lattice and the next."""
    both = _across(values[row : row + 2], columns)
    return torch.lerp(both[:1], both[-1:], rows.share[:, None, None])


def _across(values: Tensor, columns: Line) -> Tensor:
    return torch.lerp(values[:, columns.before], values[:, columns.after], columns.share[:, None])


def _following(cells: Tensor, side: int) -> Tensor:
    """For each cell the next one along a side, and for the last that itself."""
    return torch.cat([cells.narrow(side, 1, cells.shape[side] - 1), cells.narrow(side, cells.shape[side] - 1, 1)], side)
