"""The Cityscapes reader: two packages, and labels that are not looked at unless they are asked for."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dadist.data.base import DataError
from dadist.data.cityscapes import Options, reader

READER = reader(Options())
NAMES = ("bochum_000000_000313", "aachen_000001_000019", "aachen_000000_000019")
WATCHED: list[str] = []


def note(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("open", "os.listdir", "os.scandir"):
        WATCHED.append(str(arguments[0]))


def save(path: Path, array: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array)
    return path


def labels_of(root: Path, name: str, kind: str = "labelIds") -> Path:
    return root / "gtFine" / "val" / name.split("_")[0] / f"{name}_gtFine_{kind}.png"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in NAMES:
        city = name.split("_")[0]
        save(tmp_path / "leftImg8bit" / "val" / city / f"{name}_leftImg8bit.png", np.zeros((2, 3, 3), np.uint8))
        save(labels_of(tmp_path, name), np.array([[7, 8, 11], [0, 33, 23]], np.uint8))
    return tmp_path


def said(error: pytest.ExceptionInfo[Exception], *parts: str) -> bool:
    return all(part in str(error.value) for part in parts)


def test_scenes_are_sorted_over_the_cities(root: Path) -> None:
    scenes = READER.files(root, "val", labels=True, depth=False)
    assert [scene.name for scene in scenes] == sorted(NAMES)
    assert scenes[2].labels == labels_of(root, "bochum_000000_000313")
    assert scenes[2].depth is None


def test_scenes_are_sorted_by_name_whatever_their_folder_is_called(tmp_path: Path) -> None:
    for folder, name in (("a", "second"), ("b", "first")):
        save(tmp_path / "leftImg8bit" / "val" / folder / f"{name}_leftImg8bit.png", np.zeros((2, 3, 3), np.uint8))
    assert [scene.name for scene in READER.files(tmp_path, "val", labels=False, depth=False)] == ["first", "second"]


def test_labels_are_read_as_they_are(root: Path) -> None:
    ids = READER.read_labels(labels_of(root, NAMES[0]))
    assert ids.dtype == np.uint8
    assert ids.tolist() == [[7, 8, 11], [0, 33, 23]]


@pytest.fixture
def touched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every path that is opened, listed or looked up while the test runs."""
    sys.addaudithook(note)  # it cannot be taken back, so it does next to nothing
    original = os.stat

    def stat(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        WATCHED.append(str(path))
        return original(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", stat)
    WATCHED.clear()
    yield WATCHED
    WATCHED.clear()


@pytest.mark.parametrize("labels", [True, False])
def test_labels_are_looked_at_only_if_asked_for(root: Path, labels: bool, touched: list[str]) -> None:
    touched.clear()  # what made the files
    scenes = READER.files(root, "val", labels=labels, depth=False)
    assert any("leftImg8bit" in path for path in touched)
    assert any("gtFine" in path for path in touched) == labels
    assert all((scene.labels is not None) == labels for scene in scenes)


def test_images_alone_need_no_label_package(root: Path) -> None:
    (root / "gtFine").rename(root / "elsewhere")
    assert len(READER.files(root, "val", labels=False, depth=False)) == 3


def test_a_missing_image_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        READER.files(tmp_path, "train", labels=False, depth=False)
    assert said(error, f"{tmp_path / 'leftImg8bit' / 'train'}: expected a folder", "leftImg8bit_trainvaltest.zip")


def test_a_missing_label_file_is_named(root: Path) -> None:
    labels_of(root, NAMES[0]).unlink()
    with pytest.raises(FileNotFoundError) as error:
        READER.files(root, "val", labels=True, depth=False)
    assert said(error, f"{labels_of(root, NAMES[0])}: expected a file", "1 missing", "unpack gtFine_trainvaltest.zip")


@pytest.mark.parametrize("kind", ["color", "labelTrainIds"])
def test_other_label_files_cannot_stand_in(root: Path, kind: str) -> None:
    for name in NAMES:
        labels_of(root, name).rename(labels_of(root, name, kind))
    with pytest.raises(FileNotFoundError) as error:
        READER.files(root, "val", labels=True, depth=False)
    assert said(error, "aachen_000000_000019_gtFine_labelIds.png: expected", f"*_{kind}.png cannot stand in", "unpack")


@pytest.mark.parametrize(
    ("stored", "got"),
    [(np.zeros((2, 3, 3), np.uint8), "8-bit with 3 channels"), (np.zeros((2, 3), np.uint16), "16-bit with 1 channel")],
)
def test_colours_and_instances_are_refused_as_labels(tmp_path: Path, stored: NDArray[np.generic], got: str) -> None:
    path = save(tmp_path / "x_labelIds.png", stored)
    with pytest.raises(DataError) as error:
        READER.read_labels(path)
    assert said(error, "x_labelIds.png: expected 8-bit label ids", got, "gtFine_trainvaltest.zip")


def test_depth_is_refused_with_the_reason(root: Path) -> None:
    with pytest.raises(ValueError, match="disparities and no depth"):
        READER.files(root, "val", labels=False, depth=True)


def test_the_test_split_is_refused_as_its_labels_are_not_public(root: Path) -> None:
    with pytest.raises(ValueError, match="expected one of train, val, got 'test'"):
        READER.files(root, "test", labels=False, depth=False)
