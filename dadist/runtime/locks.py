"""Locks on files, by which processes that know nothing of each other follow one another.

The kernel lets go of a lock however its holder ends. Who holds it stands in the file: a note that outlives its writer,
and is believed only as far as this machine's processes bear it out.
"""

import contextlib
import errno
import fcntl
import functools
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from dadist.runtime.processes import Process, orphaned

logger = logging.getLogger(__name__)

UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
POLL_S = 0.2
GRACE_S = 1.0  # more than it takes whoever has just got a lock to write its note


def lock(file: IO[Any], otherwise: str) -> bool | None:
    """Lock a file for as long as it is open, unless another process has done so.

    Args:
        file: Open for writing.
        otherwise: What may happen without a lock, for the warning where the file system has none.

    Returns:
        False if another process has it; None where the file system has no locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        _warn(file.name, otherwise)
        return None
    return True


@functools.cache
def _warn(name: str, otherwise: str) -> None:
    logger.warning(
        "%s: this file system has no locks; see to it that no other process is at work here: %s", name, otherwise
    )


def lock_of(output: Path) -> Path:
    """The file whose lock its holder owns an output by, and all that stands beside it for its sake."""
    return output.with_name(f".{output.name}.lock")


@contextlib.contextmanager
def alone(path: Path, take_over_s: float | None = None) -> Iterator[None]:
    """Have a lock to oneself until the block ends; wait for whoever has it.

    A stage that outlives a killed workflow and the one that the next workflow starts thus follow each other. One whose
    workflow is gone begins nothing: another may have begun since, with other settings.

    Args:
        path: File, made if need be; it stays.
        take_over_s: None waits until the other one is done. A number tells it to save and end, and waits so long.

    Raises:
        ValueError: The other one does not end, or this process has outlived its workflow.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        begun, told, taken = time.monotonic(), set[Process](), _take(file, path)
        if not taken and take_over_s is None:
            logger.warning("%s: another process is at work on this; waiting until it ends", path)
        while not taken:
            _require_workflow(path)
            if take_over_s is not None:
                holder = Process.noted(path.read_bytes())
                _require_end(path, holder, time.monotonic() - begun, take_over_s)
                told |= {holder} if holder is not None and holder not in told and _tell(path, holder) else set()
            time.sleep(POLL_S)
            taken = _take(file, path)
        _require_workflow(path)
        file.truncate(0)
        file.write(Process.mine().note())
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            if Process.noted(file.read()) == Process.mine():
                file.truncate(0)


def interrupt(path: Path) -> None:
    """Tell whoever has a lock, and can go on where it was, to save and end; wait for nothing."""
    _require_workflow(path)
    if path.exists():
        with path.open("a+b") as file:
            holder = None if _take(file, path) else Process.noted(path.read_bytes())
        if holder is not None:
            _tell(path, holder)


def require(path: Path) -> None:
    """See to it, before an output is written, that this process still has the lock that it took.

    Raises:
        ValueError: Another has it: the lock was deleted meanwhile, or the file system has none.
    """
    holder = Process.noted(path.read_bytes()) if path.exists() else None
    if holder != Process.mine():
        raise ValueError(
            f"{path}: expected to be alone at work on this, found that {holder or 'somebody'} took the lock meanwhile; "
            "let that end, then run the same command again"
        )


def _take(file: IO[bytes], path: Path) -> bool:
    """Lock a file; where there are no locks, unless its note names a process of this machine that lives."""
    taken = lock(file, "processes of several machines, or begun at once, would take each other's files")
    if taken is None:
        holder = Process.noted(path.read_bytes())
        return holder is None or holder == Process.mine() or Process.of(holder.pid) != holder
    return taken


def _tell(path: Path, holder: Process) -> bool:
    told = holder.end()
    if told:
        logger.warning("%s: %s is still at work on this; telling it to save and end", path, holder)
    return told


def _require_workflow(path: Path) -> None:
    if orphaned():
        raise ValueError(
            f"{path}: expected whoever ran this stage to be there still, such as Snakemake, found it gone; "
            "run the same command again"
        )


def _require_end(path: Path, holder: Process | None, waited_s: float, patience_s: float) -> None:
    """Of another machine's process nobody here can tell whether it lives; of one of this machine, after a while."""
    if waited_s > patience_s or (holder is not None and not holder.here() and waited_s > GRACE_S):
        raise ValueError(
            f"{path}: expected no other training of the same model, got {holder or 'one that left no name here'}; "
            "end it, then run the same command again"
        )
