"""Files that appear whole or not at all, and archives that carry a checksum of themselves."""

import contextlib
import errno
import fcntl
import hashlib
import itertools
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

SEAL = b"sha256 "
DIGITS = 64  # of it
STEM = 50  # characters of a name in that of its temporary, which may not be longer than 255 bytes
UNLOCKABLE = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what file systems without locks answer


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its name once the block has ended well.

    A reader therefore sees the old file, no file, or the whole new one; a failed block leaves nothing. What a killed
    process left goes with the next writing of the same file.

    Raises:
        OSError: The disk is full, or the block wrote nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _temporary(path) as temporary:
            try:
                yield temporary
                if not temporary.stat().st_size:
                    raise OSError(f"{path}: expected content to write, got none; run the same command again")
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)  # while it is locked: afterwards it may be another process's
                raise
        sync_folder(path.parent)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OSError(
            f"{path}: expected room on the disk, got {error.strerror!r}; make room and run the same command again"
        ) from error


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the file system can tell."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise
    finally:
        os.close(descriptor)


def sealed(archive: bytes) -> bytes:
    """A zip archive (torch's and numpy's files are) with a checksum of all of it as its comment; readers skip that."""
    if archive[-2:] != bytes(2):
        raise ValueError("expected a zip archive without a comment")
    comment = SEAL + hashlib.sha256(archive).hexdigest().encode()
    return archive[:-2] + len(comment).to_bytes(2, "little") + comment


def damaged(archive: bytes) -> bool:
    """Whether the content differs from what was `sealed`; False without a seal, for files of others."""
    return _seal(archive) is not None and not whole(archive)


def whole(archive: bytes) -> bool:
    """Whether the content is what was `sealed`; False without a seal, for files that are ours alone."""
    seal = _seal(archive)
    content = hashlib.sha256(memoryview(archive)[: -2 - len(SEAL) - DIGITS])
    content.update(bytes(2))
    return seal == content.hexdigest().encode()


def _seal(archive: bytes) -> bytes | None:
    """What the comment says that the checksum is, if it says so."""
    length = len(SEAL) + DIGITS
    comment = archive[-length:]
    if not comment.startswith(SEAL) or archive[:-length][-2:] != length.to_bytes(2, "little"):
        return None
    return comment[len(SEAL) :]


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """An empty file beside ``path`` that no other process writes, nor sweeps while this one lives.

    Its lock is let go of however a process ends, so a name that is not locked is free, whatever stands there. Where
    the file system has no locks, the name is nobody else's, and stays if the process is killed.
    """

    def named(number: int | str) -> Path:
        return path.with_name(f".{path.stem[:STEM]}.new{number}{path.suffix}")

    taken = None
    try:
        for number in itertools.count():
            if (taken := _locked(named(number))) is not None:
                break
        temporary = named(number)
        for later in itertools.count(number + 1):
            if not named(later).exists():
                break
            if (left := _locked(named(later))) is not None:
                named(later).unlink()
                os.close(left)
    except OSError as error:
        if error.errno not in UNLOCKABLE:
            raise
        temporary = named(f"-{secrets.token_hex(8)}")
        temporary.touch(exist_ok=False)
    try:
        yield temporary
    finally:
        if taken is not None:
            os.close(taken)


def _locked(temporary: Path) -> int | None:
    """The descriptor of an empty file of this name that is now locked; None if another process has it locked."""
    while True:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _names(temporary, descriptor):  # not so if whoever had it has renamed it in the meantime
                os.ftruncate(descriptor, 0)
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            temporary.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        os.close(descriptor)


def _names(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
