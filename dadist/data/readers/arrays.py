"""Arrays of numbers in .npy files, as networks give depth."""

import io
import tokenize
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dadist.data.readers.base import damaged
from dadist.data.readers.content import contents

# What numpy raises for a file that is no whole .npy.
NOT_NPY = (
    *(ValueError, EOFError, SyntaxError, TypeError, LookupError, OverflowError, MemoryError, RecursionError),
    *(tokenize.TokenError, zipfile.BadZipFile),
)


def read_array(path: Path) -> NDArray[Any]:
    """What the file holds, of any type but objects.

    Raises:
        DataError: It is no whole .npy file.
    """
    content = io.BytesIO(contents(path))
    try:
        array = np.asarray(np.load(content, allow_pickle=False))
    except NOT_NPY as error:
        raise damaged(path) from error
    if content.read(1):  # longer than it says: its shape was damaged
        raise damaged(path)
    return array
