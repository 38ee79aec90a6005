"""A .npy file that is written row by row."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Rows:
    """A .npy file of known shape whose rows are written in any order.

    By plain writes: on a full disk or quota they raise OSError, where a writable memory map would die of SIGBUS.
    """

    path: Path
    offset: int  # of the first row, in bytes
    row_bytes: int

    @classmethod
    def create(cls, path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> "Rows":
        """An empty file of ``shape``; a row is one item of the first axis."""
        return cls._of(path, np.lib.format.open_memmap(path, "w+", dtype, shape))

    @classmethod
    def open(cls, path: Path) -> "Rows":
        """A file that ``create`` made, to write the rest of it."""
        return cls._of(path, np.lib.format.open_memmap(path, "r"))

    @classmethod
    def _of(cls, path: Path, array: np.memmap[Any, Any]) -> "Rows":
        return cls(path, array.offset, array.nbytes // max(len(array), 1))

    def put(self, first: int, rows: NDArray[Any]) -> None:
        """Write one row, or consecutive ones from ``first`` on; dtype and shape are the caller's to keep."""
        with self.path.open("r+b") as file:
            file.seek(self.offset + first * self.row_bytes)
            file.write(rows.tobytes())

    def sync(self) -> None:
        """Wait until all of it is on the disk."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
