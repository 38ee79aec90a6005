"""Files that cannot be read: each is told, so that others are read first."""

import contextlib
import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dadist.storage.errors import DataError

T = TypeVar("T", bound=np.generic)
UNREADABLE = (errno.EACCES, errno.EPERM, errno.EIO)  # of one file; of others the machine is at fault


def read_or_note(messages: list[str], read: Callable[[Path], NDArray[T]], path: Path | None) -> NDArray[T] | None:
    """What a file holds; None, and a line in ``messages``, if it cannot be read."""
    with collecting(messages):
        return None if path is None else read(path)
    return None


@contextlib.contextmanager
def collecting(messages: list[str]) -> Iterator[None]:
    """An error of the block as a line of ``messages``."""
    try:
        yield
    except (DataError, FileNotFoundError) as error:
        messages.append(str(error))
    except OSError as error:
        if error.errno not in UNREADABLE:
            raise
        messages.append(f"{error.filename}: expected a file that can be read, got {error.strerror}; copy it again")
