"""A split at its working size, checked and written once as plain arrays that every later stage maps into memory.

Plain, as was measured on one core for image, labels and depth of 1280x760 (docs/speed.md): 2200 samples a second come
from the page cache, 400 of them where their checksums are compared, which is done once, and 170 from a disk, at 5.8 MB
each; from the shipped PNGs 25. zlib takes 30 % of that room and gives 75, PNG 23 % and 37: enough for a GPU only with
threads that read ahead, and with one or two cores for each GPU. Depth as float16 would save nothing, and JPEG (5 %,
105) changes the pixels.
"""

import json
import zlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dadist.classes import ClassSet
from dadist.config.prior_sections import Camera
from dadist.data.packing import native_file
from dadist.data.readers.base import decode
from dadist.data.resize import Fit, Frame, Size, frame_around
from dadist.storage import seal
from dadist.storage.arrays import Checked
from dadist.storage.errors import DataError

VERSION = 7  # of the folder's format
INDEX = "index.json"
_AGAIN = "delete the folder and prepare the split again"


class Prepared:
    """A folder that `preparation.write` made, opened read-only.

    Labels and depth are opened when they are first asked for, so who asks for images alone touches no label.
    An object that goes to another process takes the folder's path with it, not the arrays.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = seal.load(folder / INDEX, version=VERSION, what="the index of a prepared split", remedy=_AGAIN)
        self.names: list[str] = index["names"]
        self.classes = ClassSet.from_json(json.dumps(index["classes"]))
        self.width: int = index["width"]
        self.height: int = index["height"]
        self.depth_kind: str = index.get("depth_kind", "metric")  # what `depth` holds; an older index does not say
        found = index.get("camera")
        self.camera: Camera | None = Camera(**found) if found else None  # of its camera files, if it was asked for
        self.depth_estimated: bool = index.get("depth_estimated", False)  # by estimate_depth, so no truth to measure by
        self.pixels: NDArray[np.int64] = np.array(index["pixels"], np.int64)  # (C,) before resizing; 0 without labels
        # (N, C) of each image, before resizing; None without labels
        self.pixels_of_each: NDArray[np.int64] | None = _rows(index["pixels_of_each"])
        self.original: Size = (index["original"][0], index["original"][1])  # (width, height) of most images' files
        # (N, 2), width and height of what a padded frame shows of each image, on its upper left; None where it fills it
        self.content: NDArray[np.int64] | None = _rows(index["content"])
        # (N, 2), width and height of labels that keep the size of their files; None for labels of the images' size
        self.native: NDArray[np.int64] | None = _rows(index["native"])
        self._arrays: dict[str, dict[str, Any]] = index["arrays"]  # what `Rows.record` says of each
        self._files: list[int] = index["files"]  # checksums of labels that keep the size of their files
        for name in self._arrays:
            if not self._path(name).is_file():
                raise DataError(f"{self._path(name)}: expected {name}, which the index lists, got no file; {_AGAIN}")
        self.images: NDArray[np.uint8] = self._open("images")  # (N, H, W, 3) RGB

    def __len__(self) -> int:
        return len(self.names)

    def __reduce__(self) -> tuple[type["Prepared"], tuple[Path]]:
        return Prepared, (self.folder,)

    @property
    def working(self) -> Frame:
        """What a network that is trained on these images has to know of their size."""
        return Frame(self.width, self.height, "stretch" if self.content is None else "pad", self.original)

    @property
    def has_depth(self) -> bool:
        """Whether the split was prepared with depth."""
        return "depth" in self._arrays

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """Train ids at the images' size, ``(N, H, W)``; `truth` has those of a split to evaluate on, of any size."""
        if self.native is not None:
            raise DataError(f"{self.folder}: expected labels at the images' size, got labels of their own; ask `truth`")
        return self._open("labels")

    @cached_property
    def depth(self) -> NDArray[np.uint16]:
        """Centimetres, ``(N, H, W)``; 0 where there is no depth, 65535 where it is far.

        With the kind "relative": inverse depth from 1, the farthest of an image, to 65535, the nearest; 0: none.
        """
        return self._open("depth")

    def truth(self, index: int) -> NDArray[np.uint8]:
        """Train ids of one image at the size that it is evaluated at, ``(h, w)``; without padding.

        Raises:
            DataError: The file is not there, or not the one that was written together with the index.
        """
        if self.native is None:
            width, height = (self.width, self.height) if self.content is None else self.content[index]
            return self.labels[index, :height, :width]
        path = self.folder / native_file(index)
        if not path.is_file() or zlib.crc32(path.read_bytes()) != self._files[index]:
            got = "another checksum (damaged)" if path.is_file() else "no such file"
            raise DataError(f"{path}: expected the file as it was written, got {got}; {_AGAIN}")
        return decode(path)

    def frame(self, index: int) -> Size:
        """(width, height) of the whole network input in pixels of `truth`, which is its upper left part.

        Native labels of a padded split are, in the paper's protocol, extended on the right and bottom to the
        input's aspect ratio, and predictions are brought to that size.
        """
        if self.native is None:
            return self.width, self.height
        width, height = self.native[index].tolist()
        fit: Fit = "stretch" if self.content is None else "pad"
        return frame_around((width, height), (self.width, self.height), fit)

    def inside(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.bool_]:
        """Where the frame shows these images, ``(len(rows), H, W)``; False on padding."""
        if self.content is None:
            return np.ones((len(rows), self.height, self.width), bool)
        widths, heights = self.content[rows].T[..., None]  # (B, 1) each
        mask: NDArray[np.bool_] = (np.arange(self.height) < heights)[:, :, None] & (np.arange(self.width) < widths)[
            :, None
        ]
        return mask

    def _open(self, name: str) -> NDArray[Any]:
        path = self._path(name)
        if name not in self._arrays:
            raise DataError(f"{path}: expected {name}, found no such file; prepare this split with {name} = true")
        return Checked.open(path, self._arrays[name])

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npy"


def _rows(listed: list[list[int]] | None) -> NDArray[np.int64] | None:
    return None if listed is None else np.array(listed, np.int64)


def spread(items: int, wanted: int) -> NDArray[np.int64]:
    """At most ``wanted`` indices, evenly spread over ``items``."""
    return np.unique(np.linspace(0, items - 1, min(wanted, items)).astype(np.int64))
