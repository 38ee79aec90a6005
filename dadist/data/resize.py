"""How an image goes into the network's frame: stretched, or shrunk as a whole and padded on the right and bottom."""

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Fit = Literal["stretch", "pad"]
Size = tuple[int, int]  # (width, height) in pixels
T = TypeVar("T", bound=np.generic)

SAME_RATIO = 0.01  # aspect ratios that differ by less are one: sizes are whole pixels


@dataclass(frozen=True)
class Frame:
    """The size that a network works at, and how the images of its target came into it."""

    width: int  # pixels
    height: int  # pixels
    fit: Fit
    original: Size  # of those images in their files; of most of them, where they differ

    def of(self, size: Size) -> tuple[Size, Size]:
        """What an image of any ``size`` takes of the network's input, on its upper left, and the size of that input.

        As `prepare` does it, where the frame pads or the image has the aspect ratio of the target's. Any other image
        is not squeezed: it keeps its ratio, and takes as many pixels as the frame has, at most.
        """
        frame, (width, height) = (self.width, self.height), size
        same = abs(width * self.original[1] / (height * self.original[0]) - 1) < SAME_RATIO
        if self.fit == "pad" or same:
            return content_size(size, frame, self.fit), frame
        scale = (self.width * self.height / (width * height)) ** 0.5
        content = max(int(width * scale + 1e-6), 1), max(int(height * scale + 1e-6), 1)
        return content, content


def content_size(size: Size, frame: Size, fit: Fit) -> Size:
    """What an image of ``size`` takes of the frame: all of it, or for ``"pad"`` as much as its aspect ratio allows.

    The scale is min(W / w, H / h); the shorter side is cut to whole pixels, as in the authors' code.
    """
    if fit == "stretch":
        return frame
    (w, h), (width, height) = size, frame
    if width * h <= height * w:
        return width, max(h * width // w, 1)
    return max(w * height // h, 1), height


def frame_around(size: Size, frame: Size, fit: Fit) -> Size:
    """The frame in pixels of labels that keep their own ``size``: of these a padded frame takes its aspect ratio."""
    if fit == "stretch":
        return size
    (w, h), (width, height) = size, frame
    if width * h <= height * w:
        return w, w * height // width
    return h * width // height, h


def centres(size: int, cells: int) -> NDArray[np.intp]:
    """Pixel under the centre of each cell, where ``cells`` cells span ``size`` pixels: ``(cells,)``."""
    return (2 * np.arange(cells) + 1) * size // (2 * cells)


def bicubic(image: NDArray[np.uint8], content: Size, frame: Size) -> NDArray[np.uint8]:
    """``(h, w, 3)`` resized to ``content`` by PIL's bicubic filter and padded with black: ``(H, W, 3)``."""
    if image.shape[1::-1] != content:
        image = np.asarray(Image.fromarray(image).resize(content, Image.Resampling.BICUBIC))
    return _padded(image, frame, 0)


def nearest(stored: NDArray[T], content: Size, frame: Size, fill: int) -> NDArray[T]:
    """``(h, w)`` resized to ``content`` and padded with ``fill``: ``(H, W)``.

    A cell takes the pixel that holds its centre.
    """
    if stored.shape[::-1] != content:
        (width, height), (rows, columns) = content, stored.shape
        stored = stored[np.ix_(centres(rows, height), centres(columns, width))]
    return _padded(stored, frame, fill)


def _padded(array: NDArray[T], frame: Size, fill: int) -> NDArray[T]:
    height, width = array.shape[:2]
    if (width, height) == frame:
        return array
    padded = np.full((frame[1], frame[0], *array.shape[2:]), fill, array.dtype)
    padded[:height, :width] = array
    return padded
