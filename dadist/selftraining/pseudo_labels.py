"""Folders of pseudo-labels: written image by image, opened read-only; `labelling` fills one with a network."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dadist.storage import seal
from dadist.storage.arrays import Checked, Rows
from dadist.storage.journal import Journal
from dadist.storage.workspace import CONTENT, JOURNAL, explaining_full_disk, workplace

INDEX = "index.json"
VERSION = 2  # of the folder's format


class PseudoLabels:
    """A folder of pseudo-labels, opened read-only.

    labels ``(N, H, W)`` uint8 train ids, 255 where the network was not sure; areas ``(N,)``, pixels of each image that
    are not padding; confidence ``(N, H, W)`` uint8, the probability of the most probable class in steps of 1/255, as
    `labelling` writes it; counts: what the stage that wrote it reports.
    """

    def __init__(self, folder: Path) -> None:
        index = folder / INDEX
        if not index.is_file():
            raise FileNotFoundError(f"{index}: expected pseudo-labels, got none; run the stage pseudo_label")
        remedy = f"delete {folder} and run the same command again"
        content = seal.load(index, version=VERSION, what="the index of pseudo-labels", remedy=remedy)
        self._folder, self._arrays = folder, content["arrays"]
        self.counts: dict[str, list[int]] = content["counts"]
        self.areas: NDArray[np.int64] = np.array(content["areas"], np.int64)
        self.labels = self._open("labels")

    @property
    def confidence(self) -> NDArray[np.uint8]:
        """Of the labels before refinement."""
        return self._open("confidence")

    def _open(self, name: str) -> NDArray[np.uint8]:
        return Checked.open(self._folder / f"{name}.npy", self._arrays[name])


class Filling:
    """A folder of pseudo-labels that is being made, of which earlier processes may have done a part.

    Args:
        place: Of the work.
        shape: (N, H, W).
        names: Of the arrays.
    """

    def __init__(self, place: Path, shape: tuple[int, ...], names: tuple[str, ...]) -> None:
        begun = (place / JOURNAL).exists()
        self.folder = place / CONTENT
        self.folder.mkdir(exist_ok=True)
        files = {name: self.folder / f"{name}.npy" for name in names}
        made = Rows.open if begun else Rows.create
        self.rows = {name: made(file, shape, np.uint8) for name, file in files.items()}
        self.journal = Journal(place / JOURNAL, self._sync)
        self.done: dict[int, dict[str, Any]] = {mark["row"]: mark for mark in self.journal.marks}
        self.left = [row for row in range(shape[0]) if row not in self.done]

    def put(self, row: int, arrays: dict[str, NDArray[np.uint8]], counts: dict[str, list[int]], area: int) -> None:
        """Write the maps of one image, ``(H, W)`` each; ``counts`` add up over the images."""
        checks = {name: self.rows[name].put(row, array[None])[0] for name, array in arrays.items()}
        self.done[row] = mark = {"row": row, "checks": checks, "counts": counts, "area": area}
        self.journal.add(mark)

    def finish(self, more: dict[str, list[int]]) -> None:
        """Write the index, last; ``more`` joins the counts."""
        self.journal.sync()
        marks = [self.done[row] for row in sorted(self.done)]
        sums = {name: np.sum([mark["counts"][name] for mark in marks], 0).tolist() for name in marks[0]["counts"]}
        content = {
            "counts": {**sums, **more},
            "areas": [mark["area"] for mark in marks],
            "arrays": {name: rows.record([mark["checks"][name] for mark in marks]) for name, rows in self.rows.items()},
        }
        seal.save(content, self.folder / INDEX, version=VERSION)

    def _sync(self) -> None:
        for rows in self.rows.values():
            rows.sync()


@contextlib.contextmanager
def filling(folder: Path, shape: tuple[int, ...], names: tuple[str, ...], key: str) -> Iterator[Filling | None]:
    """Make a folder of pseudo-labels; who is stopped goes on where it was, and the folder appears whole.

    Args:
        folder: The output.
        shape: (N, H, W).
        names: Of the arrays, uint8 each.
        key: Hash of all that the result depends on: work of another key is not gone on with.

    Yields:
        What to fill and to finish; None if the folder is there.
    """
    with explaining_full_disk(folder), workplace(folder, INDEX, key, key) as place:
        if place is None:
            yield None
            return
        made = Filling(place, shape, names)
        with made.journal:
            yield made
