"""Which GPU a stage gets: processes that know nothing of each other share what is there."""

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dadist.runtime import gpus

TWO = ("GPU-a", "GPU-b")

HOLDER = """
import sys, time
from pathlib import Path
from dadist.runtime import gpus
found, files = gpus.hold(int(sys.argv[2]), sys.argv[3:], Path(sys.argv[1]))
print(",".join(found), flush=True)
time.sleep(600)
"""


class Holder:
    """A process that holds GPUs until it is killed."""

    def __init__(self, folder: Path, wanted: int, *ids: str) -> None:
        command = [sys.executable, "-c", HOLDER, str(folder), str(wanted), *ids]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def got(self) -> str:
        """What it holds, once it does."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """Without a chance to tidy up."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.communicate()


@pytest.fixture
def holders() -> Iterator[list[Holder]]:
    started: list[Holder] = []
    yield started
    for one in started:
        one.kill()


def test_two_at_once_get_different_gpus_and_a_third_waits_for_the_first_that_dies(
    tmp_path: Path, holders: list[Holder]
) -> None:
    holders += [Holder(tmp_path, 1, *TWO), Holder(tmp_path, 1, *TWO)]
    first, second = (one.got() for one in holders)
    assert {first, second} == set(TWO)
    holders.append(Holder(tmp_path, 1, *TWO))
    with pytest.raises(subprocess.TimeoutExpired):
        holders[2].process.wait(2)
    holders[1].kill()
    assert holders[2].got() == second


def test_who_wants_two_holds_none_while_it_waits(tmp_path: Path, holders: list[Holder]) -> None:
    holders.append(Holder(tmp_path, 1, *TWO))
    assert holders[0].got() == "GPU-a"
    holders.append(Holder(tmp_path, 2, *TWO))
    holders.append(Holder(tmp_path, 1, *TWO))
    assert holders[2].got() == "GPU-b"
    holders[0].kill()
    holders[2].kill()
    assert holders[1].got() == "GPU-a,GPU-b"


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, ["GPU-a", "GPU-b"]),
        ("1", ["GPU-b"]),
        ("1,0", ["GPU-b", "GPU-a"]),
        ("GPU-b", ["GPU-b"]),
        ("", []),
        ("-1", []),
        ("0,7,1", ["GPU-a"]),  # CUDA stops at the first that is not there
    ],
)
def test_gpus_that_were_allotted_are_chosen_among(visible: str | None, expected: list[str]) -> None:
    assert gpus.usable(visible, TWO) == expected


def test_gpus_are_counted_by_the_drivers_tool_and_parts_count_for_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nvidia-smi"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    plain = "GPU 0: NVIDIA H100 (UUID: GPU-1f)\\nGPU 1: NVIDIA H100 (UUID: GPU-2e)\\n"
    parts = "GPU 0: NVIDIA H100 (UUID: GPU-1f)\\n  MIG 1g.10gb Device 0: (UUID: MIG-3d)\\n"
    for text, expected in ((plain, ["GPU-1f", "GPU-2e"]), (parts, ["MIG-3d"]), ("No devices found.\\n", [])):
        tool.write_text(f"#!/bin/sh\nprintf '{text}'\n", encoding="utf-8")
        tool.chmod(0o755)
        assert gpus.present() == expected
    tool.write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
    assert gpus.present() == []


def test_a_stage_shows_cuda_the_gpu_that_it_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(gpus, "present", lambda: list(TWO))
    monkeypatch.setattr(gpus, "_held", [])
    monkeypatch.setenv(gpus.VISIBLE, "1,0")
    gpus.take(0)
    assert os.environ[gpus.VISIBLE] == "1,0"
    gpus.take(1)
    assert os.environ[gpus.VISIBLE] == "GPU-b"
    for file in gpus._held:
        file.close()


def test_the_folder_of_the_locks_is_made_for_this_user_alone(tmp_path: Path) -> None:
    folder = gpus.private(tmp_path / "locks")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert gpus.private(folder) == folder


def laid(path: Path, what: str) -> None:
    """What another user may have laid there, who knows the name."""
    if what == "a link":
        path.symlink_to(path.parent)
    elif what == "a file":
        path.touch()
    else:
        path.mkdir()
        path.chmod(0o777 if what == "a folder that is open to all" else 0o700)
        if what == "a folder of another user":
            os.chown(path, 12345, -1)


@pytest.mark.parametrize(
    "what",
    [
        "a link",
        "a file",
        "a folder that is open to all",
        pytest.param("a folder of another user", marks=pytest.mark.skipif(os.getuid() != 0, reason="takes root")),
    ],
)
def test_a_folder_of_locks_that_is_not_this_users_is_refused(tmp_path: Path, what: str) -> None:
    laid(tmp_path / "locks", what)
    with pytest.raises(
        ValueError, match=r"locks: expected a folder of user \d+ that is closed to others.*; remove it, or set"
    ):
        gpus.private(tmp_path / "locks")


def test_a_link_in_the_folder_of_locks_leads_nowhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("text", encoding="utf-8")
    (tmp_path / "GPU-a").symlink_to(victim)
    (tmp_path / "GPU-b").symlink_to(tmp_path / "new")
    for one in TWO:
        with pytest.raises(OSError, match=one):
            gpus.hold(1, [one], tmp_path)
    assert victim.read_text(encoding="utf-8") == "text"
    assert not (tmp_path / "new").exists()


def test_where_the_disk_has_no_locks_a_gpu_is_taken_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)
    found, files = gpus.hold(1, TWO, tmp_path)
    assert found == ["GPU-a"]
    assert "GPU-a: this file system has no locks" in caplog.text
    assert "two stages at once may take the same GPU" in caplog.text
    files[0].close()


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine with two GPUs, and an environment that is put back."""
    monkeypatch.setattr(gpus.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(gpus, "present", lambda: list(TWO))
    monkeypatch.setattr(gpus, "_held", [])
    monkeypatch.setattr(gpus.os, "environ", {**os.environ, "OMP_NUM_THREADS": "8"})
    os.environ.pop(gpus.VISIBLE, None)
    yield
    for file in gpus._held:
        file.close()


@pytest.mark.usefixtures("two")
def test_the_launcher_holds_the_gpus_of_all_its_processes_and_each_sees_its_own() -> None:
    gpus.take_for_processes(2, granted=2)
    assert len(gpus._held) == 2
    assert os.environ[gpus.VISIBLE] == "GPU-a,GPU-b"
    assert os.environ["OMP_NUM_THREADS"] == "4"
    gpus.take_own(1)
    assert os.environ[gpus.VISIBLE] == "GPU-b"


@pytest.mark.usefixtures("two")
def test_more_processes_than_gpus_are_refused_and_so_are_gpus_that_snakemake_did_not_grant() -> None:
    with pytest.raises(ValueError, match="gpus: expected 3 on one machine, got 2; set the key gpus to 2"):
        gpus.take_for_processes(3, granted=3)
    with pytest.raises(
        ValueError, match="expected 2 for one training, got leave to take 1; run with --resources gpu=2"
    ):
        gpus.take_for_processes(2, granted=1)
    assert gpus._held == []


@pytest.mark.usefixtures("two")
def test_without_a_gpu_several_processes_share_the_threads_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "present", list)
    gpus.take_for_processes(4, granted=1)
    gpus.take_own(3)
    assert gpus.VISIBLE not in os.environ
    assert os.environ["OMP_NUM_THREADS"] == "2"


def test_without_a_gpu_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpus, "present", list)
    monkeypatch.delenv(gpus.VISIBLE, raising=False)
    gpus.take(1)
    assert gpus.VISIBLE not in os.environ
