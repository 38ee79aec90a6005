"""Columns of small pictures under titles, and a picture as an SVG; no network is needed for them."""

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from dadist.classes import ClassSet, colourise
from dadist.storage.atomic import atomic

GAP = 4  # pixels between cells
BAR = 22  # pixels of a title
FULL = 192  # pixels of a cell from which on titles grow
FONT = cv2.FONT_HERSHEY_SIMPLEX
LAYOUT = "layout"  # key of the PNG's text that says where the cells are


@dataclass(frozen=True)
class Layout:
    """Where the cells of a grid are in its picture, so that a page can show them one by one."""

    titles: tuple[str, ...]  # of the columns
    rows: int
    width: int  # of a cell, pixels
    height: int

    def cells(self) -> Iterator[tuple[str, int, tuple[int, int, int, int]]]:
        """Title, row from 1 on, and box (left, top, right, bottom) of each, row by row."""
        for row in range(self.rows):
            top = title_height(self.width) + row * (self.height + GAP)
            for at, title in enumerate(self.titles):
                left = at * (self.width + GAP)
                yield title, row + 1, (left, top, left + self.width, top + self.height)


def draw(
    columns: Sequence[tuple[str, NDArray[np.uint8]]], path: Path, *, scale: int, classes: ClassSet | None = None
) -> None:
    """Write columns side by side as a PNG that says where its cells are.

    Args:
        columns: Title and cells ``(N, H, W, 3)`` of each.
        path: PNG to write.
        scale: Whole-number enlargement.
        classes: If given, their colours stand below.
    """
    grid = np.concatenate([column(title, cells, scale) for title, cells in columns], axis=1)[:, :-GAP]
    rows, height, width = columns[0][1].shape[:3]
    if classes is not None:
        names = legend(classes, grid.shape[1], max(width * scale / FULL, 1.0))
        grid = np.concatenate([grid, np.full((GAP, *grid.shape[1:]), 255, np.uint8), names])
    save(grid, path, Layout(tuple(title for title, _ in columns), rows, width * scale, height * scale))


def layout(path: Path) -> Layout | None:
    """Where the cells of a picture are; None of a picture that is no grid."""
    with Image.open(path) as opened:
        told = opened.info.get(LAYOUT)
    return None if told is None else Layout(**{**(found := json.loads(told)), "titles": tuple(found["titles"])})


def coloured(labels: Iterable[NDArray[np.uint8]], classes: ClassSet) -> NDArray[np.uint8]:
    """Train ids ``(N, H, W)`` as RGB ``(N, H, W, 3)``."""
    return np.stack([colourise(one, classes) for one in labels])


def column(title: str, cells: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """A title above the cells ``(N, H, W, 3)``, one below the other on white, with a gap on the right.

    The title grows with cells that are wider than FULL, as the picture is then looked at from farther away.
    """
    width = cells.shape[2] * scale
    larger = max(width / FULL, 1.0)
    bar = np.full((title_height(width), width, 3), 255, np.uint8)
    _write(bar, title, (3, len(bar) - round(7 * larger)), larger)
    gap = np.full((GAP, width, 3), 255, np.uint8)
    parts = [bar]
    for cell in cells:
        parts += [cell.repeat(scale, 0).repeat(scale, 1), gap]
    column = np.concatenate(parts[:-1])
    return np.concatenate([column, np.full((len(column), GAP, 3), 255, np.uint8)], axis=1)


def title_height(width: int) -> int:
    """Pixels of a title above a column of this width."""
    return round(BAR * max(width / FULL, 1.0))


def legend(classes: ClassSet, width: int, size: float) -> NDArray[np.uint8]:
    """Names of the classes beside their colours, in as many lines as it takes, ``(h, width, 3)``.

    Args:
        classes: What is drawn.
        width: Pixels.
        size: Of the letters; 1: those of a title of a column that is not wider than FULL.
    """
    line, box = round(BAR * size), round(12 * size)
    rows, x = [np.full((line, width, 3), 255, np.uint8)], 0
    for name, colour in zip(classes.names, classes.colours, strict=True):
        (length, _), _ = cv2.getTextSize(name, FONT, 0.5 * size, _stroke(size))
        if x and x + 2 * box + length > width:
            rows.append(np.full((line, width, 3), 255, np.uint8))
            x = 0
        top = (line - box) // 2
        rows[-1][top : top + box, x : x + box] = colour
        _write(rows[-1], name, (x + box + round(4 * size), top + box - round(size)), size)
        x += 2 * box + length + round(8 * size)
    return np.concatenate(rows)


def _write(canvas: NDArray[np.uint8], text: str, at: tuple[int, int], size: float) -> None:
    cv2.putText(canvas, text, at, FONT, 0.5 * size, (0, 0, 0), _stroke(size), cv2.LINE_AA)


def _stroke(size: float) -> int:
    return max(round(size), 1)


def save(picture: NDArray[np.uint8], path: Path, layout: Layout | None = None) -> None:
    """Write RGB ``(H, W, 3)`` as PNG, all or nothing, with its layout if it is a grid."""
    told = PngInfo()
    if layout is not None:
        told.add_text(LAYOUT, json.dumps(asdict(layout)))
    with atomic(path) as temporary:
        Image.fromarray(picture).save(temporary, "PNG", compress_level=9, pnginfo=told)


def wrapped(picture: Path, drawing: Path) -> None:
    """A PNG as an SVG of its pixels, at its size and without smoothing, for programs that take SVGs alone."""
    with Image.open(picture) as opened:
        width, height = opened.size
    data = base64.b64encode(picture.read_bytes()).decode()
    with atomic(drawing) as temporary:
        temporary.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
            f'<image width="{width}" height="{height}" style="image-rendering: pixelated" '
            f'href="data:image/png;base64,{data}"/></svg>\n',
            encoding="utf-8",
        )
