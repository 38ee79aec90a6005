"""Several prepared sources as one, which is read where they lie: an index, and arrays that lead to theirs.

Each source has a weight: how often its images are drawn for those of the others, however many it has. Counts of pixels
are weighed alike: as if every source had as many images as its weight says, and all together as many as there are.
"""

import bisect
import json
import os
import zlib
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dadist.data.prepared import INDEX, VERSION, Prepared
from dadist.storage import seal
from dadist.storage.errors import DataError

AGAIN = "delete the folder and run the same command again"


class Lined:
    """Arrays of equal rows as one, along the first axis; what is taken out are plain arrays.

    Args:
        arrays: One or more.
    """

    def __init__(self, arrays: Sequence[NDArray[Any]]) -> None:
        self.arrays, self.ends = arrays, [*accumulate(len(array) for array in arrays)]
        self.shape, self.dtype = (self.ends[-1], *arrays[0].shape[1:]), arrays[0].dtype

    def __len__(self) -> int:
        return self.ends[-1]

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """A row by its number, or rows by a list, an array or a slice; further keys are of what a row holds."""
        first, *rest = key if isinstance(key, tuple) else (key,)
        if isinstance(first, int | np.integer):
            number = range(len(self))[first]
            part = bisect.bisect(self.ends, number)
            found: NDArray[Any] = self.arrays[part][(number - self.ends[part] + len(self.arrays[part]), *rest)]
            return found
        rows = [self[(row, *rest)] for row in np.arange(len(self))[first].tolist()]
        return np.stack(rows) if rows else np.asarray(self.arrays[0][:0])


class Joined(Prepared):
    """Several prepared sources as one, in a folder that `join` made.

    Attributes:
        parts: The sources.
        weights: How often each is drawn, adding up to 1.
    """

    def __init__(self, folder: Path) -> None:
        index = _index(folder)
        self.weights: list[float] = index["weights"]
        self.parts = [_part(folder, *one) for one in zip(index["parts"], index["made"], strict=True)]
        super().__init__(folder)

    def __reduce__(self) -> tuple[type["Joined"], tuple[Path]]:
        return Joined, (self.folder,)

    @property
    def chances(self) -> NDArray[np.float64]:
        """How likely each image is drawn, ``(N,)``, adding up to 1."""
        counts = [len(part) for part in self.parts]
        return np.repeat(np.array(self.weights) / counts, counts)

    def _path(self, name: str) -> Path:
        return self.parts[0]._path(name)

    def _open(self, name: str) -> Any:
        return Lined([part._open(name) for part in self.parts])


def opened(folder: Path) -> Prepared:
    """A prepared source; a `Joined` where it is several.

    Raises:
        DataError: It is damaged, or one of several is another than it was.
    """
    return Joined(folder) if "parts" in _index(folder) else Prepared(folder)


def _index(folder: Path) -> dict[str, Any]:
    return seal.load(folder / INDEX, version=VERSION, what="the index of a prepared split", remedy=AGAIN)


def _part(folder: Path, place: str, made: int) -> Prepared:
    part = folder / place
    if not (part / INDEX).is_file() or zlib.crc32((part / INDEX).read_bytes()) != made:
        got = "another" if (part / INDEX).is_file() else "none"
        raise DataError(
            f"{part}: expected the source that {folder} was joined of, got {got}; delete {folder}, and run again"
        )
    return Prepared(part)


def join(parts: Sequence[Path], weights: Sequence[float], folder: Path) -> None:
    """Write the index of a folder that `opened` opens as one split.

    Depth is there if every part has it. Labels are at the images' size, as those of sources are.

    Args:
        parts: Folders of prepared sources, of one size and class set.
        weights: Above 0, one of each.
        folder: To make, for `opened`.

    Raises:
        DataError: Two parts differ in size, in what they show of their frame, or in classes.
    """
    sources = [Prepared(part) for part in parts]
    first = sources[0]
    for other in sources[1:]:
        for what, mine, theirs in (
            ("size", (first.width, first.height), (other.width, other.height)),
            ("fit", first.content is None, other.content is None),
            ("classes", first.classes, other.classes),
        ):
            if mine != theirs:
                raise DataError(
                    f"{other.folder}: expected the {what} of {first.folder}, got another; prepare both again"
                )
    counts = np.array([len(one) for one in sources])
    shares = np.array(weights) / np.sum(weights)
    pixels = sum(share / count * one.pixels for share, count, one in zip(shares, counts, sources, strict=True))
    arrays = ["images", "labels", *["depth"] * all(one.has_depth for one in sources)]
    folder.mkdir(parents=True, exist_ok=True)
    index = {
        "parts": [os.path.relpath(part, folder) for part in parts],
        "made": [zlib.crc32((part / INDEX).read_bytes()) for part in parts],
        "weights": shares.tolist(),
        "names": [f"{one.folder.name}/{name}" for one in sources for name in one.names],
        "classes": json.loads(first.classes.as_json()),
        "width": first.width,
        "height": first.height,
        "depth_kind": first.depth_kind,
        "depth_estimated": any(one.depth_estimated for one in sources),
        "pixels": np.rint(counts.sum() * pixels).astype(int).tolist(),
        "pixels_of_each": [row for one in sources for row in _listed(one.pixels_of_each)],
        "original": list(first.original),
        "content": None if first.content is None else [row for one in sources for row in _listed(one.content)],
        "native": None,
        "arrays": {name: {} for name in arrays},
        "files": [],
    }
    seal.save(index, folder / INDEX, version=VERSION)


def _listed(rows: NDArray[np.int64] | None) -> list[list[int]]:
    assert rows is not None  # a source has labels, and one frame padded for all
    found: list[list[int]] = rows.tolist()
    return found
