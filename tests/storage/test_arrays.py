"""Rows in a file, compared with their checksums when they are first read."""

from pathlib import Path

import numpy as np
import pytest

from dadist.data.prepared import spread
from dadist.storage.arrays import Checked, Rows
from dadist.storage.errors import DataError

ARRAY = np.arange(24, dtype=np.uint16).reshape(4, 2, 3)


def checked(path: Path) -> Checked:
    """Four rows, written out of order, of which the third was damaged later."""
    rows = Rows.create(path, ARRAY.shape, np.uint16)
    sums = [*rows.put(2, ARRAY[2:]), *rows.put(0, ARRAY[0]), *rows.put(1, ARRAY[1])]
    with path.open("r+b") as file:
        file.seek(rows.offset + 2 * rows.row_bytes + 5)
        file.write(b"\xff")
    return Checked.over(np.load(path, mmap_mode="r").view(np.ndarray), path, [*sums[2:], *sums[:2]])


@pytest.mark.parametrize(
    "key", [0, -1, [3, 0], slice(2), (1, slice(None), 0), np.array([1, 3]), np.array([True, True, False, True])]
)
def test_whole_rows_are_read_as_they_are(tmp_path: Path, key: object) -> None:
    found = checked(tmp_path / "a.npy")[key]
    assert type(found) is np.ndarray or np.ndim(found) == 0
    np.testing.assert_array_equal(found, ARRAY[key])  # type: ignore[index]


@pytest.mark.parametrize("key", [2, [0, 2], slice(1, 4), (2, 1, 1), (slice(None), 0), ..., ARRAY > 3])
def test_a_damaged_row_is_named_with_a_remedy(tmp_path: Path, key: object) -> None:
    array = checked(tmp_path / "a.npy")
    with pytest.raises(DataError, match=r"a\.npy: expected row 2 as it was written, .* delete .* and run the same"):
        array[key]


def test_a_damaged_row_is_found_by_whoever_goes_through_all(tmp_path: Path) -> None:
    array, seen = checked(tmp_path / "a.npy"), []
    with pytest.raises(DataError):
        seen.extend(array)
    assert len(seen) == 2


@pytest.mark.parametrize("content", [None, b"", b"text", b"\x93NUMPY", "cut", "longer"])
def test_an_array_that_was_begun_and_is_another_now_is_not_gone_on_with(
    tmp_path: Path, content: bytes | str | None
) -> None:
    path = tmp_path / "place" / "content" / "a.npy"
    path.parent.mkdir(parents=True)
    made = Rows.create(path, ARRAY.shape, np.uint16)
    assert Rows.open(path, ARRAY.shape, np.uint16) == made
    whole = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(
            {"cut": whole[:-2], "longer": whole + bytes(2)}[content] if isinstance(content, str) else content
        )
    with pytest.raises(
        DataError, match=r"a\.npy: expected the array as it was begun, .*; delete .*place and run the same"
    ):
        Rows.open(path, ARRAY.shape, np.uint16)


def test_a_row_is_compared_once(tmp_path: Path) -> None:
    array = checked(tmp_path / "a.npy")
    array[[0, 1]]
    assert array.seen.tolist() == [True, True, False, False]
    array.sums[:] = 0
    np.testing.assert_array_equal(array[0], ARRAY[0])


def test_what_is_computed_from_it_has_no_checksums(tmp_path: Path) -> None:
    assert (checked(tmp_path / "a.npy") + 1)[0, 0, 0] == 1


@pytest.mark.parametrize(
    ("items", "wanted", "expected"),
    [(10, 4, [0, 3, 6, 9]), (5, 2, [0, 4]), (3, 8, [0, 1, 2]), (4, 4, [0, 1, 2, 3]), (7, 1, [0]), (1, 1, [0])],
)
def test_indices_are_spread_evenly_and_none_comes_twice(items: int, wanted: int, expected: list[int]) -> None:
    assert spread(items, wanted).tolist() == expected
