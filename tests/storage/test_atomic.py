import errno
import io
import os
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from dadist.storage import atomic as files


def test_atomic_makes_the_folder_and_the_file_and_nothing_else(tmp_path: Path) -> None:
    with files.atomic(tmp_path / "deep" / "a.txt") as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert temporary.parent == tmp_path / "deep"
        assert temporary.suffix == ".txt"
        assert not (tmp_path / "deep" / "a.txt").exists()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.txt"]
    assert (tmp_path / "deep" / "a.txt").read_text(encoding="utf-8") == "new"


def test_a_full_disk_is_told_with_the_file_that_it_refused(tmp_path: Path) -> None:
    def write() -> None:
        with files.atomic(tmp_path / "a.txt"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"a\.txt: expected room on the disk, got 'No space left on device'; make room"):
        write()


def test_what_a_killed_process_left_goes_with_the_next_writing_and_what_a_running_one_writes_stays(
    tmp_path: Path,
) -> None:
    code = (
        "import pathlib, sys, time; from dadist.storage.atomic import atomic\n"
        "with atomic(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); print(temporary.name, flush=True); time.sleep(60)\n"
    )
    path = tmp_path / "model.pt"

    def started() -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return process, process.stdout.readline().strip()

    (killed, first), (running, second), (later, third) = started(), started(), started()
    try:
        for process in (killed, later):
            process.kill()
            process.communicate()
        assert sorted(left.name for left in tmp_path.iterdir()) == sorted({first, second, third})
        with files.atomic(path) as temporary:
            assert not temporary.read_bytes()
            temporary.write_text("whole")
        assert sorted(left.name for left in tmp_path.iterdir()) == sorted({second, "model.pt"})
        assert (tmp_path / second).read_text() == "half"
    finally:
        running.kill()
        running.communicate()
    with files.atomic(path) as temporary:
        temporary.write_text("whole again")
    assert [left.name for left in tmp_path.iterdir()] == ["model.pt"]
    assert path.read_text() == "whole again"


def test_threads_that_write_one_file_do_not_meet(tmp_path: Path) -> None:
    path, meeting = tmp_path / "a.txt", threading.Barrier(4)

    def write(letter: str) -> None:
        with files.atomic(path) as temporary:
            meeting.wait(10)
            temporary.write_text(letter * 1000)
            meeting.wait(10)
            assert temporary.read_text() == letter * 1000

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, "abcd"))
    assert [left.name for left in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() in {letter * 1000 for letter in "abcd"}


def test_a_file_system_without_locks_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(files.fcntl, "flock", unsupported)
    with files.atomic(tmp_path / "a.txt") as first, files.atomic(tmp_path / "a.txt") as second:
        first.write_text("one")
        second.write_text("two")
    assert [left.name for left in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "one"


def test_a_writer_that_fails_without_a_word_leaves_no_empty_file(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match=r"a\.txt: expected content to write, got none; run"),
        files.atomic(tmp_path / "a.txt"),
    ):
        pass
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "name",
    ["n" * 251 + ".png", "名" * 83 + ".png", "no suffix", ".hidden", b"\xff.png".decode("utf-8", "surrogateescape")],
)
def test_a_name_of_any_kind_and_of_the_greatest_length_is_written(tmp_path: Path, name: str) -> None:
    with files.atomic(tmp_path / name) as temporary:
        temporary.write_text("new")
    assert [left.name for left in tmp_path.iterdir()] == [name]


def test_the_folder_is_synced_after_the_file_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[list[str]] = []

    def sync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            synced.append(os.listdir(descriptor))

    monkeypatch.setattr(files.os, "fsync", sync)
    with files.atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert synced == [["a.txt"]]


def test_a_sealed_archive_is_an_archive_whose_every_change_shows(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.arange(5))
    sealed = files.sealed(buffer.getvalue())
    with np.load(io.BytesIO(sealed)) as arrays:
        assert arrays["a"].tolist() == [0, 1, 2, 3, 4]
    assert not files.damaged(sealed)
    assert not files.damaged(buffer.getvalue())  # of others: nothing is known
    assert not files.damaged(b"")
    length = len(buffer.getvalue()) - 2
    for at in [*range(length), *range(length + 2 + len(files.SEAL), len(sealed))]:
        assert files.damaged(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]), at


def test_a_failed_write_leaves_the_old_file_and_no_temporary(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")

    def write() -> None:
        with files.atomic(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
