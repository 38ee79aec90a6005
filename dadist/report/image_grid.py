"""Columns of small pictures under titles, and a picture as an SVG; no network is needed for them."""

import base64
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dadist.classes import ClassSet, colourise
from dadist.storage.atomic import atomic

GAP = 4  # pixels between cells
BAR = 22  # pixels of a title


def coloured(labels: NDArray[np.uint8], classes: ClassSet) -> NDArray[np.uint8]:
    """Train ids ``(N, H, W)`` as RGB ``(N, H, W, 3)``."""
    return np.stack([colourise(one, classes) for one in labels])


def column(title: str, cells: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """A title above the cells ``(N, H, W, 3)``, one below the other on white, with a gap on the right."""
    width = cells.shape[2] * scale
    bar = np.full((BAR, width, 3), 255, np.uint8)
    cv2.putText(bar, title, (3, BAR - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    gap = np.full((GAP, width, 3), 255, np.uint8)
    parts = [bar]
    for cell in cells:
        parts += [cell.repeat(scale, 0).repeat(scale, 1), gap]
    column = np.concatenate(parts[:-1])
    return np.concatenate([column, np.full((len(column), GAP, 3), 255, np.uint8)], axis=1)


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
