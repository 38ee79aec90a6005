"""The first and last bytes of every file: size, depth, channels, and whether it is whole. Nothing is decoded.

Sources: PNG specification, 2003, clauses 5 and 11; ITU-T T.81 (JPEG), annex B.
"""

import dataclasses
import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from dadist.data.readers.base import Files, Reader, any_size, decode, other_size, read_image, same_shape, too_large
from dadist.data.readers.content import IMAGES, JPEG, NOTES, PNG, TIFF, UNDECODED, noted, require_file
from dadist.doctor.faults import AGAIN, Finding, error_finding, finding, link
from dadist.storage.errors import DamagedError, DataError

PNG_END, JPEG_END = b"\0\0\0\0IEND\xaeB`\x82", b"\xff\xd9"
PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by colour type; a palette decodes to colours
JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start-of-frame markers
JPEG_NOTES = 0xE1  # marker of EXIF and XMP
ENDS = 2**16  # bytes at either end of a PNG that are searched for notes of how the camera was held
ROLES = ("image", "labels", "depth")  # fields of Files
SCALED = "make depth as large as its image; only that of `depth_kind: relative`, of depth networks, may be smaller"
BATCH = 64  # files per task: a task costs as much as a few files


@dataclass(frozen=True)
class Header:
    """What the first bytes of an image file say."""

    width: int  # pixels, upright
    height: int  # pixels, upright
    kind: str  # "16-bit with 3 channels"
    whole: bool  # whether it ends as its format does


def header(path: Path) -> Header | None:
    """The header of an image file of whatever name; None for another one.

    Raises:
        OSError: It cannot be opened or read.
        DataError: It is no file or has no bytes, or it is named as an image and is none.
    """
    require_file(path)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        head = os.pread(descriptor, ENDS, 0)
        if head.startswith(PNG) and len(head) > 32:
            width, height, bits, colour = struct.unpack(">IIBB", head[16:26])
            tail = os.pread(descriptor, ENDS, max(0, size - ENDS))
            may_be_turned = any(name + begin in head + tail for name, begin in NOTES.items())
            held = noted(path) if may_be_turned else 1
            kind = _kind(bits, PNG_CHANNELS.get(colour, 0), colour == 3)
            return Header(*_upright(width, height, held), kind, tail.endswith(PNG_END))
        if head.startswith(JPEG) and (found := _jpeg(path, descriptor, size)) is not None:
            return found
    finally:
        os.close(descriptor)
    return _other(path, head)


def _jpeg(path: Path, descriptor: int, size: int) -> Header | None:
    """Follows the markers up to the frame header; None if there is none."""
    at, held = 2, 1
    while at < size:
        mark = os.pread(descriptor, 10, at)
        if len(mark) < 10 or mark[0] != 0xFF:
            return None
        if mark[1] in JPEG_SIZES:
            _, bits, height, width, channels = struct.unpack(">HBHHB", mark[2:])
            whole = os.pread(descriptor, 2, size - 2) == JPEG_END
            return Header(*_upright(width, height, held), _kind(bits, channels, False), whole)
        if mark[1] == JPEG_NOTES:
            held = noted(path)
        # Padding, and markers that stand alone, have no length.
        alone = mark[1] == 0xFF or mark[1] == 0x01 or 0xD0 <= mark[1] <= 0xD7
        at += (1 if mark[1] == 0xFF else 2) if alone else 2 + int.from_bytes(mark[2:4])
    return None


def _other(path: Path, head: bytes) -> Header | None:
    """Of the formats that PIL knows."""
    try:
        with Image.open(path) as image:
            held = 1 if head.startswith(TIFF) else noted(path)  # PIL gives a TIFF's size upright
            return Header(*_upright(*image.size, held), f"{image.format} of mode {image.mode}", True)
    except UNDECODED as error:
        if not head or (path.suffix.lower() in IMAGES and not head.startswith(TIFF)):  # PIL does not know all of these
            got = "another" if head else "no bytes"
            raise DataError(f"{path}: expected a whole image file, got {got}; {AGAIN}") from error
        return None


def _upright(width: int, height: int, held: int) -> tuple[int, int]:
    return (height, width) if held in (5, 6, 7, 8) else (width, height)


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
        return error_finding("empty-file" if path.is_file() and not path.stat().st_size else "damaged-file", error)
    except Image.DecompressionBombError:
        return error_finding("image-format", too_large(path))
    except FileNotFoundError as error:
        return link(path) if path.is_symlink() else error_finding("missing-files", error)
    except OSError as error:
        return finding("unreadable-file", path, f"expected a file that can be read, got {error.strerror}")
    if found is None or found.whole:
        return found
    try:  # some programs append bytes of their own: only a file that does not decode is cut
        decode(path)
    except DataError as error:
        return dataclasses.replace(error_finding("truncated-file", error), fault="truncated-file")
    return found


def formats(reader: Reader, scenes: Sequence[Files], headers: Mapping[Path, Header]) -> Iterator[Finding]:
    """Files that the reader refuses: it tries the first, a middle and the last of each kind that headers tell apart."""
    reads: tuple[Callable[[Path], Any], ...] = (read_image, reader.read_labels, reader.read_depth)
    for role, read in zip(ROLES, reads, strict=True):
        kinds: dict[str, list[Files]] = {}
        for scene in scenes:
            if (found := headers.get(getattr(scene, role))) is not None:
                kinds.setdefault(found.kind, []).append(scene)
        for kind, alike in kinds.items():
            tried = sorted({0, len(alike) // 2, len(alike) - 1})
            errors = [error for index in tried if (error := _refused(read, getattr(alike[index], role)))]
            if errors and role != "depth" and _swapped(reader, alike[0]):
                what = f"expected an image, got labels, and an image in {alike[0].labels}"
                yield finding("swapped-folders", alike[0].image, what)
                return
            if len(errors) == len(tried) and not any(isinstance(error, DamagedError) for error in errors):
                yield error_finding(f"{role}-format", errors[0], len(alike) - 1)
            elif not errors and role == "image" and kind.endswith(" 1 channel"):
                what = f"expected colours, got one channel in {len(alike)} of {len(scenes)} images"
                yield finding("grey-image", alike[0].image, what)
            else:
                yield from (error_finding(f"{role}-format", error) for error in errors)


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


def sizes(reader: Reader, scenes: Sequence[Files], headers: Mapping[Path, Header]) -> Iterator[Finding]:
    """Labels and depth that are not as large as their image; of depth maps of any size, those of another shape."""
    for scene in scenes:
        image = headers.get(scene.image)
        for path in (scene.labels, scene.depth):
            other = headers.get(path) if path is not None else None
            if not (path and image and other):
                continue
            got, size = (other.width, other.height), (image.width, image.height)
            scaled = path == scene.depth and same_shape(got, size)
            if got != size and not (scaled and any_size(reader)):
                what, remedy = other_size(got, scene.image, size)
                yield Finding(
                    "size-mismatch", str(path), what, SCALED if scaled and reader.dataset == "folder" else remedy
                )
