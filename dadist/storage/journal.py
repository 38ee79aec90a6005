"""What is done of a folder while it is being made, so that whoever is killed goes on where it was."""

import errno
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dadist.storage.atomic import atomic

SYNC_S = 10.0  # a power cut loses no more than this; kill -9 loses nothing that was marked
_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Journal:
    """Marks of what is done, one per line of a file.

    A mark is written after its data. Both are then with the kernel, which outlives any process: marks are taken at
    their word after kill -9. A power cut takes the kernel along: after it, only marks count that stand before a line
    "durable", which is written when all data before it are on the disk.

    Args:
        path: The file; marks that stand in it count.
        sync: Waits until the data are on the disk.
    """

    def __init__(self, path: Path, sync: Callable[[], None]) -> None:
        self._sync, self._lock, self._failed = sync, threading.Lock(), False
        sync()
        self.marks: list[dict[str, Any]] = _trusted(path)
        head: list[dict[str, Any]] = [{"boot": _boot()}, *self.marks, {"durable": len(self.marks)}]
        with atomic(path) as temporary:
            temporary.write_bytes(b"".join(map(_line, head)))
        self._file = path.open("ab", buffering=0)
        self._count, self._durable_bytes, self._synced_at = len(self.marks), path.stat().st_size, time.monotonic()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, mark: dict[str, Any]) -> None:
        """Note something whose data are written; from any thread.

        Raises:
            OSError: It cannot be written.
        """
        with self._lock:
            self._append(mark)
            self._count += 1
            due = time.monotonic() - self._synced_at > SYNC_S
            if due:
                self._synced_at = time.monotonic()
        if due:
            self.sync()

    def sync(self) -> None:
        """Make what is marked outlast a power cut. Where the disk refuses data, their marks go.

        Raises:
            OSError: The disk refuses.
        """
        covered = self._count
        try:
            self._sync()
        except OSError:
            with self._lock:
                self._failed = True
                os.ftruncate(self._file.fileno(), self._durable_bytes)
            raise
        with self._lock:
            self._append({"durable": covered})
            os.fsync(self._file.fileno())
            self._durable_bytes = os.fstat(self._file.fileno()).st_size

    def _append(self, entry: dict[str, Any]) -> None:
        line = _line(entry)
        if self._failed or self._file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _line(entry: dict[str, Any]) -> bytes:
    """Begins with the newline: a line that was cut off takes none of the next with it, and is not JSON."""
    return b"\n" + json.dumps(entry).encode()


def _trusted(path: Path) -> list[dict[str, Any]]:
    """The marks of a file that still hold."""
    boot, durable, marks = "", 0, []
    for line in path.read_bytes().split(b"\n") if path.is_file() else []:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if "boot" in entry:
            boot = entry["boot"]
        elif "durable" in entry:
            durable = entry["durable"]
        else:
            marks.append(entry)
    return marks if boot and boot == _boot() else marks[:durable]


def _boot() -> str:
    """Names this run of the kernel; empty where it does not tell."""
    return _BOOT.read_text(encoding="ascii").strip() if _BOOT.is_file() else ""
