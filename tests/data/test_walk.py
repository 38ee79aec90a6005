"""Folders are searched through links, in no circle; what leads nowhere is told."""

import os
from pathlib import Path

import pytest

from dadist.data.walk import Search, folders


def put(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(root: Path, pattern: str) -> list[str]:
    return [Path(one.path).relative_to(root).as_posix() for one in Search(root, pattern).once()]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.jpg", ["1.jpg"]),
        ("./*.jpg", ["1.jpg"]),
        ("*/*.jpg", ["a/2.jpg", "b.d/4.jpg"]),
        ("a//?.jpg", ["a/2.jpg"]),
        ("**/*.jpg", ["1.jpg", "a/2.jpg", "a/x/3.jpg", "b.d/4.jpg"]),
        ("a/**/*.jpg", ["a/2.jpg", "a/x/3.jpg"]),
        ("**/x/*", ["a/x/3.jpg"]),
        ("a/**", ["a/2.jpg", "a/x/3.jpg"]),
        ("**/[23].jpg", ["a/2.jpg", "a/x/3.jpg"]),
        ("a/x/3.jpg", ["a/x/3.jpg"]),
        (".hidden/*.jpg", [".hidden/5.jpg"]),
        ("none/*.jpg", []),
    ],
)
def test_a_pattern_means_what_it_means_in_a_shell(tmp_path: Path, pattern: str, names: list[str]) -> None:
    put(tmp_path, "1.jpg", "a/2.jpg", "a/x/3.jpg", "b.d/4.jpg", ".hidden/5.jpg", "a/._2.jpg", "notes.txt")
    assert found(tmp_path, pattern) == names
    assert found(tmp_path / "none", pattern) == []


@pytest.mark.parametrize("pattern", ["*/*.jpg", "**/*.jpg", "more/*.jpg"])
def test_a_link_to_a_folder_is_followed(tmp_path: Path, pattern: str) -> None:
    put(tmp_path, "elsewhere/2.jpg", "photos/a/1.jpg")
    (tmp_path / "photos/more").symlink_to("../elsewhere")
    assert found(tmp_path / "photos", pattern) == ["a/1.jpg"] * ("more" not in pattern) + ["more/2.jpg"]


def test_no_search_goes_in_circles(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg", "b/2.jpg")
    for link, to in (("a/up", ".."), ("a/self", "."), ("a/b", "../b"), ("b/a", "../a"), ("c", ".")):
        (tmp_path / link).symlink_to(to)
    assert found(tmp_path, "**/*.jpg") == ["a/1.jpg", "b/2.jpg"]
    there = {Path(one.path).name: one for one in folders(tmp_path)}
    assert list(there) == [tmp_path.name, "b", "a"]
    assert [Path(path).name for one in there.values() for path in one.circles] == ["c", "self", "up"]


def test_a_link_from_a_linked_folder_to_one_above_is_a_circle_too(tmp_path: Path) -> None:
    put(tmp_path, "photos/1.jpg", "elsewhere/2.jpg", "other/3.jpg")
    (tmp_path / "photos/more").symlink_to("../elsewhere")
    (tmp_path / "elsewhere/up").symlink_to("..")
    assert found(tmp_path / "photos", "**/*.jpg") == ["1.jpg", "more/2.jpg"]


def test_a_file_is_found_once_by_its_own_path_or_by_each(tmp_path: Path) -> None:
    put(tmp_path, "b/1.jpg")
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b/0.jpg").symlink_to("1.jpg")
    assert found(tmp_path, "**/*.jpg") == ["b/1.jpg"]
    assert len(Search(tmp_path, "**/*.jpg").files) == 4


def test_links_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg")
    for link in ("gone", "gone.2024", "a/2.jpg", "notes.txt"):
        (tmp_path / link).symlink_to("nothing")
    for pattern in ("*/*.jpg", "**/*.jpg", "gone/*.jpg"):
        search = Search(tmp_path, pattern)
        assert search.broken == [f"{tmp_path}/gone", f"{tmp_path}/gone.2024"][: 1 + (pattern != "gone/*.jpg")]
        assert [Path(one.path).name for one in search.files] == ["1.jpg", "2.jpg"] * (pattern != "gone/*.jpg")


def test_what_is_no_file_is_found_too_for_whoever_opens_it_to_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    assert found(tmp_path, "*.jpg") == ["folder.jpg", "pipe.jpg"]
    assert found(tmp_path, "*.*") == ["pipe.jpg"]


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    listed = os.scandir

    def refuse(folder: str) -> object:  # root may list everything
        if folder.endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return listed(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(PermissionError, match="a: expected a folder to list, got Permission denied; give yourself"):
        Search(tmp_path, "*/*.jpg")
    assert [Path(one.path).name for one in folders(tmp_path) if one.error] == ["a"]
