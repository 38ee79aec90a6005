"""Several processes of one command on one machine, started and watched; they meet through a file and no network."""

import contextlib
import fcntl
import logging
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from dadist.runtime.processes import environment

logger = logging.getLogger(__name__)

ENDING = (signal.SIGINT, signal.SIGTERM)
END_S = 30.0  # that a process has to end once it is told to
POLL_S = 0.1
GRACE_S = 1.0  # in which one that is lost shows, where another has noticed it first


def launch(processes: int, words: Sequence[str]) -> None:
    """Run ``python WORDS`` in that many processes, which `distributed.joined` brings together, to the end.

    If one fails or is lost, the others are told to end, and killed if they do not within half a minute. A signal to
    end that comes here goes on to all of them.

    Raises:
        SystemExit: when they did not all end well.
        ValueError: where they cannot meet.
    """
    every: list[subprocess.Popen[bytes]] = []
    with _meeting() as place, _signals() as came:
        try:
            for rank in range(processes):
                every.append(subprocess.Popen([sys.executable, *words], env=environment(rank, processes, place)))
            wrong = _watch(every, came)
        finally:
            _end(every, came[0] if came else signal.SIGTERM)
    codes = set(wrong.values())
    if came and any(one.returncode for one in every):
        codes = {128 + came[0]}
    if stopped := next((number for number in ENDING if codes == {128 + number}), None):
        logger.warning("stopped by %s; the same command goes on from the last saved state", stopped.name)
        raise SystemExit(128 + stopped)
    if codes:
        logger.error(
            "error: expected %d processes to the end, got %s; what they said stands above; "
            "the same command goes on from the last saved state",
            processes,
            ", ".join(f"process {rank} {_ended(code)}" for rank, code in wrong.items()),
        )
        code = min(codes)
        raise SystemExit(128 - code if code < 0 else code)


def _watch(every: Sequence[subprocess.Popen[bytes]], came: Sequence[int]) -> dict[int, int]:
    """Wait until all have ended well, one has not, or a signal came; rank → exit code of those that ended badly."""
    while not came and any(one.poll() is None for one in every) and not any(one.returncode for one in every):
        time.sleep(POLL_S)
    if any(one.returncode for one in every):
        time.sleep(GRACE_S)
    return {rank: code for rank, one in enumerate(every) if (code := one.poll())}


def _end(every: Sequence[subprocess.Popen[bytes]], number: int) -> None:
    """Tell those that are left to end, and see to it."""
    for one in every:
        one.send_signal(number)  # nothing, if it has ended
    end = time.monotonic() + END_S
    for one in every:
        with contextlib.suppress(subprocess.TimeoutExpired):
            one.wait(max(end - time.monotonic(), 0))
        one.kill()
        one.wait()


@contextlib.contextmanager
def _meeting() -> Iterator[Path]:
    """The file through which the processes find each other, in a folder that is closed to all other users."""
    folder = Path(tempfile.mkdtemp(prefix="dadist-"))
    try:
        file = folder / "meeting"
        with file.open("w") as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX)
            except OSError as error:
                raise ValueError(
                    f"{folder.parent}: expected a disk with locks, through which several processes find each other, "
                    f"got {error.strerror!r}; set TMPDIR to a folder on a disk of this machine"
                ) from None
        yield file
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals to end that came; SIGUSR1 asks for a save where it reaches the processes, and ends nothing."""
    came: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(number)

    before = {number: signal.signal(number, note) for number in ENDING}
    before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ended(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
