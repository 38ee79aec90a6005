"""Our evaluation against the evaluator of the Cityscapes benchmark, cityscapesScripts, on the same files.

It is in no lock, since what it says it needs cannot be installed for Python 3; `.ci/run` brings it without that.
"""

import argparse
import importlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dadist.classes import CLASS_SETS, IGNORE, ids
from dadist.config.schema import Appearance
from dadist.data.inventory import SplitPlan
from dadist.data.preparation import write
from dadist.data.prepared import Prepared
from dadist.data.readers import cityscapes
from dadist.data.streets import render
from dadist.evaluation.confusion import confusion, iou, mean_iou

table = pytest.importorskip("cityscapesscripts.helpers.labels", reason="no cityscapesscripts")
official = importlib.import_module("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
NINETEEN = CLASS_SETS["19"]
READER = cityscapes.reader(cityscapes.Options())
LOOKUP = NINETEEN.lookup("cityscapes", ids("cityscapes"))  # label id -> train id
EVALUATED: list[Any] = sorted((one for one in table.labels if not one.ignoreInEval), key=lambda one: one.trainId)
LABEL_IDS = np.array([one.id for one in EVALUATED], np.uint8)  # train id -> label id
WIDTH, HEIGHT = 256, 128
Pairs = list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]  # truth as label ids, prediction as train ids


def save(path: Path, stored: NDArray[np.uint8]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), stored)
    return str(path)


def theirs(root: Path, pairs: Pairs) -> tuple[NDArray[np.float64], float]:
    """Their scores, percent, of what they read from files: of each class in train-id order, and the mean."""
    truths, predictions = [], []
    for index, (truth, prediction) in enumerate(pairs):
        name = f"town_{index:06d}_000019"
        truths.append(save(root / "gtFine/val/town" / f"{name}_gtFine_labelIds.png", truth))
        predictions.append(save(root / "results" / f"{name}_leftImg8bit.png", LABEL_IDS[prediction]))
    quiet = {"quiet": True, "JSONOutput": False, "evalInstLevelScore": False}
    options = argparse.Namespace(**{**vars(official.args), **quiet})
    scores = official.evaluateImgLists(predictions, truths, options)
    return np.array([100 * scores["classScores"][one.name] for one in EVALUATED]), 100 * scores["averageScoreClasses"]


def ours(pairs: Pairs) -> tuple[NDArray[np.float64], float]:
    scores = iou(sum(confusion(LOOKUP[truth], prediction, len(NINETEEN)) for truth, prediction in pairs))
    return scores, mean_iou(scores)


def assert_same(found: tuple[NDArray[np.float64], float], expected: tuple[NDArray[np.float64], float]) -> None:
    np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=1e-9)  # a nan is equal to a nan alone
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=1e-9)


def noise(seed: int, *, truths: int = 34, predictions: int = 19) -> Pairs:
    """Three pairs of blocks of 4x4 pixels, so that predictions are right by chance alone."""
    random = np.random.default_rng(seed)

    def blocks(high: int) -> NDArray[np.uint8]:
        return random.integers(0, high, (HEIGHT // 4, WIDTH // 4), np.uint8).repeat(4, 0).repeat(4, 1)

    return [(blocks(truths), blocks(predictions)) for _ in range(3)]


@pytest.mark.parametrize("seed", range(3))
def test_scores_agree_on_noise_of_all_label_ids(tmp_path: Path, seed: int) -> None:
    pairs = noise(seed)
    assert {*np.unique([truth for truth, _ in pairs])} == {*range(34)}
    scores = ours(pairs)
    assert not np.isnan(scores[0]).any()
    assert_same(scores, theirs(tmp_path, pairs))


def test_scores_agree_where_classes_are_missing_or_only_predicted_and_void_is_predicted_upon(tmp_path: Path) -> None:
    truth = np.zeros((HEIGHT, WIDTH), np.uint8)  # unlabelled, and so is the prediction there worth nothing
    truth[:, 100:] = table.name2label["road"].id
    truth[:, 200:] = table.name2label["trailer"].id  # ignored
    prediction = np.zeros((HEIGHT, WIDTH), np.uint8)  # road
    prediction[:, :50] = NINETEEN.names.index("car")  # on unlabelled pixels alone: as if never predicted
    prediction[:64, 150:] = NINETEEN.names.index("bus")  # on road, and on the trailer
    scores = ours([(truth, prediction)])
    expected = np.full(19, np.nan)
    expected[NINETEEN.names.index("road")] = 75  # half of one half was taken for a bus
    expected[NINETEEN.names.index("bus")] = 0
    assert_same(scores, (expected, 37.5))
    assert_same(scores, theirs(tmp_path, [(truth, prediction)]))


def test_scores_agree_on_streets_that_went_through_prepare_at_another_size(tmp_path: Path) -> None:
    appearance = Appearance(palette=0.6, haze=0.6, light=0.6, noise=0.6, camera=1.0, statistics=1.0, bonnet=True)
    render.write_cityscapes(
        tmp_path / "data", appearance, seed=1, train=0, val=4, width=WIDTH, height=HEIGHT, workers=1, progress=None
    )
    plan = SplitPlan("val", 64, 32, "stretch", NINETEEN, labels=True, depth=False, native=True, images=0)
    write(READER, tmp_path / "data", tmp_path / "val", plan, names=None, workers=1)
    val = Prepared(tmp_path / "val")
    assert val.images.shape == (4, 32, 64, 3)
    files = READER.files(tmp_path / "data", "val", labels=True, depth=False)
    pairs, total = [], np.zeros((19, 19), np.uint64)
    random = np.random.default_rng(0)
    for index, scene in enumerate(files):
        truth = val.truth(index)
        assert truth.shape == (HEIGHT, WIDTH)
        assert (truth == IGNORE).any()
        shifted = np.roll(truth, 5, 1)  # a prediction: a little to the side, with another class here and there
        wrong = (random.random(shifted.shape) < 0.1) | (shifted == IGNORE)
        prediction = np.where(wrong, random.integers(0, 19, shifted.shape), shifted).astype(np.uint8)
        total += confusion(truth, prediction, 19)
        pairs.append((READER.read_labels(scene.labels), prediction))
    scores = iou(total)
    assert 20 < mean_iou(scores) < 50
    assert_same((scores, mean_iou(scores)), theirs(tmp_path, pairs))


def test_the_nineteen_classes_are_theirs_in_order_name_and_colour() -> None:
    assert [one.trainId for one in EVALUATED] == [*range(19)]
    short = {"traffic light": "light", "traffic sign": "sign"}
    assert [short.get(one.name, one.name) for one in EVALUATED] == NINETEEN.names
    assert [one.color for one in EVALUATED] == [tuple(row) for row in NINETEEN.colours.tolist()]


def test_what_they_ignore_has_no_class_here_and_every_id_of_theirs_is_known() -> None:
    stored = {one.id: one for one in table.labels if one.id >= 0}
    assert ids("cityscapes").keys() == {*stored, 255}
    for raw, one in stored.items():
        assert LOOKUP[raw] == (IGNORE if one.ignoreInEval else one.trainId)


def test_the_license_plate_is_in_no_label_file_and_is_ignored_if_it_were(tmp_path: Path) -> None:
    # Its id is -1, and their tool that draws the files leaves negative ids out: the car shows in its place. Where
    # somebody's own tool stores -1 in 8 bits, it reads 255. Ours ignores that; theirs refuses the file.
    plate = table.name2label["license plate"]
    assert (plate.id, plate.ignoreInEval) == (-1, True)
    assert LOOKUP[np.array(plate.id).astype(np.uint8)] == IGNORE
    truth = np.full((HEIGHT, WIDTH), table.name2label["car"].id, np.uint8)
    prediction = np.full_like(truth, NINETEEN.names.index("car"))
    truth[:4] = 255
    assert ours([(truth, prediction)])[1] == 100
    with pytest.raises(SystemExit):
        theirs(tmp_path, [(truth, prediction)])
