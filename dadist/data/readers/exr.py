"""Numbers of OpenEXR files, read by the library of the format itself, the extra `exr`: OpenCV's wheels may lack it.

Source: Technical Introduction to OpenEXR, openexr.com: the data window, and channels by name.
"""

import importlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dadist.data.readers.base import damaged
from dadist.data.readers.content import contents, require_file

EXR = b"v/1\x01"  # how a file begins, whatever its name says
DEPTH = ("Z", "Y")  # channels that hold depth where several are there: of renderers; of one grey picture
OPACITY = "A"


def is_exr(path: Path) -> bool:
    """Whether the file begins as OpenEXR does.

    Raises:
        FileNotFoundError: There is no such file.
    """
    require_file(path)
    with path.open("rb") as file:
        return file.read(len(EXR)) == EXR


def read_exr(path: Path) -> tuple[NDArray[np.float32], list[str]]:
    """What the file holds as ``(H, W)``, or ``(H, W, channels)`` of several, and the names of those channels.

    Of several channels it is ``Z``, or else ``Y``, or else all but the opacity.

    Raises:
        DamagedError: It cannot be decoded.
        ValueError: The library is not installed.
    """
    library, types = _openexr()
    try:
        file = library.InputFile(io.BytesIO(contents(path)))
        header = file.header()
        window, there = header["dataWindow"], sorted(header["channels"])
        shape = (window.max.y - window.min.y + 1, window.max.x - window.min.x + 1)
        names = next(([one] for one in DEPTH if one in there), [one for one in there if one != OPACITY])
        kind = types.PixelType(types.PixelType.FLOAT)
        values = [np.frombuffer(file.channel(one, kind), np.float32).reshape(shape) for one in names]
    except FileNotFoundError:
        raise
    except (OSError, SystemError, ValueError, MemoryError) as error:
        raise damaged(path) from error
    return (values[0] if len(values) == 1 else np.stack(values, -1)), names


def _openexr() -> tuple[Any, Any]:
    try:
        return importlib.import_module("OpenEXR"), importlib.import_module("Imath")
    except ImportError as error:
        raise ValueError(
            f"expected the package of the extra 'exr' for .exr files, found no {error.name}; pip install OpenEXR"
        ) from error
