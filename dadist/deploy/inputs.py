"""Which files are to be predicted, and what they are called: images, videos, folders of them, and globs."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm")
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")


class Input(NamedTuple):
    """A file to predict."""

    file: Path
    name: str  # of what is written for it, without extension; below the folder or the glob that led here

    @property
    def moves(self) -> bool:
        """Whether it is a video."""
        return self.file.suffix.lower() in VIDEOS


def gather(words: Sequence[str], out: Path) -> list[Input]:
    """The images and videos that ``words`` name, each once, in the order of the words and sorted within each.

    Args:
        words: Files; folders, which are searched through and through; patterns such as ``photos/**/*.jpg``.
        out: Where predictions go; nothing below it is taken, should it lie in a folder that is searched.

    Raises:
        FileNotFoundError: A word names nothing, or a folder has no image.
        ValueError: Two files would be written under one name.
    """
    inputs = {one.file.resolve(): one for word in words for one in _named(word, out)}
    taken: dict[tuple[str, bool], Path] = {}  # a camera's photograph and clip may share a name: their files differ
    for one in inputs.values():
        if other := taken.get((one.name, one.moves)):
            raise ValueError(
                f"{one.file}: expected a name of its own, got that of {other}: both would be written as {one.name}; "
                "rename one, or predict it into another --out"
            )
        taken[one.name, one.moves] = one.file
    return list(inputs.values())


def _named(word: str, out: Path) -> Iterator[Input]:
    path = Path(word)
    if path.is_dir():
        root, found = path, _below(path, path.rglob("*"), out)
        if not found:
            raise FileNotFoundError(f"{word}: expected a folder with images ({' '.join(IMAGES)}) or videos, found none")
    elif path.is_file():
        root, found = path.parent, [path]
    else:
        parts = path.parts
        fixed = next((index for index, part in enumerate(parts) if glob.has_magic(part)), len(parts))
        root = Path(*parts[:fixed])
        found = _below(root, map(Path, glob.iglob(word, recursive=True)), out)  # noqa: PTH207 - a pattern from anywhere
        if not found:
            raise FileNotFoundError(f"{word}: expected an image, a video, a folder or a pattern of them, found nothing")
    for file in found:
        yield Input(file, file.relative_to(root).with_suffix("").as_posix())


def _below(root: Path, paths: Iterator[Path], out: Path) -> list[Path]:
    """Images and videos; no hidden files, which archives made on a Mac leave behind."""
    kept = [
        path
        for path in paths
        if path.suffix.lower() in IMAGES + VIDEOS
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
        and not path.resolve().is_relative_to(out.resolve())
        and path.is_file()
    ]
    return sorted(kept)
