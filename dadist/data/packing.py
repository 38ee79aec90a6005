"""One scene of a data set, read, checked and put at its place in a prepared split."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE, ClassSet
from dadist.data.base import DataError, Files, Reader, read_image, require_known, require_size
from dadist.data.fit import Fit, Size, bicubic, content_size, nearest
from dadist.data.rows import Rows

ARRAYS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {  # type, and shape beyond (N, H, W)
    "images": (np.uint8, (3,)),
    "labels": (np.uint8, ()),
    "depth": (np.uint16, ()),
}
NATIVE = "labels"  # folder of labels that keep the size of their files


def native_file(index: int) -> str:
    """Labels of one image at the size of their file.

    As PNG: 28 kB for 1024x2048, read in 3.5 ms (a plain array: 2.1 MB), and every viewer opens it.
    """
    return f"{NATIVE}/{index:06}.png"


class Packed(NamedTuple):
    """What is known of a scene once it is written."""

    pixels: list[int]  # per class before resizing; 0 without labels
    size: Size  # of its files


@dataclass(frozen=True)
class Packer:
    """What is done to each scene of a split."""

    reader: Reader
    ids: dict[int, str | None]
    classes: ClassSet
    frame: Size  # of the images
    fit: Fit
    native: bool  # whether labels keep the size of their files
    folder: Path
    rows: dict[str, Rows]

    def __call__(self, index: int, scene: Files) -> Packed:
        """Write scene number ``index``.

        Raises:
            DataError: One of its files is not what it should be.
        """
        image = read_image(scene.image)
        size: Size = (image.shape[1], image.shape[0])
        content = content_size(size, self.frame, self.fit)
        pixels = [0] * len(self.classes)
        if scene.labels is not None:
            raw = self.reader.read_labels(scene.labels)
            require_size(scene.labels, raw, scene.image, image)
            pixels = self._pack_labels(index, raw, scene.labels, content)
        if scene.depth is not None:
            depth = self.reader.read_depth(scene.depth)
            require_size(scene.depth, depth, scene.image, image)
            if not depth.any():
                raise DataError(f"{scene.depth}: expected depth in centimetres, got 0 everywhere; copy the file again")
            self.rows["depth"].put(index, nearest(depth, content, self.frame, 0))
        self.rows["images"].put(index, bicubic(image, content, self.frame))
        return Packed(pixels, size)

    def _pack_labels(self, index: int, raw: NDArray[np.uint8], path: Path, content: Size) -> list[int]:
        """Write raw ids as train ids; pixels per class, ``(C,)``."""
        seen = histogram(raw)
        require_known(path, seen, self.reader.dataset, self.ids)
        table = self.classes.lookup(self.reader.dataset, self.ids)
        if self.native:
            _write_png(self.folder / native_file(index), table[raw])
        else:
            self.rows["labels"].put(index, nearest(table[raw], content, self.frame, IGNORE))
        counts = np.zeros(256, np.int64)  # per train id
        np.add.at(counts, table, seen)
        return [int(count) for count in counts[: len(self.classes)]]


def histogram(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many pixels have each value, ``(256,)``.

    By OpenCV, five times as fast as numpy.bincount; its counts are float32, exact to 2^24, hence the blocks.
    """
    blocks = np.array_split(values, values.size // 2**24 + 1)
    counts = [cv2.calcHist([block], [0], None, [256], [0, 256]) for block in blocks if block.size]
    seen: NDArray[np.int64] = np.sum(counts, axis=0, dtype=np.int64).ravel()
    return seen


def _write_png(path: Path, array: NDArray[np.uint8]) -> None:
    """By a plain write, which says why it fails, where cv2.imwrite only says that it does."""
    _, content = cv2.imencode(".png", array, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    path.write_bytes(content.tobytes())
