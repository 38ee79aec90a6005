import argparse
import importlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from cityscapesscripts.helpers.labels import trainId2label
from PIL import Image

from dadist.classes import CLASS_SETS, Category, ClassSet
from dadist.data.readers.base import decode
from dadist.deploy.predictor import Prediction
from dadist.deploy.writers import (
    CITYSCAPES_SIZE,
    DRAWINGS,
    cityscapes_ids,
    cityscapes_name,
    overlay,
    write,
    write_cityscapes,
)

official = importlib.import_module("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
SEVEN, NINETEEN = CLASS_SETS["7"], CLASS_SETS["19"]
LABELS = np.array([[0, 1, 2], [6, 6, 0]], np.uint8)


def prediction(classes: ClassSet = SEVEN, labels: np.ndarray = LABELS) -> Prediction:
    confidence = np.linspace(0, 1, labels.size, dtype=np.float32).reshape(labels.shape)
    return Prediction(labels, confidence, np.full(labels.shape, 12.34, np.float32), classes)


def test_every_map_is_written_into_a_folder_of_its_name(tmp_path: Path) -> None:
    image = np.full((2, 3, 3), 100, np.uint8)
    write("ulm/a", image, prediction(), tmp_path, list(DRAWINGS))
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*"))
    assert written == [
        "confidence/ulm/a.png",
        "depth/ulm/a.png",
        "ids/ulm/a.png",
        "overlay/ulm/a.jpg",
        "palette/ulm/a.png",
    ]
    np.testing.assert_array_equal(decode(tmp_path / "ids/ulm/a.png"), LABELS)
    np.testing.assert_array_equal(decode(tmp_path / "confidence/ulm/a.png"), [[0, 51, 102], [153, 204, 255]])
    depth = decode(tmp_path / "depth/ulm/a.png")
    assert (depth.dtype, depth.tolist()) == (np.uint16, [[1234] * 3] * 2)
    with Image.open(tmp_path / "palette/ulm/a.png") as palette:
        np.testing.assert_array_equal(np.asarray(palette), LABELS)
        np.testing.assert_array_equal(np.asarray(palette.convert("RGB")), SEVEN.colours[LABELS])


def test_an_overlay_is_half_image_and_half_colour() -> None:
    image = np.full((2, 3, 3), 100, np.uint8)
    mixed = overlay(image, prediction()).astype(int)
    assert np.abs(mixed - (100 + SEVEN.colours[LABELS].astype(int)) / 2).max() <= 1


def test_the_ids_of_cityscapes_are_those_of_its_own_table() -> None:
    assert cityscapes_ids(NINETEEN).tolist() == [trainId2label[index].id for index in range(19)]
    sixteen = cityscapes_ids(CLASS_SETS["16"])
    assert len(sixteen) == 16
    assert set(sixteen.tolist()) < set(cityscapes_ids(NINETEEN).tolist())


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        (SEVEN, r"class 'flat' of class set 7: expected one label id of Cityscapes, got 2 \(7, 8\); --format"),
        (
            ClassSet("own", (Category("marking", (0, 0, 0), ("lane marking",), True), SEVEN.categories[4]), ()),
            "class 'marking' of class set own: expected one label id of Cityscapes, got none",
        ),
    ],
)
def test_a_class_without_one_id_of_cityscapes_is_named(classes: ClassSet, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        cityscapes_ids(classes)


def test_the_evaluator_of_cityscapes_finds_the_files_and_agrees_with_them(tmp_path: Path) -> None:
    width, height = CITYSCAPES_SIZE
    labels = np.random.default_rng(0).integers(0, 19, (height // 8, width // 8), np.uint8).repeat(8, 0).repeat(8, 1)
    found = []
    for name in ("ulm_000000_000019", "ulm_000001_000019"):
        truth = tmp_path / f"gtFine/val/ulm/{name}_gtFine_labelIds.png"
        truth.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(truth), cityscapes_ids(NINETEEN)[labels])
        write_cityscapes(f"ulm/{name}_leftImg8bit", prediction(NINETEEN, labels), tmp_path / "out")
        options = argparse.Namespace(**{**vars(official.args), "predictionPath": str(tmp_path / "out")})
        found.append((official.getPrediction(options, str(truth)), str(truth)))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "ulm_000000_000019_pred.png",
        "ulm_000001_000019_pred.png",
    ]
    quiet = {"quiet": True, "JSONOutput": False, "evalInstLevelScore": False}
    scores = official.evaluateImgLists(
        *zip(*found, strict=True), argparse.Namespace(**{**vars(official.args), **quiet})
    )
    assert scores["averageScoreClasses"] == 1


@pytest.mark.parametrize("name", ["photo", "ulm_1_2_leftImg8bit", "000000_000019"])
def test_a_name_without_city_sequence_and_frame_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected a name like berlin_000000_000019_leftImg8bit"):
        cityscapes_name(name)
