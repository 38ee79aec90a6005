"""Folders searched for files: links are followed, circles are not, and what is hidden stays so."""

import fnmatch
import os
import re
from collections.abc import Iterator
from glob import has_magic
from pathlib import Path
from typing import Literal, NamedTuple

ANY = "**"  # as a part of a pattern: any folders
Kind = Literal["folder", "file", "broken"]  # of what a link points to; a pipe or device is called a file


class Entry(NamedTuple):
    """What lies in a folder."""

    name: str
    kind: Kind
    link: bool


class File(NamedTuple):
    """A file that was found; a link that leads nowhere is one too, for whoever opens it to name."""

    path: str
    real: str  # where it lies without links
    linked: bool  # whether a link led there


def entries(folder: str) -> list[Entry]:
    """What lies in a folder and is not hidden, sorted by name.

    Raises:
        OSError: It cannot be listed; the message says why.
    """
    found = []
    try:
        with os.scandir(folder) as listed:
            for one in listed:
                if one.name.startswith("."):
                    continue
                if one.is_symlink():
                    found.append(_entry(one.name, one.path))
                else:
                    found.append(Entry(one.name, "folder" if one.is_dir() else "file", False))
    except OSError as error:
        raise type(error)(
            f"{folder}: expected a folder to list, got {error.strerror}; give yourself the right to read it"
        ) from error
    return sorted(found)


def _entry(name: str, path: str) -> Entry:
    is_folder, there = os.path.isdir(path), os.path.exists(path)  # noqa: PTH110, PTH112 - text is twice as fast
    kind: Kind = "folder" if is_folder else "file" if there else "broken"
    return Entry(name, kind, os.path.islink(path))  # noqa: PTH114


class Search:
    """The files below a folder that a pattern fits.

    Links to folders are followed, but for those that would go in circles: to a folder that led to them, or one above.

    Args:
        root: The folder.
        pattern: ``*``, ``?`` and ``[]`` stand for what they do in a shell, and ``**/`` for any folders.

    Attributes:
        files: What was found, sorted as text.
        broken: Links that lead nowhere, where the pattern has a folder.
    """

    def __init__(self, root: Path, pattern: str) -> None:
        self._listed: dict[str, list[Entry]] = {}
        files, broken = set[File](), set[str]()
        parts = [part for part in pattern.split("/") if part not in ("", ".")]
        if parts[-1] == ANY:
            parts.append("*")
        if root.is_dir():
            for one in self._descend(str(root), parts, (os.path.realpath(root),), linked=False):
                files.add(one) if isinstance(one, File) else broken.add(one)
        self.files, self.broken = sorted(files), sorted(broken)

    def once(self) -> list[File]:
        """Each file once, by its own path where links lead there too."""
        found: dict[str, File] = {}
        for one in sorted(self.files, key=lambda one: one.linked):
            found.setdefault(one.real, one)
        return sorted(found.values())

    def _descend(self, folder: str, parts: list[str], above: tuple[str, ...], *, linked: bool) -> Iterator[File | str]:
        """Look for the ``parts`` in a folder; ``above`` are the real paths of the folders that led here and its own."""
        part, rest = parts[0], parts[1:]
        if part == ANY:
            yield from self._descend(folder, rest, above, linked=linked)
            rest = parts
        for one in self._fitting(folder, part):
            path = f"{folder}/{one.name}"
            real = os.path.realpath(path) if one.link and one.kind != "broken" else f"{above[-1]}/{one.name}"
            if not rest:
                # A folder in the place of a file is for whoever opens it to name.
                if one.kind != "folder" or not part.endswith("*"):
                    yield File(path, real, linked or one.link)
            elif one.kind == "folder" and not (one.link and any(_holds(real, led) for led in above)):
                yield from self._descend(path, rest, (*above, real), linked=linked or one.link)
            elif one.kind == "broken" and not Path(one.name).suffix[1:2].isalpha():  # photos.2024, but not notes.txt
                yield path

    def _fitting(self, folder: str, part: str) -> list[Entry]:
        """What of a folder one part of the pattern fits; a part without stars may name what is hidden."""
        if not has_magic(part):
            path = f"{folder}/{part}"
            return [_entry(part, path)] if os.path.lexists(path) else []
        if folder not in self._listed:
            self._listed[folder] = entries(folder)
        fits = re.compile(fnmatch.translate(part))
        return [one for one in self._listed[folder] if fits.match(one.name)]


def _holds(folder: str, other: str) -> bool:
    """Whether a real path is that of a folder above another one, or the same."""
    return f"{other}/".startswith(f"{folder.rstrip('/')}/")


class Folder(NamedTuple):
    """A folder and what lies in it."""

    path: str
    entries: list[Entry]
    circles: list[str]  # links in it that lead back to a folder above
    error: OSError | None = None  # why it could not be listed


def folders(top: Path) -> Iterator[Folder]:
    """Each folder from ``top`` down, once: those that lie there first, then those that links lead to."""
    pending, links, seen = [str(top)], list[str](), set[str]()
    while pending or links:
        path = pending.pop() if pending else links.pop(0)
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        try:
            found, circles = entries(path), []
        except OSError as error:
            yield Folder(path, [], [], error)
            continue
        for one in found:
            below = f"{path}/{one.name}"
            if one.kind == "folder" and not one.link:
                pending.append(below)
            elif one.kind == "folder" and _holds(os.path.realpath(below), real):
                circles.append(below)
            elif one.kind == "folder":
                links.append(below)
        yield Folder(path, found, circles)
