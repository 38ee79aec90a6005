"""Which files are to be predicted, and what they are called: images, videos, folders of them, and globs."""

import os
from collections.abc import Iterator, Sequence
from glob import has_magic
from pathlib import Path
from typing import NamedTuple

from dadist.data.readers.content import IMAGES
from dadist.data.walk import ANY, Search

VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")


class Input(NamedTuple):
    """A file to predict."""

    file: Path
    name: str  # of what is written for it, without extension; below the folder or the glob that led here

    @property
    def moves(self) -> bool:
        """Whether it is a video."""
        return self.file.suffix.lower() in VIDEOS


def gather(words: Sequence[str], *outs: Path) -> list[Input]:
    """The images and videos that ``words`` name, each once, in the order of the words and sorted within each.

    Args:
        words: Files; folders, which are searched through and through; patterns such as ``photos/**/*.jpg``.
        outs: Where predictions go or lie; nothing below is taken, should one lie in a folder that is searched.

    Raises:
        FileNotFoundError: A word names nothing, or a folder has no image.
        ValueError: Two files would be written under one name.
    """
    inputs = {_real(one.file): one for word in words for one in _named(word, outs)}
    taken: dict[tuple[str, bool], Path] = {}  # a camera's photograph and clip may share a name: their files differ
    for one in inputs.values():
        if not one.file.exists():  # a link that leads nowhere: nothing is written
            continue
        if other := taken.get((one.name, one.moves)):
            raise ValueError(
                f"{one.file}: expected a name of its own, got that of {other}: both would be written as {one.name}; "
                "rename one, or predict it into another --out"
            )
        taken[one.name, one.moves] = one.file
    return list(inputs.values())


def _real(file: Path) -> str:
    """Where a file lies without links; a link that leads nowhere stands for itself."""
    return os.path.realpath(file) if file.exists() else str(file)


def _named(word: str, outs: Sequence[Path]) -> Iterator[Input]:
    path = Path(word)
    if path.is_dir():
        root, found = path, _below(path, f"{ANY}/*", outs)
        if not found:
            raise FileNotFoundError(f"{word}: expected a folder with images ({' '.join(IMAGES)}) or videos, found none")
    elif os.path.lexists(path):
        root, found = path.parent, [path]
    else:
        parts = path.parts
        fixed = next((index for index, part in enumerate(parts) if has_magic(part)), len(parts))
        root = Path(*parts[:fixed])
        found = _below(root, "/".join(parts[fixed:]), outs) if fixed < len(parts) else []
        if not found:
            raise FileNotFoundError(f"{word}: expected an image, a video, a folder or a pattern of them, found nothing")
    for file in found:
        yield Input(file, file.relative_to(root).with_suffix("").as_posix())


def _below(root: Path, pattern: str, outs: Sequence[Path]) -> list[Path]:
    """Images and videos, each once, and links that lead to no folder: whoever opens them names them."""
    below = Search(root, pattern)
    inside = tuple(f"{out.resolve()}/" for out in outs)
    kept = [
        Path(one.path)
        for one in below.once()
        if one.path.lower().endswith(IMAGES + VIDEOS) and not f"{one.real}/".startswith(inside)
    ]
    return sorted([*kept, *map(Path, below.broken)])
