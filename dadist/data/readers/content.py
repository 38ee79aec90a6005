"""What a file holds, whatever it is called: its bytes, if it is a file, and how a camera was held."""

import errno
import io
import stat
import struct
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dadist.storage.errors import DataError

# How files begin, whatever their names say. TIFF: of either order of bytes, and of more than 4 GB.
JPEG, PNG, TIFF = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
HEIF = b"ftyp"  # from byte 4 on; AVIF is of its kind
IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm")  # usual ends of names
ORIENTATION, BITS = 0x0112, 0x0102  # tags of EXIF and TIFF
# Where a PNG may note it: name of a chunk → how that begins.
NOTES = {b"eXIf": b"", b"iTXt": b"XML:com.adobe.xmp", **dict.fromkeys((b"tEXt", b"zTXt"), b"Raw profile type")}
UNDECODED = (OSError, SyntaxError, ValueError, struct.error, cv2.error)  # what is raised of damaged files

T = TypeVar("T", bound=np.generic)


class NoFileError(DataError):
    """Something else that stands in a file's place."""


def contents(path: Path) -> bytes:
    """All bytes of a file.

    Read by Python, so that a file that cannot be opened says why, and an audit of opened files sees it.

    Raises:
        FileNotFoundError: There is no such file, or a link leads nowhere.
        DataError: It is no file but a folder, a pipe, a socket or a device, which might be waited for for ever.
    """
    require_file(path)
    return path.read_bytes()


def require_file(path: Path) -> None:
    """Raise FileNotFoundError if nothing is there, OSError if it cannot be reached, NoFileError for what is no file."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ELOOP):
            raise
        what, remedy = "found no such file", "check the name"
        if path.is_symlink():
            what = f"got a link to {path.readlink()}, which is not there"
            remedy = "mend the link, or copy the file itself"
        if error.errno == errno.ELOOP:
            what, remedy = "got a link that leads back to itself", "remove the link"
        raise FileNotFoundError(f"{path}: expected a file, {what}; {remedy}") from error
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}
        got = kinds.get(stat.S_IFMT(mode), "device")
        raise NoFileError(f"{path}: expected a file, got a {got}; remove what stands in its place, and copy the file")


def orientation(content: bytes) -> int:
    """How the camera was held, as EXIF numbers it: 1 to 8; 1 where that is not known, or heeded by who decodes."""
    if content.startswith(TIFF) or (content.startswith(PNG) and not _has_notes(content)):
        return 1
    return noted(io.BytesIO(content))


def _has_notes(content: bytes) -> bool:
    """Whether a PNG may note how the camera was held; to find out, PIL decodes all of it."""
    at = len(PNG)
    while at + 8 < len(content):
        if content[at + 4 : at + 8] in NOTES and content.startswith(NOTES[content[at + 4 : at + 8]], at + 8):
            return True
        at += 12 + int.from_bytes(content[at : at + 4])
    return False


def noted(file: io.BytesIO | Path) -> int:
    """The note of how the camera was held, 1 if there is none.

    Raises:
        DecompressionBombError: PIL takes the image for one that shall fill the memory.
    """
    try:
        with Image.open(file) as image:
            return int(image.getexif().get(ORIENTATION, 1))
    except Image.DecompressionBombError:
        raise
    except Exception:  # noqa: BLE001 - of notes that cannot be read, PIL raises anything; the pixels are sound
        return 1


def turned(stored: NDArray[T], held: int) -> NDArray[T]:
    """An image ``(H, W, ...)`` upright, of a camera that was ``held`` so: EXIF's tag 0x0112."""
    if held == 1:
        return stored
    if held in (5, 6, 7, 8):
        stored = stored.swapaxes(0, 1)
    if held in (3, 4, 7, 8):
        stored = stored[::-1]
    if held in (2, 3, 6, 7):
        stored = stored[:, ::-1]
    return np.ascontiguousarray(stored)
