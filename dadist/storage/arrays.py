"""A .npy file that is written row by row, and read with the checksum of each row compared."""

import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dadist.storage.errors import DataError

HEAD = 10  # bytes of a .npy file before its description, whose length is in the last two of them


@dataclass(frozen=True)
class Rows:
    """A .npy file of known shape whose rows are written in any order.

    By plain writes: on a full disk or quota they raise OSError, where a writable memory map would die of SIGBUS.
    """

    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int  # of the first row, in bytes

    @classmethod
    def create(cls, path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> "Rows":
        """An empty file of ``shape``; a row is one item of the first axis."""
        array = np.lib.format.open_memmap(path, "w+", dtype, shape)
        return cls(path, array.dtype, array.shape, array.offset)

    @classmethod
    def open(cls, path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> "Rows":
        """A file that ``create`` made, to write the rest of it.

        Raises:
            DataError: It is not there, or not as it was begun.
        """
        length = path.stat().st_size if path.is_file() else 0
        rows = cls(path, np.dtype(dtype), shape, length - math.prod(shape) * np.dtype(dtype).itemsize)
        head = b""
        if length:
            with path.open("rb") as file:
                head = file.read(HEAD)
        if not head.startswith(np.lib.format.MAGIC_PREFIX) or rows.offset != HEAD + int.from_bytes(head[-2:], "little"):
            raise DataError(
                f"{path}: expected the array as it was begun, got {length} bytes of another or none; "
                f"delete {path.parents[1]} and run the same command again"
            )
        return rows

    @property
    def row_bytes(self) -> int:
        """Of one row."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def record(self, sums: list[int]) -> dict[str, Any]:
        """What an index says of the file, so that `Checked.open` need not believe what it says of itself.

        Args:
            sums: The checksum of each row, as ``put`` gave them.
        """
        return {"dtype": self.dtype.str, "shape": list(self.shape), "offset": self.offset, "sums": sums}

    def put(self, first: int, rows: NDArray[Any]) -> list[int]:
        """Write one row, or consecutive ones from ``first`` on; dtype and shape are the caller's to keep.

        Returns:
            The checksum of each, for `Checked`.
        """
        content = memoryview(rows.tobytes())
        with self.path.open("r+b") as file:
            file.seek(self.offset + first * self.row_bytes)
            file.write(content)
        return [zlib.crc32(content[at : at + self.row_bytes]) for at in range(0, len(content), self.row_bytes)]

    def sync(self) -> None:
        """Wait until all of it is on the disk."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())


class Checked(np.ndarray[Any, Any]):
    """An array in a file, each of whose rows is compared with its checksum when a process first reads it.

    Hashing all of it before a training would read 55 GB for SYNTHIA at full size; CRC-32 of a row goes at 3 to 6 GB/s,
    a fifth of a millisecond for an image of 640x320, and only once. What is taken out are plain arrays.
    """

    path: Path
    sums: NDArray[np.uint32]  # (N,); one per row
    seen: NDArray[np.bool_]  # (N,); whether the row was compared

    @classmethod
    def open(cls, path: Path, record: dict[str, Any]) -> "Checked":
        """The file that `Rows.record` told of, read-only.

        Raises:
            DataError: It is not there, or not as long as it was written.
        """
        dtype, shape, offset = np.dtype(record["dtype"]), tuple(record["shape"]), record["offset"]
        expected = offset + math.prod(shape) * dtype.itemsize
        got = f"{path.stat().st_size}" if path.is_file() else "no such file"
        if got != f"{expected}":
            raise DataError(
                f"{path}: expected a whole file of {expected} bytes, as it was written, got {got}; "
                f"delete {path.parent} and run the same command again"
            )
        # A plain view: rows taken from a memmap object would be memmap objects, slower to handle.
        array = np.memmap(path, dtype, "r", offset, shape).view(np.ndarray)
        return cls.over(array, path, record["sums"])

    @classmethod
    def over(cls, array: NDArray[Any], path: Path, sums: list[int]) -> "Checked":
        """A view of an array; ``path`` is for messages."""
        view = array.view(cls)
        view.path, view.sums, view.seen = path, np.array(sums, np.uint32), np.zeros(len(sums), np.bool_)
        return view

    def __getitem__(self, key: Any) -> Any:
        """Rows, or parts of them.

        Raises:
            DataError: One of them is not what was written.
        """
        plain = self.view(np.ndarray)
        if hasattr(self, "sums"):  # not so the result of a computation, which numpy makes of this type too
            first = key[0] if isinstance(key, tuple) else key
            rows = np.arange(len(plain))[first].ravel() if np.ndim(first) < 2 else np.arange(len(plain))
            for row in rows[~self.seen[rows]].tolist():
                if zlib.crc32(plain[row]) != self.sums[row]:
                    raise DataError(
                        f"{self.path}: expected row {row} as it was written, got another checksum (a damaged file); "
                        f"delete {self.path.parent} and run the same command again"
                    )
                self.seen[row] = True
        return plain[key]
