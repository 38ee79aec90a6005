"""Which files of a data set are there, and which of its scenes a list names."""

import os
from collections import Counter, defaultdict
from itertools import takewhile
from pathlib import Path, PurePosixPath

from dadist.data.readers.base import Files
from dadist.data.readers.content import require_file
from dadist.data.walk import File, Search
from dadist.storage.errors import DataError


def search(root: Path, pattern: str) -> Search:
    """The files below ``root`` that a pattern fits.

    Raises:
        FileNotFoundError: A link that should lead to a folder of them leads nowhere.
    """
    found = Search(root, pattern)
    for link in found.broken:
        require_file(Path(link))
    return found


def listing(folder: Path, pattern: str, remedy: str) -> list[Path]:
    """The files of ``folder`` that match ``pattern``, sorted; at least one.

    Raises:
        FileNotFoundError: There is no such folder, or no such file in it.
    """
    if not folder.is_dir():
        if folder.is_symlink():
            require_file(folder)
        raise FileNotFoundError(f"{folder}: expected a folder with {pattern}, found no such folder; {remedy}")
    found: list[File] = search(folder, pattern).once()
    if not found:
        raise FileNotFoundError(f"{folder}: expected {pattern}, found none; {remedy}")
    return [Path(one.path) for one in found]


def require(paths: list[Path], remedy: str) -> list[Path]:
    """The paths themselves, if something is there for every one; what is no file is for whoever opens it to name.

    Raises:
        FileNotFoundError: Some are not there; the message names the first.
    """
    missing = [path for path in paths if not os.path.lexists(path)]
    if missing:
        raise FileNotFoundError(
            f"{missing[0]}: expected a file for each of {len(paths)} images, {len(missing)} missing; {remedy}"
        )
    return paths


def chosen(scenes: list[Files], names: Path, root: Path) -> list[Files]:
    """The scenes that a text file names, one per line, in its order.

    A line is a scene's name, or the path of its image, as published lists have it: as much of the end of the path as
    tells the image from all others, or all of its path below ``root`` with whatever folders before; with or without
    its extension. The image with the longest end in common is meant; where a folder differs, another image is.

    Raises:
        FileNotFoundError: There is no such file.
        DataError: It names a scene twice, or one that is not there, or several by one line, or none.
    """
    known, found = _Ends(scenes, root), list[Files]()
    for number, line in _lines(names):
        fitting = known(line)
        if not fitting:
            raise DataError(
                f"{names}, line {number}: expected a name like {scenes[0].name}, got {line}, which the data set "
                "does not have; a list of another data set or split?"
            )
        if len(fitting) > 1:
            one, other = (scene.image.relative_to(root).as_posix() for scene in fitting[:2])
            raise DataError(
                f"{names}, line {number}: expected the name of one image, got {line}, which may be {one} or {other}; "
                "write as much of its path as tells it from the other"
            )
        found += fitting
    if not found:
        raise DataError(
            f"{names}: expected one name per line, got an empty file; remove it from `lists` for all images"
        )
    double, many = Counter(scene.name for scene in found).most_common(1)[0]
    if many > 1:
        raise DataError(f"{names}: expected each name once, got {double} twice; remove one")
    return found


def _lines(names: Path) -> list[tuple[int, str]]:
    """Number and text of each line that has one."""
    if not names.is_file():
        raise FileNotFoundError(f"{names}: expected a list of names, found no file; see `lists` of the domain")
    try:
        text = names.read_text(encoding="utf-8-sig")  # some editors begin a file with a mark of its encoding
    except UnicodeDecodeError as error:
        raise DataError(f"{names}: expected a text file in UTF-8, got {error}; save it as UTF-8") from error
    return [(number, stripped) for number, line in enumerate(text.splitlines(), 1) if (stripped := line.strip())]


class _Ends:
    """The scenes by the ends of their images' paths."""

    def __init__(self, scenes: list[Files], root: Path) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100 - links stay as they are
        self.named = {scene.name: scene for scene in scenes}
        self.ending = defaultdict[str, list[Files]](list)
        for scene in scenes:
            for last in {scene.image.name, scene.image.stem, PurePosixPath(scene.name).name}:
                self.ending[last].append(scene)
        self.below = root

    def __call__(self, line: str) -> list[Files]:
        """The scenes that a line may mean: those with the longest end in common."""
        if line in self.named:
            return [self.named[line]]
        said = PurePosixPath(line).parts[::-1]
        common = [(self._common(said, scene), scene) for scene in self.ending.get(said[0] if said else "", [])]
        longest = max((parts for parts, _ in common), default=0)
        return [scene for parts, scene in common if parts == longest > 0]

    def _common(self, said: tuple[str, ...], scene: Files) -> int:
        """Parts of the path, counted from its end, that a line says; 0 if another folder is meant.

        A bare name after folders that are not the image's says too little.
        """
        below = scene.image.relative_to(self.below).parts
        path = (*self.root.parts, *below)[-2::-1]  # without the image's own name, which is known to fit
        same = 1 + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(said[1:], path, strict=False)))
        return same if same == len(said) or same >= max(len(below), 2) else 0
