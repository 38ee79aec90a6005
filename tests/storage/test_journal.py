"""What counts as done after kill -9, after a power cut, and on a disk that refuses."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dadist.storage import journal
from dadist.storage.journal import Journal

MARKS = [{"scene": index, "size": [3, 4]} for index in range(5)]


def nothing() -> None:
    """Data that are on the disk already."""


@contextlib.contextmanager
def filled(path: Path, sync: Any = nothing) -> Iterator[Journal]:
    with Journal(path, sync) as book:
        for mark in MARKS:
            book.add(mark)
        yield book


def marks(path: Path) -> list[Any]:
    """What who goes on is told."""
    with Journal(path, nothing) as book:
        return book.marks


def test_marks_are_there_again_and_more_can_follow(tmp_path: Path) -> None:
    with filled(tmp_path / "journal"):
        pass
    with Journal(tmp_path / "journal", nothing) as again:
        assert again.marks == MARKS
        again.add({"scene": 5})
    assert marks(tmp_path / "journal") == [*MARKS, {"scene": 5}]


def test_a_line_that_was_cut_costs_its_own_mark_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with filled(path):
        pass
    whole = path.read_bytes()
    counts = []
    for kept in range(len(whole)):
        path.write_bytes(whole[:kept] + b'\n{"scene": 9}')
        if kept > whole.index(b"}"):  # the first line names the run of the kernel
            *before, after = marks(path)
            assert after == {"scene": 9}
            assert before == MARKS[: len(before)]
            counts.append(len(before))
    assert counts == sorted(counts)
    assert counts[-1] == 4


def test_after_a_power_cut_only_what_was_on_the_disk_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with filled(tmp_path / "journal") as book:
        book.sync()
        book.add({"scene": 5})
        book.add({"scene": 6})
    monkeypatch.setattr(journal, "_boot", lambda: "another run of the kernel")
    assert marks(tmp_path / "journal") == MARKS


def test_where_the_kernel_has_no_name_every_stop_is_taken_for_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_BOOT", tmp_path / "none")
    with filled(tmp_path / "journal"):
        pass
    assert marks(tmp_path / "journal") == []


def test_data_are_synced_after_the_interval_and_before_their_marks_are_called_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bytes] = []
    path = tmp_path / "journal"
    monkeypatch.setattr(journal, "SYNC_S", -1.0)
    with filled(path, lambda: seen.append(path.read_bytes() if path.exists() else b"")):
        pass
    assert len(seen) == 1 + len(MARKS)
    assert [b'"durable": 3' in one for one in seen] == [False] * 4 + [True] * 2


def test_marks_of_data_that_the_disk_refuses_are_taken_back(tmp_path: Path) -> None:
    refusals = iter([None, None, OSError(errno.EIO, "refused")])

    def sync() -> None:
        if error := next(refusals):
            raise error

    with filled(tmp_path / "journal", sync) as book:
        book.sync()
        book.add({"scene": 5})
        with pytest.raises(OSError, match="refused"):
            book.sync()
        with pytest.raises(OSError):
            book.add({"scene": 6})
    assert marks(tmp_path / "journal") == MARKS
