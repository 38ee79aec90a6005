"""Label files that are pictures: PNGs whose palette index is the id, and colours that stand for one."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dadist.data.readers.base import damaged
from dadist.storage.errors import DataError

Colour = tuple[int, int, int]  # RGB


def decode_indexed(path: Path) -> NDArray[Any]:
    """As `decode`, but a palette PNG as its indices, ``(H, W)`` 8-bit, where OpenCV gives its colours.

    Raises:
        DataError: It is truncated, damaged, or not an image.
    """
    stored = _decode(path, None)
    return stored.astype(np.uint8) if stored.dtype == bool else stored


def decode_colours(path: Path) -> NDArray[np.uint8]:
    """What one sees, ``(H, W, 3)`` RGB: of a palette PNG its colours.

    Raises:
        DataError: It is truncated, damaged, or not an image.
    """
    return _decode(path, "RGB")


def ids_of(path: Path, image: NDArray[np.uint8], ids: Mapping[Colour, int], remedy: str) -> NDArray[np.uint8]:
    """Ids of the colours of ``image``, ``(H, W, 3)`` or with alpha, which is left out; ``(H, W)``.

    Args:
        path: Of the image, for the message.
        image: Colours, red first.
        ids: Colour → id.
        remedy: What to do about another colour.

    Raises:
        DataError: A pixel has a colour that is not in ``ids``.
    """
    known, raw_ids = _packed(np.array([*ids])), np.array([*ids.values()])
    order = known.argsort()
    known, raw_ids = known[order], raw_ids[order].astype(np.uint8)
    wanted = _packed(image)
    place = np.searchsorted(known, wanted).clip(max=len(known) - 1)
    if (foreign := known[place] != wanted).any():
        value = int(wanted[foreign][0])
        colour = (value >> 16, value >> 8 & 255, value & 255)
        raise DataError(f"{path}: expected colours that stand for a label, got {colour} as well; {remedy}")
    return np.asarray(raw_ids[place], np.uint8)


def _decode(path: Path, mode: str | None) -> NDArray[Any]:
    # Read by Python, so that an audit of opened files sees it.
    content = io.BytesIO(path.read_bytes())
    try:
        with Image.open(content) as image:
            return np.asarray(image if mode is None else image.convert(mode))
    except (OSError, SyntaxError) as error:  # the latter is PIL's for a broken chunk of a PNG
        raise damaged(path) from error


def _packed(colours: NDArray[Any]) -> NDArray[np.int64]:
    """One number per colour."""
    red, green, blue = (colours[..., channel].astype(np.int64) for channel in range(3))
    packed: NDArray[np.int64] = red << 16 | green << 8 | blue
    return packed
