"""Processes that know nothing of each other follow one another."""

import dataclasses
import errno
import fcntl
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dadist.runtime.locks import alone, require
from dadist.runtime.processes import Process


def test_who_comes_second_waits_for_the_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    order: list[str] = []

    def second() -> None:
        with alone(tmp_path / "lock"):
            order.append("second")

    with alone(tmp_path / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        while "waiting until it ends" not in caplog.text:
            time.sleep(0.01)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with alone(tmp_path / "lock"), alone(tmp_path / "lock", take_over_s=1):
        pass
    assert caplog.text.count("lock: this file system has no locks; see to it that no other process is at work") == 1
    assert "processes of several machines, or begun at once, would take each other's files" in caplog.text


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is alive until it is told to end."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_without_locks_a_process_of_this_machine_that_the_note_names_is_told_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: subprocess.Popen[bytes]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    holder = Process.of(other.pid)
    assert holder is not None
    (tmp_path / "lock").write_bytes(dataclasses.replace(holder, start=1).note())
    with alone(tmp_path / "lock", take_over_s=5):  # a note of another process of the same id: nobody is told
        assert other.poll() is None
    (tmp_path / "lock").write_bytes(holder.note())
    with alone(tmp_path / "lock", take_over_s=60):
        assert other.poll() == -signal.SIGTERM


def test_who_lost_the_lock_meanwhile_writes_nothing(tmp_path: Path) -> None:
    with alone(tmp_path / "lock"):
        require(tmp_path / "lock")
        (tmp_path / "lock").unlink()  # by hand: another can have one of the same name now
        with pytest.raises(ValueError, match="found that somebody took the lock meanwhile"):
            require(tmp_path / "lock")
        (tmp_path / "lock").write_bytes(dataclasses.replace(Process.mine(), pid=7).note())
        with pytest.raises(ValueError, match=r"found that process 7 on .* took the lock meanwhile; let that end"):
            require(tmp_path / "lock")


def test_another_refusal_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "a broken disk")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="a broken disk"), alone(tmp_path / "lock"):
        pass


def test_the_lock_names_its_holder_whatever_stood_in_it(tmp_path: Path) -> None:
    (tmp_path / "lock").write_bytes(b"\xff" * 1000)
    with alone(tmp_path / "lock"):
        assert Process.noted((tmp_path / "lock").read_bytes()) == Process.mine()
    assert (tmp_path / "lock").read_bytes() == b""


# It is started by a process that ends at once, and has the lock only after that.
ORPHAN = """
    import sys, time
    from pathlib import Path
    from dadist.runtime.locks import alone, require
    from dadist.runtime.processes import orphaned
    folder = Path(sys.argv[1])
    (folder / "begun").touch()
    try:
        with alone(folder / "lock"):
            (folder / "entered").touch()
    except ValueError as error:
        (folder / "said.new").write_text(str(error), encoding="utf-8")
        (folder / "said.new").rename(folder / "said")
"""


def test_a_process_whose_workflow_is_gone_begins_nothing(tmp_path: Path) -> None:
    """It may have other settings than whoever had the lock meanwhile."""
    parent = """
        import subprocess, sys, time
        from pathlib import Path
        subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]])
        while not (Path(sys.argv[1]) / "begun").exists():
            time.sleep(0.01)
    """
    with alone(tmp_path / "lock"):
        words = [sys.executable, "-c", textwrap.dedent(parent), str(tmp_path), textwrap.dedent(ORPHAN)]
        subprocess.run(words, check=True)
        end = time.monotonic() + 60
        while not (tmp_path / "said").exists() and time.monotonic() < end:
            time.sleep(0.02)
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert "lock: expected whoever ran this stage to be there still, such as Snakemake, found it gone" in said
    assert not (tmp_path / "entered").exists()
