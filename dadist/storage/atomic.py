"""Files that appear whole or not at all, and archives that carry a checksum of themselves."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

SEAL = b"sha256 "


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its name once the block has ended well.

    A reader therefore sees the old file, no file, or the whole new one; a failed block leaves nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise OSError(
            f"{path}: expected room on the disk, got {error.strerror!r}; make room and run the same command again"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def sealed(archive: bytes) -> bytes:
    """A zip archive (torch's and numpy's files are) with a checksum of all of it as its comment; readers skip that."""
    if archive[-2:] != bytes(2):
        raise ValueError("expected a zip archive without a comment")
    comment = SEAL + hashlib.sha256(archive).hexdigest().encode()
    return archive[:-2] + len(comment).to_bytes(2, "little") + comment


def damaged(archive: bytes) -> bool:
    """Whether the content differs from what was `sealed`; False without a seal, for files of others."""
    length = len(SEAL) + 64
    begin = len(archive) - length
    comment = archive[max(begin, 0) :]
    if not comment.startswith(SEAL) or archive[begin - 2 : begin] != length.to_bytes(2, "little"):
        return False
    content = hashlib.sha256(memoryview(archive)[: begin - 2])
    content.update(bytes(2))
    return content.hexdigest().encode() != comment[len(SEAL) :]
