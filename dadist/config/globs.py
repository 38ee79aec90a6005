"""Patterns of files as people write them: what is clear is taken, what would fit nothing is refused with what to write.

Nothing here imports torch: the workflow reads this module each time it plans.
"""

import re

from dadist.config.records import ConfigError
from dadist.config.records import Path as Keys

GLOBS = ("images", "labels", "depth_files")  # keys of readers that hold patterns, by split


def plain(glob: str, path: Keys) -> str:
    """A pattern without ``./`` and doubled ``/``.

    Args:
        glob: As it was written.
        path: Of its key, for messages.

    Raises:
        ConfigError: It has what no pattern here has, such as braces; the message has the pattern that was meant.
    """
    clear = re.sub(r"(^|(?<=/))(\./)+", "", re.sub("/{2,}", "/", glob))
    if (meant := _meant(clear)) != clear:
        raise ConfigError(
            f"expected / between folders, **/ for any folders, * for any part of a name, .* for any extension, and no "
            f"braces, backslashes or spaces at the ends, got {glob!r}; write {meant!r}",
            path,
        )
    return clear


def _meant(glob: str) -> str:
    found = re.sub(r"\{[^{}]*\}", "*", glob.strip().replace("\\", "/").removeprefix("./"))
    parts = [part if part == "**" else _part(part) for part in found.rstrip("/").split("/")]
    return "/".join(parts + ["*"] * (parts[-1] == "**" or found.endswith("/")))


def _part(part: str) -> str:
    """One folder or name: ``**`` stands for folders, and alone."""
    return "**/*" + part.lstrip("*") if part.startswith("**") else re.sub(r"\*{2,}", "*", part)
