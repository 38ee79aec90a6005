"""Depth files that the rule estimate_depth made of the images of a split, in place of those of the data set.

    index.json              what the files hold, and the checksum of each
    <name of a scene>.png   16 bits, one channel; a name may have folders

Relative depth is inverse depth from 1, the farthest of the image, to 65535, the nearest. Metric depth is in
centimetres, 0 where there is none, 65535 from 655.35 m on. A map has the shape of its image and the size that its
network gives.
"""

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dadist.config.prior_sections import Camera
from dadist.data.readers.base import Files, Reader, decode, kind
from dadist.data.readers.content import contents
from dadist.storage import seal
from dadist.storage.errors import DataError

INDEX = "index.json"
VERSION = 1  # of the folder's format
UNITS = {"metric": "cm", "relative": None}


def depth_file(folder: Path, name: str) -> Path:
    """Where the depth of a scene stands."""
    return folder / f"{name}.png"


class Estimated(Reader):
    """A data set with other depth files than its own.

    Args:
        inner: Its reader, which is asked for all but depth.
        folder: That estimate_depth made of the split.

    Raises:
        DataError: The folder has no index, or a damaged one.
    """

    depth_estimated = True

    def __init__(self, inner: Reader, folder: Path) -> None:
        self.inner, self.folder, self.remedy = inner, folder, f"delete {folder} and run the same command again"
        index = seal.load(folder / INDEX, version=VERSION, what="the index of estimated depth", remedy=self.remedy)
        self.depth_kind: str = index["depth_kind"]
        self._checks: dict[str, int] = index["checks"]  # by name: checksum of the file
        self._left_out: dict[str, str] = index["left_out"]  # by name: what is wrong with the image
        self.dataset, self.splits, self.labelled = inner.dataset, inner.splits, inner.labelled
        self.shipped, self.counts, self.cameras = inner.shipped, inner.counts, inner.cameras

    def ids(self, root: Path) -> dict[int, str | None]:
        """Those of the data set."""
        return self.inner.ids(root)

    def relevant(self, options: dict[str, Any], split: str, *, labels: bool, depth: bool) -> dict[str, Any]:
        """The options of its reader, without those of depth files that lie there."""
        return self.inner.relevant(options, split, labels=labels, depth=False)

    def files(self, root: Path, split: str, *, labels: bool, depth: bool) -> list[Files]:
        """The scenes of a split, each with the depth file of its name; without one if its image could not be read."""
        scenes = self.inner.files(root, split, labels=labels, depth=False)
        if not depth:
            return scenes
        return [
            one if one.name in self._left_out else replace(one, depth=depth_file(self.folder, one.name))
            for one in scenes
        ]

    def read_labels(self, path: Path) -> NDArray[np.uint8]:
        """As the data set's reader reads them."""
        return self.inner.read_labels(path)

    def camera(self, image: Path) -> Camera:
        """As the data set's reader reads it."""
        return self.inner.camera(image)

    def read_depth(self, path: Path) -> NDArray[np.uint16]:
        """Centimetres or inverse depth, ``(H, W)``: see above.

        Raises:
            DataError: It is not the file that was written.
        """
        name = path.relative_to(self.folder).as_posix().removesuffix(".png")
        if name not in self._checks or zlib.crc32(contents(path)) != self._checks[name]:
            raise DataError(f"{path}: expected the depth that {INDEX} lists, got another file; {self.remedy}")
        stored = decode(path)
        if stored.dtype != np.uint16 or stored.ndim != 2:
            raise DataError(f"{path}: expected 16 bits with one channel, got {kind(stored)}; {self.remedy}")
        return np.asarray(stored, np.uint16)
