"""Where `dadist predict` writes when nobody says where: a folder that is not there yet."""

import re
from collections.abc import Sequence
from pathlib import Path

from dadist.deploy.contact_sheet import FOLDER, PAGE, TABLE
from dadist.deploy.writers import DRAWINGS

NAME = "predictions"  # then predictions-2, predictions-3, ...
OWN = {*DRAWINGS, FOLDER, PAGE, TABLE}  # what lies in such a folder


def earlier(words: Sequence[str]) -> list[Path]:
    """Folders here that earlier runs wrote, and that none of the ``words`` of a command names or looks into.

    A folder of such a name that holds anything else is someone's own.
    """
    named = [(Path(word).resolve(), *Path(word).resolve().parents) for word in words]
    return [
        folder
        for folder in sorted(Path().glob(f"{NAME}*"))
        if re.fullmatch(rf"{NAME}(-\d+)?", folder.name)
        and folder.is_dir()
        and {path.name for path in folder.iterdir()} <= OWN
        and not any(folder.resolve() in above for above in named)
    ]


def claim() -> Path:
    """Make the first folder of the sequence that is not there yet; two runs at once get two."""
    number = 1
    while True:
        folder = Path(NAME if number == 1 else f"{NAME}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder
