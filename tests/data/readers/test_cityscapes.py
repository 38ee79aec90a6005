"""The Cityscapes reader: its packages, and labels and depth that are not looked at unless they are asked for."""

import json
import math
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dadist.config.schema import Appearance
from dadist.data.readers.cityscapes import Options, reader
from dadist.data.streets import render
from dadist.storage.errors import DataError

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


def test_depth_of_the_training_split_is_found_without_a_look_at_its_labels(root: Path, touched: list[str]) -> None:
    (root / "leftImg8bit/val").rename(root / "leftImg8bit/train")
    (root / "gtFine/val").rename(root / "gtFine/train")
    for name in NAMES:
        for package, ending in (("disparity", "disparity.png"), ("camera", "camera.json")):
            path = root / package / "train" / name.split("_")[0] / f"{name}_{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    touched.clear()
    scenes = READER.files(root, "train", labels=False, depth=True)
    assert all(scene.depth and "disparity/train" in str(scene.depth) for scene in scenes)
    assert not any("gtFine" in path for path in touched)


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


CAMERA = {"extrinsic": {"baseline": 0.25, "pitch": 0.03}, "intrinsic": {"fx": 2000, "fy": 2010.5, "u0": 1, "v0": 1}}


def measure(root: Path, name: str, disparity: NDArray[np.generic], camera: object = CAMERA) -> Path:
    """Write the two files that a depth is made of."""
    city = name.split("_")[0]
    path = root / "camera" / "val" / city / f"{name}_camera.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(camera if isinstance(camera, str) else json.dumps(camera), encoding="utf-8")
    return save(root / "disparity" / "val" / city / f"{name}_disparity.png", disparity)


def test_depth_of_hand_worked_disparities(tmp_path: Path) -> None:
    # Baseline times focal length is 500: 50 pixels are 10 m, 1 pixel is 500 m, 195 / 256 of one 656.4 m, none infinite.
    stored = [[0, 50 * 256 + 1, 256 + 1], [195 + 1, 196 + 1, 1], [125 * 256 + 1, 3 * 256 + 1, 65535]]
    depth = READER.read_depth(measure(tmp_path, NAMES[0], np.array(stored, np.uint16)))
    assert depth.dtype == np.uint16
    # 500 / (196 / 256) = 653.061 m; 500 / 125 = 4 m; 500 / 3 = 166.667 m; 500 * 256 / 65534 = 1.953 m
    assert depth.tolist() == [[0, 1000, 50000], [65535, 65306, 65535], [400, 16667, 195]]


def test_scenes_with_depth_have_disparities_and_nothing_else_is_looked_at(root: Path) -> None:
    for name in NAMES:
        measure(root, name, np.ones((2, 3), np.uint16))
    shutil.rmtree(root / "gtFine")
    scenes = READER.files(root, "val", labels=False, depth=True)
    assert [scene.depth for scene in scenes] == [
        root / "disparity" / "val" / name.split("_")[0] / f"{name}_disparity.png" for name in sorted(NAMES)
    ]
    assert {scene.labels for scene in scenes} == {None}


@pytest.mark.parametrize("package", ["disparity", "camera"])
def test_a_missing_package_of_depth_is_named(root: Path, package: str) -> None:
    for name in NAMES:
        measure(root, name, np.ones((2, 3), np.uint16))
    shutil.rmtree(root / package / "val" / "bochum")
    with pytest.raises(FileNotFoundError) as error:
        READER.files(root, "val", labels=False, depth=True)
    assert said(error, f"bochum_000000_000313_{package}", "1 missing", f"unpack {package}_trainvaltest.zip there")
    assert len(READER.files(root, "val", labels=True, depth=False)) == 3


@pytest.mark.parametrize(
    ("stored", "got"),
    [(np.zeros((2, 3), np.uint8), "8-bit with 1 channel"), (np.zeros((2, 3, 3), np.uint16), "16-bit with 3 channels")],
)
def test_a_disparity_of_another_kind_is_refused(tmp_path: Path, stored: NDArray[np.generic], got: str) -> None:
    with pytest.raises(DataError) as error:
        READER.read_depth(measure(tmp_path, NAMES[0], stored))
    assert said(error, "_disparity.png: expected 16-bit disparities", got, "disparity_trainvaltest.zip")


@pytest.mark.parametrize(
    ("camera", "got"),
    [
        ({"extrinsic": {}, "intrinsic": {"fx": 2000}}, "expected extrinsic.baseline and intrinsic.fx"),
        ({"extrinsic": {"baseline": 0.2}, "intrinsic": {"fx": 0}}, "expected fx above 0, got 0"),
        ({"extrinsic": {"baseline": -0.2}, "intrinsic": {"fx": 2000}}, "expected baseline above 0, got -0.2"),
        ({"extrinsic": {"baseline": "0.2"}, "intrinsic": {"fx": 2000}}, "expected baseline above 0, got '0.2'"),
        ([], "expected extrinsic.baseline"),
        ("{", "expected extrinsic.baseline"),
    ],
)
def test_a_camera_without_baseline_or_focal_length_is_refused(tmp_path: Path, camera: object, got: str) -> None:
    path = measure(tmp_path, NAMES[0], np.ones((2, 3), np.uint16), camera)
    with pytest.raises(DataError) as error:
        READER.read_depth(path)
    assert said(error, "bochum_000000_000313_camera.json: ", got, "copy the file again from camera_trainvaltest.zip")


def test_the_test_split_is_refused_as_its_labels_are_not_public(root: Path) -> None:
    with pytest.raises(ValueError, match="expected one of train, val, got 'test'"):
        READER.files(root, "test", labels=False, depth=False)


def test_a_camera_in_heights_of_its_image_with_the_horizon_where_it_looks_down_from(root: Path) -> None:
    camera = {
        "extrinsic": {"baseline": 0.2, "pitch": 0.1},
        "intrinsic": {"fx": 2000, "fy": 40.0, "u0": 19.5, "v0": 9.5},
    }
    measure(root, NAMES[0], np.ones((2, 3), np.uint16), camera)
    image = root / "leftImg8bit/val" / NAMES[0].split("_")[0] / f"{NAMES[0]}_leftImg8bit.png"
    Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(image)
    found = READER.camera(image)
    # 40 pixels of 20, the middle column of 40, and 40 tan 0.1 = 4.013 pixels above the middle row.
    assert (found.focal, found.centre) == (2.0, 1.0)
    assert found.horizon == pytest.approx(0.5 - 2 * math.tan(0.1))
    camera["extrinsic"]["pitch"] = math.nan
    measure(root, NAMES[0], np.ones((2, 3), np.uint16), camera)
    with pytest.raises(DataError, match=r"_camera\.json: expected pitch as a number, got nan; copy the file again"):
        READER.camera(image)


def test_the_camera_of_a_rendered_street_is_that_which_saw_it(tmp_path: Path) -> None:
    appearance = Appearance(palette=0.0, haze=0.0, light=0.0, noise=0.0, camera=1.0, statistics=0.0, bonnet=False)
    render.write_cityscapes(tmp_path, appearance, seed=1, train=1, val=0, width=48, height=24, workers=1)
    (image,) = tmp_path.rglob("*_leftImg8bit.png")
    seen = render.render(appearance, seed=render.stream(1, "train"), index=0, width=48, height=24).camera
    found = READER.camera(image)
    assert found.focal == pytest.approx(2 * seen.focal)
    assert (found.horizon, found.centre) == (pytest.approx(seen.row), pytest.approx(2 * seen.column))
