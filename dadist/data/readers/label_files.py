"""Label files as they are drawn: numbers, palettes and colours, of which no decoder changes any.

Pixels that are wholly transparent are erased: whoever draws and whoever looks sees nothing there, so they are void.

Sources: PNG specification, 2003, clauses 4.5, 11.2 and 11.3; TIFF 6.0.
"""

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dadist.data.readers.base import decoding
from dadist.data.readers.content import BITS, PNG, TIFF, contents, orientation, turned
from dadist.storage.errors import DataError

Colour = tuple[int, int, int]  # RGB

GREY, RGB, INDEX, GREY_ALPHA = 0, 2, 3, 4  # colour types of PNG
COMPRESSION, MEANING = 0x0103, 0x0106  # tags of TIFF
LOSSY = ("JPEG", "MPO", "WEBP", "AVIF", "JPEG2000")
# Compressions of TIFF: none, LZW, deflate, PackBits, deflate as it was numbered first.
LOSSLESS = (1, 5, 8, 32773, 32946)
# (mode of PIL, bits, photometric interpretation) of the TIFF files of which PIL changes nothing
EXACT = {("L", 8, 1), ("I;16", 16, 1), ("I;16B", 16, 1), ("P", 8, 3), ("RGB", 8, 2), ("RGBA", 8, 2)}


@dataclass(frozen=True)
class Drawn:
    """A label file, upright."""

    values: NDArray[Any]  # (H, W) numbers or indices of the palette, or (H, W, 3) RGB; uint8 or uint16
    palette: NDArray[np.uint8] | None = None  # (N, 3) RGB, of indices; an id such as 255 may go beyond
    alpha: NDArray[Any] | None = None  # (H, W) opacity: 0 where it was erased
    bits: int = 8  # of a number

    @property
    def kind(self) -> str:
        """Bits and channels in words, for messages."""
        channels = 1 if self.values.ndim == 2 else 3
        words = f"{self.bits}-bit with {channels} channel{'s' * (channels > 1)}"
        return words + " from a palette" * (self.palette is not None)

    @property
    def numbers(self) -> bool:
        """Whether it has one number for each pixel, which no palette gives a colour."""
        return self.values.ndim == 2 and self.palette is None

    def seen(self) -> NDArray[np.bool_]:
        """Where something is drawn, ``(H, W)``."""
        return np.ones(self.values.shape[:2], np.bool_) if self.alpha is None else self.alpha > 0

    def colours(self) -> NDArray[Any]:
        """What one sees, ``(H, W, 3)`` RGB, of 8 bits or of 16."""
        if self.palette is not None:
            return np.asarray(self.palette[self.values.clip(max=len(self.palette) - 1)])
        if self.values.ndim == 3:
            return self.values
        white = 255 if self.bits <= 8 else 65535
        return np.repeat((self.values * (white // (2**self.bits - 1)))[..., None], 3, 2)

    def void(self, ids: NDArray[Any], raw: int) -> NDArray[np.uint8]:
        """``ids`` ``(H, W)`` with the id ``raw`` where nothing is drawn."""
        return np.ascontiguousarray(ids if self.alpha is None else np.where(self.seen(), ids, raw), np.uint8)


def decode_labels(path: Path) -> Drawn:
    """A label file as its bits say, nothing scaled or mapped.

    Raises:
        DataError: It is damaged, of a format that changes what was drawn, or half transparent somewhere.
        FileNotFoundError: There is no such file.
    """
    content = contents(path)
    decoders = {PNG: _decode_png, b"BM": _decode_bmp, **dict.fromkeys(TIFF, _decode_tiff)}
    decode = next((decoder for magic, decoder in decoders.items() if content.startswith(magic)), None)
    if decode is None:
        raise _other_format(path, content)
    with decoding(path):
        drawn = decode(content)
    if drawn is None:
        raise DataError(
            f"{path}: expected labels of 8 or 16 bits, uncompressed or compressed without loss, got a file whose "
            "numbers a decoder would change; save it as PNG where it was drawn"
        )
    if drawn.alpha is not None and ((drawn.alpha > 0) & (drawn.alpha < np.iinfo(drawn.alpha.dtype).max)).any():
        raise DataError(
            f"{path}: expected labels that are drawn or erased, got half-transparent pixels; "
            "export them without transparency, or erase those pixels: what is wholly transparent is void"
        )
    held = orientation(content)
    alpha = None if drawn.alpha is None else turned(drawn.alpha, held)
    return replace(drawn, values=turned(drawn.values, held), alpha=alpha)


def ids_of(path: Path, drawn: Drawn, ids: Mapping[Colour, int], remedy: str) -> NDArray[np.uint8]:
    """Ids of the colours that one sees, ``(H, W)``; anything where nothing is drawn.

    Args:
        path: Of the file, for the message.
        drawn: Its content.
        ids: Colour → id.
        remedy: What to do about another colour.

    Raises:
        DataError: A pixel has a colour that is not in ``ids``.
    """
    if drawn.bits > 8:
        raise DataError(f"{path}: expected colours of 8 bits, got {drawn.kind}; {remedy}")
    highest, listed = drawn.values[drawn.seen()].max(initial=0), 256 if drawn.palette is None else len(drawn.palette)
    if highest >= listed:
        raise DataError(f"{path}: expected a palette with a colour for each index, got none for {highest}; {remedy}")
    known, raw_ids = _packed(np.array([*ids])), np.array([*ids.values()])
    order = known.argsort()
    known, raw_ids = known[order], raw_ids[order].astype(np.uint8)
    wanted = _packed(drawn.colours())
    place = np.searchsorted(known, wanted).clip(max=len(known) - 1)
    if (foreign := (known[place] != wanted) & drawn.seen()).any():
        value = int(wanted[foreign][0])
        colour = (value >> 16, value >> 8 & 255, value & 255)
        raise DataError(f"{path}: expected colours that stand for a label, got {colour} as well; {remedy}")
    return np.asarray(raw_ids[place], np.uint8)


def _decode_png(content: bytes) -> Drawn:
    """PIL scales grey of 2 and 4 bits and cuts colours of 16, OpenCV scales grey of less than 8 and drops indices."""
    chunks = dict(_chunks(content))
    bits, colour = struct.unpack_from(">BB", chunks[b"IHDR"], 8)
    clear = chunks.get(b"tRNS")
    if colour == INDEX:
        with Image.open(io.BytesIO(content)) as image:
            values = np.asarray(image)
        opacity = np.full(256, 255, np.uint8)
        opacity[: len(clear or b"")] = np.frombuffer(clear or b"", np.uint8)
        palette = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)
        return Drawn(values, palette, opacity[values] if clear else None)
    stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None:
        raise ValueError("OpenCV cannot decode it")
    if colour in (GREY, GREY_ALPHA):
        values = stored if stored.ndim == 2 else stored[..., 0]
        if bits < 8:
            values = values // (255 // (2**bits - 1))
    else:
        values = stored[..., 2::-1]
    alpha = None if colour in (GREY, RGB) else stored[..., 3]
    if clear and colour in (GREY, RGB):  # one number or colour that is not shown
        hidden = values == np.frombuffer(clear, ">u2")[0 if colour == GREY else slice(3)]
        alpha = np.where(hidden if colour == GREY else hidden.all(-1), np.uint8(0), np.uint8(255))
    return Drawn(values, None, alpha, bits)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk of a PNG, up to its end; PIL does not look at the checksums of pixels.

    Raises:
        ValueError: One has another checksum, or is not there.
        struct.error: It is cut.
    """
    name, at = b"", len(PNG)
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", content, at)
        chunk = content[at + 8 : at + 8 + length]
        (check,) = struct.unpack_from(">I", content, at + 8 + length)
        if zlib.crc32(chunk, zlib.crc32(name)) != check:
            raise ValueError(f"chunk {name!r}")
        yield name, chunk
        at += 12 + length


def _decode_tiff(content: bytes) -> Drawn | None:
    with Image.open(io.BytesIO(content)) as image:
        tags = dict(image.getexif())
        bits = {*np.ravel(tags.get(BITS, 1)).tolist()}
        exact = (image.mode, max(bits), tags.get(MEANING)) in EXACT and len(bits) == 1
        return _drawn(image, max(bits)) if exact and tags.get(COMPRESSION) in LOSSLESS else None


def _decode_bmp(content: bytes) -> Drawn | None:
    (bits,) = struct.unpack_from("<H", content, 28)  # of a pixel
    with Image.open(io.BytesIO(content)) as image:
        return _drawn(image, 8) if (image.mode, bits) in (("L", 8), ("P", 8), ("RGB", 24)) else None


def _drawn(image: Image.Image, bits: int) -> Drawn:
    values = np.asarray(image)
    listed = image.getpalette("RGB") if image.mode == "P" else None
    palette = None if listed is None else np.array(listed, np.uint8).reshape(-1, 3)
    alpha = values[..., 3] if image.mode == "RGBA" else None
    return Drawn(values if values.ndim == 2 else values[..., :3], palette, alpha, bits)


def _other_format(path: Path, content: bytes) -> DataError:
    with decoding(path), Image.open(io.BytesIO(content)) as image:
        found = image.format
    if found not in LOSSY:
        return DataError(f"{path}: expected labels as PNG, TIFF or BMP, got {found}; save it as PNG")
    return DataError(
        f"{path}: expected labels as PNG, TIFF or BMP, got {found}, which may change what was drawn; "
        f"export them as PNG where they were drawn: a converted {found} keeps its changes"
    )


def _packed(colours: NDArray[Any]) -> NDArray[np.int64]:
    """One number per colour."""
    red, green, blue = (colours[..., channel].astype(np.int64) for channel in range(3))
    packed: NDArray[np.int64] = red << 16 | green << 8 | blue
    return packed
