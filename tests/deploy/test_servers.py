"""What test servers are given: numbers by their owners' tables, sizes, and names of files."""

import argparse
from pathlib import Path
from typing import Any

import builders
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dadist.classes import CLASS_SETS, Category, ClassSet
from dadist.data.readers.base import decode
from dadist.deploy.prediction import Prediction
from dadist.deploy.servers import SERVERS
from dadist.deploy.writers import write_numbers

SEVEN, NINETEEN = CLASS_SETS["7"], CLASS_SETS["19"]
CITYSCAPES = SERVERS["cityscapes"]
LABEL_IDS = [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33]  # of Cityscapes, by train id


def official(module: str) -> Any:
    """A module of the benchmark's own scripts, which are in no lock (tests/evaluation/test_official_evaluator.py)."""
    return pytest.importorskip(f"cityscapesscripts.{module}", reason="no cityscapesscripts")


def prediction(labels: NDArray[np.uint8]) -> Prediction:
    return builders.prediction(labels, NINETEEN)


def test_the_ids_of_cityscapes_are_those_of_its_own_table() -> None:
    assert CITYSCAPES.numbers_of(NINETEEN).tolist() == LABEL_IDS
    table = official("helpers.labels").trainId2label
    assert [table[index].id for index in range(19)] == LABEL_IDS
    sixteen = CITYSCAPES.numbers_of(CLASS_SETS["16"])
    assert len(sixteen) == 16
    assert set(sixteen.tolist()) < set(CITYSCAPES.numbers_of(NINETEEN).tolist())


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
        CITYSCAPES.numbers_of(classes)


def test_the_evaluator_of_cityscapes_finds_the_files_and_agrees_with_them(tmp_path: Path) -> None:
    evaluator = official("evaluation.evalPixelLevelSemanticLabeling")
    assert CITYSCAPES.size is not None
    width, height = CITYSCAPES.size
    labels = np.random.default_rng(0).integers(0, 19, (height // 8, width // 8), np.uint8).repeat(8, 0).repeat(8, 1)
    found = []
    for name in ("ulm_000000_000019", "ulm_000001_000019"):
        truth = tmp_path / f"gtFine/val/ulm/{name}_gtFine_labelIds.png"
        truth.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(truth), CITYSCAPES.numbers_of(NINETEEN)[labels])
        write_numbers(f"ulm/{name}_leftImg8bit", prediction(labels), CITYSCAPES, tmp_path / "out")
        options = argparse.Namespace(**{**vars(evaluator.args), "predictionPath": str(tmp_path / "out")})
        found.append((evaluator.getPrediction(options, str(truth)), str(truth)))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "ulm_000000_000019_pred.png",
        "ulm_000001_000019_pred.png",
    ]
    quiet = {"quiet": True, "JSONOutput": False, "evalInstLevelScore": False}
    scores = evaluator.evaluateImgLists(
        *zip(*found, strict=True), argparse.Namespace(**{**vars(evaluator.args), **quiet})
    )
    assert scores["averageScoreClasses"] == 1


@pytest.mark.parametrize("name", ["photo", "ulm_1_2_leftImg8bit", "000000_000019"])
def test_a_name_without_city_sequence_and_frame_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}: expected a name like berlin_000000_000019_leftImg8bit"):
        CITYSCAPES.file_of(name)


# The columns csTrainId and level3Id of IDD's own table, by train id.
LEVEL_3 = [0, 2, 22, 14, 15, 20, 19, 18, 24, 3, 25, 4, 5, 9, 10, 11, 12, 6, 7]


@pytest.mark.parametrize(
    ("word", "numbers"),
    [
        ("kitti", LABEL_IDS),
        ("bdd100k", list(range(19))),
        ("acdc", list(range(19))),
        ("idd", LEVEL_3),
    ],
)
def test_a_class_has_the_number_of_its_benchmark(word: str, numbers: list[int]) -> None:
    assert SERVERS[word].numbers_of(NINETEEN).tolist() == numbers
    sixteen = dict(zip(NINETEEN.names, numbers, strict=True))
    names = CLASS_SETS["16"].names
    assert SERVERS[word].numbers_of(CLASS_SETS["16"]).tolist() == [sixteen[name] for name in names]


@pytest.mark.parametrize(
    ("word", "name", "file"),
    [
        ("kitti", "testing/image_2/000012_10", "000012_10.png"),
        ("bdd100k", "cabc30fc-e7726578", "cabc30fc-e7726578.png"),
        ("acdc", "fog/test/GOPR0475/GOPR0475_frame_000247_rgb_anon", "GOPR0475_frame_000247_rgb_anon.png"),
        ("idd", "test/12/005506_leftImg8bit", "12/005506_gtFine_labellevel3Ids.png"),
    ],
)
def test_a_file_has_the_name_of_its_benchmark(word: str, name: str, file: str, tmp_path: Path) -> None:
    server, labels = SERVERS[word], np.arange(19, dtype=np.uint8).reshape(1, 19)
    write_numbers(name, prediction(labels), server, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png")] == [file]
    stored = decode(tmp_path / file)
    assert (stored.dtype, stored.tolist()) == (np.uint8, [server.numbers_of(NINETEEN).tolist()])
    with pytest.raises(ValueError, match=f"photo: expected a name like {server.image}, for --format {word}, got"):
        server.file_of("photo")


def test_images_of_another_size_or_shape_are_refused() -> None:
    SERVERS["kitti"].require_size(1242, 375)
    CITYSCAPES.require_size(1024, 512)
    with pytest.raises(ValueError, match="an image of Cityscapes, 2048x1024 or of that shape, got 100x64"):
        CITYSCAPES.require_size(100, 64)
    SERVERS["acdc"].require_size(1920, 1080)
    with pytest.raises(ValueError, match="expected an image of ACDC, 1920x1080, got 960x540"):
        SERVERS["acdc"].require_size(960, 540)
