"""What a tree of rendered streets holds, so that none of it is lost or changed unseen."""

import hashlib
from pathlib import Path

from dadist.storage import seal
from dadist.storage.errors import DataError

LISTING = "streets.json"
VERSION = 1  # of its format


def save(root: Path) -> None:
    """Note every file of a tree. A PNG has checksums of its own; of the others theirs are noted."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != LISTING)
    noted = {path.relative_to(root).as_posix(): None if path.suffix == ".png" else _checksum(path) for path in files}
    seal.save({"files": noted}, root / LISTING, version=VERSION)


def check(root: Path, split: str, *, cameras: bool) -> None:
    """Hold a tree against its listing; one without a listing is someone else's.

    A folder that is not there at all was taken away: whether it is needed, the data set's reader knows.

    Args:
        root: Folder of the tree.
        split: What is read of it; cameras of another are not opened.
        cameras: Whether they are read, as they are with depth.

    Raises:
        DataError: A file is not there, or not as it was rendered.
    """
    if not (root / LISTING).is_file():
        return
    remedy = f"delete {root} and run the same command again; or, if the tree is yours by now, remove its {LISTING}"
    listed = seal.load(root / LISTING, version=VERSION, what="the listing of rendered streets", remedy=remedy)
    kept = {path.name for path in root.iterdir()}
    for name, checksum in listed["files"].items():
        if name.partition("/")[0] not in kept:
            continue
        path = root / name
        opened = cameras and path.parts[-3] == split  # camera/<split>/<city>/<name>.json
        changed = opened and checksum is not None and path.is_file() and _checksum(path) != checksum
        if changed or not path.is_file():
            got = "another (damaged)" if changed else "no such file"
            raise DataError(f"{path}: expected the file as it was rendered, got {got}; {remedy}")


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
