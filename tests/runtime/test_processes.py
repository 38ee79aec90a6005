"""A note names one process, and that one alone is signalled."""

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from dadist.runtime import processes
from dadist.runtime.processes import Process


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """An innocent process."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


def test_a_note_names_the_process_that_wrote_it() -> None:
    mine = Process.mine()
    assert Process.noted(mine.note()) == mine == Process.of(os.getpid())
    assert mine.here()
    assert str(mine) == f"process {os.getpid()} on {os.uname().nodename}"


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\xff\xfe\x00",
        b"somewhere 7",
        b"7",
        b"null",
        b"[]",
        b"[" * 100_000,
        b"{}",
        b'{"pid": 7}',
        b'{"host": "a", "boot": "b", "namespace": "c", "pid": "7", "start": 1}',
        b'{"host": "a", "boot": "b", "namespace": "c", "pid": true, "start": 1}',
        b'{"host": "a", "boot": "b", "namespace": "c", "pid": 7, "start": 1, "more": 1}',
    ],
)
def test_any_other_text_names_nobody(note: bytes) -> None:
    assert Process.noted(note) is None


def test_the_process_that_is_meant_is_told_to_end(other: subprocess.Popen[bytes]) -> None:
    meant = Process.of(other.pid)
    assert meant is not None
    assert meant.end()
    assert other.wait(60) == -signal.SIGTERM
    assert not meant.end()


@pytest.mark.parametrize(
    "change", [{"start": 1}, {"boot": "of another day"}, {"boot": ""}, {"namespace": "pid:[7]"}, {"host": "elsewhere"}]
)
def test_another_process_of_the_same_id_is_left_alone(
    other: subprocess.Popen[bytes], change: dict[str, int | str]
) -> None:
    here = Process.of(other.pid)
    assert here is not None
    meant = dataclasses.replace(here, **change)  # type: ignore[arg-type]
    assert not meant.end()
    assert meant.here() == (change.keys() <= {"start", "host"})
    with pytest.raises(subprocess.TimeoutExpired):
        other.wait(0.3)


@pytest.mark.parametrize("pid", [-1, 0, 10**30])
def test_an_id_that_no_process_can_have_is_nobodys(pid: int) -> None:
    assert Process.of(pid) is None
    assert not dataclasses.replace(Process.mine(), pid=pid).end()


def test_where_the_system_does_not_tell_nobody_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processes, "BOOT", tmp_path / "none")
    mine = Process.mine()
    assert not mine.here()
    assert not dataclasses.replace(mine, pid=os.getppid()).end()


def test_a_name_of_a_process_may_hold_anything(tmp_path: Path) -> None:
    program = tmp_path / ") S 1 (\n)"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "600"]) as process:
        found = Process.of(process.pid)
        process.kill()
    assert found is not None
    assert found.start >= Process.mine().start


CHILD = """
    import sys, time
    from dadist.runtime.processes import orphaned
    print(orphaned(), flush=True)
    sys.stdin.readline()
    time.sleep(0.1)
    print(orphaned(), flush=True)
"""


def test_a_process_notices_that_whoever_ran_it_is_gone() -> None:
    parent = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]]); sys.stdin.readline()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", parent, textwrap.dedent(CHILD)], text=True, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == "False\n"
        process.kill()
        process.wait()
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert process.stdout.readline() == "True\n"


def test_of_several_processes_each_knows_its_place_and_not_by_what_another_launcher_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RANK", "3")
    assert processes.rank() is None
    assert not processes.abandoned()
    for name, value in processes.environment(1, 2, tmp_path / "meeting").items():
        monkeypatch.setenv(name, value)
    assert processes.rank() == 1
    assert processes.meeting() == (tmp_path / "meeting", 1, 2)
    assert processes.abandoned()  # its launcher would be this very process, which is not its own parent
    monkeypatch.setenv(processes.LAUNCHER, str(os.getppid()))
    assert not processes.abandoned()
    assert processes.orphaned()  # the parent of its parent is another than that of the launcher


def test_one_of_several_ends_well_whatever_stands_on_python_s_way_out() -> None:
    code = (
        "import atexit, os; from dadist.runtime.processes import end; atexit.register(os.abort); print('said'); end()"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (answer.returncode, answer.stdout) == (0, "said\n")
