"""Where a folder is made, so that what is done of it survives whoever makes it.

Snakemake deletes the output of a job that fails. The work therefore stands beside the output, in a folder that no rule
declares, and takes the output's name when it is whole.
"""

import contextlib
import errno
import glob
import shutil
from collections.abc import Iterator
from pathlib import Path

from dadist.runtime.locks import alone, lock_of, require
from dadist.storage.atomic import sync_folder
from dadist.storage.errors import DataError
from dadist.storage.journal import Journal
from dadist.storage.kept import keep, put_back

CONTENT, JOURNAL = "content", "journal"  # inside a workplace: what becomes the output, and what is done of it


@contextlib.contextmanager
def workplace(folder: Path, index: str, key: str, whole: str) -> Iterator[Path | None]:
    """The place to make ``folder`` at, alone; the block leaves all of it in ``CONTENT``, which then becomes ``folder``.

    Args:
        folder: The output. One that is there already goes, unless it is what is wanted.
        index: Name of the file that every such output has.
        key: Who has the same key goes on with the same work; work of another key goes.
        whole: Who has the same one wants the same output.

    Yields:
        The place, with what an earlier process left there, or None if the output is there.

    Raises:
        DataError: ``folder`` is something else, which is not ours to delete.
    """
    with alone(lock_of(folder)):
        there = put_back([folder], whole)
        place = _place(folder, key, there)
        if there:
            yield None
            return
        _remove(folder, index)
        place.mkdir(exist_ok=True)
        yield place
        require(lock_of(folder))
        (place / CONTENT).rename(folder)
        sync_folder(folder.parent)
        keep([folder], whole)
        shutil.rmtree(place)


@contextlib.contextmanager
def notes(file: Path, key: str) -> Iterator[Journal]:
    """A journal beside a file that the block writes at its end; it goes once the block has ended well.

    Args:
        file: The output, which the caller owns.
        key: Who has the same key goes on with what is noted; notes of another key go.
    """
    place = _place(file, key, done=False)
    place.mkdir(parents=True, exist_ok=True)
    with Journal(place / JOURNAL, lambda: None) as journal:
        yield journal
    shutil.rmtree(place)


def _place(output: Path, key: str, done: bool) -> Path:
    """Where an output is made by a key; the places of other keys go, and this one too if that is done."""
    begin = f".{output.name}.partial-"
    place = output.with_name(begin + key)
    for left in output.parent.glob(f"{glob.escape(begin)}*"):
        if done or left != place:
            shutil.rmtree(left)
    return place


@contextlib.contextmanager
def explaining_full_disk(folder: Path) -> Iterator[None]:
    """Say of an error of the block that the disk is full, and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        free_mb = shutil.disk_usage(folder.parent).free // 10**6
        raise OSError(
            f"{folder}: expected room on the disk, got {error.strerror!r} ({free_mb} MB free); "
            "make room and run the same again: it goes on where it was"
        ) from error


def _remove(folder: Path, index: str) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / index).is_file():
            raise DataError(
                f"{folder}: expected no folder, an empty one or one with {index}, got other files; "
                "name another output, or remove them"
            )
        (folder / index).unlink()  # first: without it, the rest is not taken for whole
    if folder.is_dir():
        shutil.rmtree(folder)
