"""Damages files in every way: whoever reads them must refuse them by name, or read what was written."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any


def every(files: Iterable[Path], read: Callable[[], Any], *, step: int = 1) -> dict[str, int]:
    """How many of the damages of each file are told; every other changes nothing that is read.

    Args:
        files: Whole ones; they are left as they were.
        read: All that is believed of them; may raise ValueError or FileNotFoundError, with the name and a remedy.
        step: A bit is flipped in each byte whose place it divides.
    """
    expected, told = read(), {}
    for path in files:
        whole = path.read_bytes()
        told[path.name] = 0
        for content in _damages(whole, step):
            path.unlink() if content is None else path.write_bytes(content)
            try:
                assert read() == expected, path
            except (ValueError, FileNotFoundError) as error:
                assert str(path) in str(error), error  # noqa: PT017 - to be told or harmless, either is right
                assert "run the " in str(error) or "prepare the " in str(error), error  # noqa: PT017
                told[path.name] += 1
            path.write_bytes(whole)
    return told


def _damages(whole: bytes, step: int) -> Iterator[bytes | None]:
    """A bit flipped here and there, then without an end, empty, and no file."""
    for at in range(0, len(whole), step):
        yield whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]
    yield from (whole[:-1], whole[: len(whole) // 2], whole + b"\0", b"", None)
