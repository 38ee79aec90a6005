"""Patterns of a folder's files: which files they fit, what a scene is called by them, and what goes with it.

``*`` stands for any part of a name, ``?`` for one character, ``**/`` for any folders, and ``.*`` at the end for any
extension of an image or of depth. A name is what the stars stand for. An extension is the same in upper and lower case.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from dadist.config.records import ConfigError
from dadist.data.readers.content import IMAGES
from dadist.data.readers.listing import search
from dadist.data.walk import entries
from dadist.storage.errors import DataError

WILDCARDS = {"**/": "(?:(.*)/)?", "*": "([^/]*)", "?": "([^/])"}
# What ``.*`` stands for: what is read, and what would be missed if it were passed over in silence.
PICTURES = (*IMAGES, ".npy", ".exr", ".gif", ".heic", ".heif", ".avif", ".jp2", ".jfif", ".pgm", ".tga", ".dng", ".pfm")
TOLD = 5  # names of what lies in a folder that a message tells


def check_glob(path: tuple[str, str], glob: str) -> None:
    """Raise ConfigError, with the ``path`` of its key, for a pattern that no name can be taken from."""
    starred = re.search(r"[*?]", glob.removesuffix(".*"))
    if not starred or "[" in glob or glob.startswith("/") or ".." in glob.split("/"):
        raise ConfigError(f'expected a path below root with a * and no [], like "photos/*.jpg", got {glob!r}', path)
    if any("**" in part and part != "**" for part in glob.split("/")) or glob.endswith("**"):
        raise ConfigError(f'expected ** between slashes, for any folders, like "**/*.jpg", got {glob!r}', path)


def fits(glob: str, path: str) -> re.Match[str] | None:
    """How a pattern fits a path below the root: one group per star; ``.*`` at its end belongs to no name."""
    glob = "/".join(part for part in glob.split("/") if part not in ("", "."))
    body, extension = _parted(glob)
    ends = "|".join(map(re.escape, PICTURES)) if extension == ".*" else re.escape(extension)
    parts = re.split(r"(\*\*/|\*|\?)", body)
    pattern = "".join(WILDCARDS.get(part, re.escape(part)) for part in parts) + f"(?i:{ends})"
    return re.fullmatch(pattern, path)


def _parted(glob: str) -> tuple[str, str]:
    """A pattern without its extension, and that, with its point; none if a part of it is any part of a name."""
    body, point, extension = glob.rpartition(".")
    known = point and "/" not in extension and (extension == "*" or not set("*?") & set(extension))
    return (body, point + extension) if known else (glob, "")


def files_named(root: Path, glob: str, *, once: bool) -> dict[str, Path]:
    """The files that a glob fits, by name; ``once``: a file that links lead to as well is taken for itself alone.

    Raises:
        DataError: Two have one name.
        FileNotFoundError: There is none; the message says what is there.
    """
    body, extension = _parted(glob)
    either = "".join(f"[{letter.lower()}{letter.upper()}]" if letter.isalpha() else letter for letter in extension)
    found, there = dict[str, Path](), search(root, body + either)
    for one in there.once() if once else there.files:
        path = Path(one.path)
        match = fits(glob, path.relative_to(root).as_posix())
        if match is None:
            continue
        name = "/".join(part for part in match.groups() if part)
        if name in found:
            raise DataError(f"{path}: expected one file of each name, got {found[name]} as well; remove one of the two")
        found[name] = path
    if not found:
        raise FileNotFoundError(
            f"{root / glob}: expected files, found none, but {_there(root, glob)}; see the domain's root and globs"
        )
    return found


def partners(root: Path, images: Mapping[str, Path], glob: str) -> dict[str, Path]:
    """The file of each image that a glob fits.

    Raises:
        FileNotFoundError: An image has none.
    """
    found = files_named(root, glob, once=False)
    if missing := [name for name in images if name not in found]:
        raise FileNotFoundError(
            f"{images[missing[0]]}: expected a file {root / glob} where the stars stand for {missing[0]}, found none; "
            f"{len(missing)} of {len(images)} images lack theirs: add the files, or move these images away"
        )
    return found


def _there(root: Path, glob: str) -> str:
    """What lies in the deepest folder that the pattern leads to."""
    if not root.is_dir():
        return f"no folder {root}"
    parts = [part for part in glob.split("/") if part not in ("", ".")]
    folder = root
    for count in range(1, len(parts)):
        deeper = next((one for one in sorted(root.glob("/".join(parts[:count]))) if one.is_dir()), None)
        if deeper is None:
            break
        folder = deeper
    names = [one.name for one in entries(str(folder))]
    more = f" and {len(names) - TOLD} more" * (len(names) > TOLD)
    return f"{', '.join(names[:TOLD]) or 'nothing'}{more} in {folder}"
