"""Scenes and what their files look like now: nothing is opened."""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from dadist.data.readers.base import Files


class Snapshot:
    """Scenes with sizes and times of change of their files.

    Args:
        scenes: In the order of the split.
        root: Folder of the data set.
    """

    def __init__(self, scenes: Sequence[Files], root: Path) -> None:
        self.scenes = scenes
        paths = [[str(path) for path in (one.image, one.labels, one.depth) if path is not None] for one in scenes]
        self.paths = [[path.removeprefix(str(root)) for path in files] for files in paths]  # by scene, below root
        # Of each scene: size in bytes and time of the last change in ns of each file, or of what a link points to.
        self.stamps = [[number for path in files for number in _stamp(path)] for files in paths]

    def key(self, *more: object) -> str:
        """Hash of the files' paths, and of more that JSON can hold: 16 hexadecimal digits."""
        return hashed([*more, self.paths])

    def fingerprint(self, *more: object) -> str:
        """The same with sizes and times of change of the files: another after any change."""
        return hashed([*more, self.paths, self.stamps])


def hashed(value: object) -> str:
    """Hash of what JSON can hold: 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def _stamp(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116 - tens of thousands of them, at every planning
    except OSError:  # such as a link that leads nowhere: whoever opens it says so
        return -1, -1
    return status.st_size, status.st_mtime_ns
