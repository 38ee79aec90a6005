import errno
import io
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
