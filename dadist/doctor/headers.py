"""The first and last bytes of every file: size, depth, channels, and whether it is whole. Nothing is decoded.

Sources: PNG specification, 2003, clauses 5 and 11; ITU-T T.81 (JPEG), annex B.
"""

import dataclasses
import errno
import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dadist.data.readers.base import Files, Reader, decode, read_image
from dadist.doctor.faults import AGAIN, Finding, finding, link, told
from dadist.storage.errors import DataError

PNG, PNG_END = b"\x89PNG\r\n\x1a\n", b"\0\0\0\0IEND\xaeB`\x82"
PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by colour type; a palette decodes to colours
JPEG, JPEG_END = b"\xff\xd8", b"\xff\xd9"
JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start-of-frame markers
ROLES = ("image", "labels", "depth")  # fields of Files
BATCH = 64  # files per task: a task costs as much as a few files


@dataclass(frozen=True)
class Header:
    """What the first bytes of an image file say."""

    width: int  # pixels
    height: int  # pixels
    kind: str  # "16-bit with 3 channels"
    whole: bool  # whether it ends as its format does


def header(path: Path) -> Header | None:
    """The header of a PNG or JPEG file; None for another format.

    Raises:
        OSError: It cannot be opened or read.
        DataError: It has no bytes, or it is named .png or .jpg and is neither.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        head = os.pread(descriptor, 33, 0)
        if head.startswith(PNG) and len(head) == 33:
            width, height, bits, colour = struct.unpack(">IIBB", head[16:26])
            whole = os.pread(descriptor, len(PNG_END), max(0, size - len(PNG_END))) == PNG_END
            return Header(width, height, _kind(max(bits, 8), PNG_CHANNELS.get(colour, 0), colour == 3), whole)
        if head.startswith(JPEG):
            found = _jpeg(descriptor, size)
            if found is not None:
                return found
    finally:
        os.close(descriptor)
    if not head or path.suffix.lower() in (".png", ".jpg", ".jpeg"):
        raise DataError(f"{path}: expected a whole PNG or JPEG file, got {'another' if head else 'no bytes'}; {AGAIN}")
    return None


def _jpeg(descriptor: int, size: int) -> Header | None:
    """Follows the markers up to the frame header; None if there is none."""
    at = 2
    while at < size:
        mark = os.pread(descriptor, 10, at)
        if len(mark) < 10 or mark[0] != 0xFF:
            return None
        if mark[1] in JPEG_SIZES:
            _, bits, height, width, channels = struct.unpack(">HBHHB", mark[2:])
            return Header(width, height, _kind(bits, channels, False), os.pread(descriptor, 2, size - 2) == JPEG_END)
        # Padding, and markers that stand alone, have no length.
        alone = mark[1] == 0xFF or mark[1] == 0x01 or 0xD0 <= mark[1] <= 0xD7
        at += (1 if mark[1] == 0xFF else 2) if alone else 2 + int.from_bytes(mark[2:4])
    return None


def _kind(bits: int, channels: int, palette: bool) -> str:
    return f"{bits}-bit with {channels} channel{'s' * (channels > 1)}{' from a palette' * palette}"


def scan(scenes: Sequence[Files], workers: int) -> tuple[dict[Path, Header], list[Finding]]:
    """The headers of all files of the scenes, and the files that are not whole image files.

    Args:
        scenes: Of one split.
        workers: Threads; most of the time goes into waiting for the disk.
    """
    paths = [path for scene in scenes for path in (scene.image, scene.labels, scene.depth) if path is not None]
    batches = [paths[first : first + BATCH] for first in range(0, len(paths), BATCH)]
    with ThreadPoolExecutor(workers) as pool:
        looked = [one for batch in pool.map(lambda batch: [_look(path) for path in batch], batches) for one in batch]
    headers = {path: one for path, one in zip(paths, looked, strict=True) if isinstance(one, Header)}
    return headers, [one for one in looked if isinstance(one, Finding)]


def _look(path: Path) -> Header | Finding | None:
    try:
        found = header(path)
    except DataError as error:
        return told("damaged-file" if path.stat().st_size else "empty-file", error)
    except OSError as error:
        return _unopened(path, error)
    if found is None or found.whole:
        return found
    try:  # some programs append bytes of their own: only a file that does not decode is cut
        read_image(path) if path.suffix.lower() in (".jpg", ".jpeg") else decode(path)
    except DataError as error:
        return dataclasses.replace(told("truncated-file", error), fault="truncated-file")
    return found


def _unopened(path: Path, error: OSError) -> Finding:
    if error.errno in (errno.ENOENT, errno.ELOOP) and path.is_symlink():
        return link(path)
    if error.errno == errno.EISDIR:
        return finding("not-a-file", path, "expected a file, got a folder")
    return finding("unreadable-file", path, f"expected a file that can be read, got {error.strerror}")


def formats(reader: Reader, scenes: Sequence[Files], headers: Mapping[Path, Header]) -> Iterator[Finding]:
    """Files that the reader refuses: it tries the first and the last of each kind that the headers tell apart."""
    reads: tuple[Callable[[Path], Any], ...] = (read_image, reader.read_labels, reader.read_depth)
    for role, read in zip(ROLES, reads, strict=True):
        kinds: dict[str, list[Files]] = {}
        for scene in scenes:
            if (found := headers.get(getattr(scene, role))) is not None:
                kinds.setdefault(found.kind, []).append(scene)
        for alike in kinds.values():
            first, last = (_refused(read, getattr(scene, role)) for scene in (alike[0], alike[-1]))
            if first and role != "depth" and _swapped(reader, alike[0]):
                what = f"expected an image, got labels, and an image in {alike[0].labels}"
                yield finding("swapped-folders", alike[0].image, what)
                return
            if error := first or last:
                alone = first is None or last is None or len(alike) == 1
                yield told(f"{role}-format", error, "" if alone else f" (and {len(alike) - 1} more of this kind)")


def _refused(read: Callable[[Path], Any], path: Path) -> Exception | None:
    try:
        read(path)
    except (DataError, OSError) as error:
        return error
    return None


def _swapped(reader: Reader, scene: Files) -> bool:
    return (
        scene.labels is not None
        and _refused(reader.read_labels, scene.image) is None
        and _refused(read_image, scene.labels) is None
    )


def sizes(scenes: Sequence[Files], headers: Mapping[Path, Header]) -> Iterator[Finding]:
    """Labels and depth that are not as large as their image."""
    for scene in scenes:
        image = headers.get(scene.image)
        for path in (scene.labels, scene.depth):
            other = headers.get(path) if path is not None else None
            if path and image and other and (image.width, image.height) != (other.width, other.height):
                expected = f"{image.width}x{image.height} as {scene.image}"
                yield finding("size-mismatch", path, f"expected {expected}, got {other.width}x{other.height}")
