"""PNG files, written so that they are on the disk when they are said to be."""

import os
import zlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray


def write_png(path: Path, array: NDArray[np.uint8] | NDArray[np.uint16]) -> int:
    """Write one channel ``(H, W)``; the file's checksum.

    By a plain write, which says why it fails, where cv2.imwrite only says that it does.

    Raises:
        OSError: The disk is full, or refuses.
    """
    _, content = cv2.imencode(".png", array, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    file_bytes = content.tobytes()
    with path.open("wb") as file:
        file.write(file_bytes)
        os.fsync(file.fileno())
    return zlib.crc32(file_bytes)
