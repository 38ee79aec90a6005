import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import damage
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from oracles import intersection_over_union

from dadist.classes import CLASS_SETS, IGNORE
from dadist.evaluation import confusion as evaluate
from dadist.evaluation.confusion import Metrics, confusion, iou
from dadist.evaluation.depth import depth_errors
from dadist.storage import seal


def test_confusion_of_a_hand_worked_map() -> None:
    truth = np.array([[0, 0, 1, 1], [2, 2, IGNORE, 0]], np.uint8)
    prediction = np.array([[0, 1, 1, 1], [2, 0, 1, 0]], np.uint8)
    counts = confusion(truth, prediction, 3)
    assert counts.dtype == np.uint64
    assert counts.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 1]]
    assert_allclose(iou(counts), [100 * 2 / 4, 100 * 2 / 3, 100 * 1 / 2])


@pytest.mark.parametrize("seed", range(5))
def test_iou_is_that_of_sets_of_pixels(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.choice(np.array([0, 1, 2, 3, 4, 6, IGNORE], np.uint8), (3, 13, 17))  # class 5 and 7 have no truth
    prediction = random.integers(0, 7, truth.shape, dtype=np.uint8)  # class 7 has no prediction either
    total = sum(confusion(truth[i], prediction[i], 8) for i in range(3))
    assert_allclose(iou(np.asarray(total)), intersection_over_union(truth, prediction, 8))


def test_a_class_without_truth_and_prediction_has_no_score() -> None:
    assert_array_equal(iou(np.array([[4, 0, 0], [1, 0, 0], [0, 0, 0]], np.uint64)), [80, 0, np.nan])


def test_a_map_without_labels_counts_nothing() -> None:
    assert not confusion(np.full((2, 2), IGNORE, np.uint8), np.zeros((2, 2), np.uint8), 3).any()
    assert not confusion(np.empty((0, 2), np.uint8), np.empty((0, 2), np.uint8), 3).any()


@pytest.mark.parametrize("size", [1, 7, 8, 9, 1003])
@pytest.mark.parametrize("run", [1, 2, 13, 400])
def test_maps_of_runs_of_any_length_are_counted_pixel_by_pixel(size: int, run: int) -> None:
    random = np.random.default_rng(size + run)
    ids = np.array([0, 1, 2, 3, IGNORE], np.uint8)
    truth, prediction = random.choice(ids, size).repeat(run), np.roll(random.integers(0, 4, size).repeat(run), 3)
    expected = np.zeros((4, 4), np.uint64)
    for a, b in zip(truth[truth != IGNORE], prediction[truth != IGNORE], strict=True):
        expected[a, b] += np.uint64(1)
    assert_array_equal(confusion(truth, prediction, 4), expected)


def test_ids_outside_the_classes_and_other_shapes_are_refused() -> None:
    labels = np.zeros((1, 2), np.uint8)
    for wrong in (np.array([[0, 3]]), np.array([[-1, 0]])):
        with pytest.raises(ValueError, match="prediction: expected train ids from 0 to 2, got"):
            confusion(labels, wrong, 3)
        with pytest.raises(ValueError, match="truth: expected train ids from 0 to 2, got"):
            confusion(wrong, labels, 3)
    with pytest.raises(ValueError, match=r"expected the shape of the truth, \(1, 2\), got \(2, 1\)"):
        confusion(labels, labels.T, 3)


def metrics(**changes: Any) -> Metrics:
    matrix = np.diag(np.full(16, 3))
    matrix[3, 4], matrix[5, 5], matrix[0, 0] = 1, 0, 2**60  # wall as fence; no pole at all
    values: dict[str, Any] = {
        "setting": "demo",
        "method": "advent",
        "seed": 1,
        "round": "q0",
        "classes": CLASS_SETS["16"],
        "confusion": matrix.tolist(),
        "depth": depth_errors(np.full((1, 2), 10.0), np.array([[99, 0]], np.uint16), numerator=1000.0, cap_m=80.0),
        "images": 5,
        "protocol": {"size": "192x96", "iterations": 300, "rate": 2.5e-4},
    }
    return Metrics(**values | changes)


def test_the_mean_leaves_out_classes_without_a_score() -> None:
    assert metrics().miou() == pytest.approx((13 * 100 + 75 + 75) / 15)
    assert metrics().miou(CLASS_SETS["16"].starred) == pytest.approx(100)
    assert metrics().miou([3, 5]) == pytest.approx(75)
    assert math.isnan(metrics().miou([5]))


def test_metrics_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    metrics().save(tmp_path / "q0" / "metrics.json")
    assert Metrics.load(tmp_path / "q0" / "metrics.json") == metrics()
    assert [path.name for path in (tmp_path / "q0").iterdir()] == ["metrics.json"]


def test_a_file_without_metrics_is_named_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    with pytest.raises(
        FileNotFoundError, match=r"metrics\.json: expected metrics, found no file; run the rule evaluate"
    ):
        Metrics.load(path)
    metrics().save(path)
    whole = json.loads(path.read_text())
    del whole["version"], whole["sha256"]
    for content in (
        *("", "{", "[1]", "3", json.dumps(whole)),
        whole | {"more": 1},
        whole | {"confusion": [[1]]},
        whole | {"confusion": 3},
        whole | {"depth": {}},
    ):
        if isinstance(content, str):
            path.write_text(content)
        else:
            seal.save(content, path, version=evaluate.VERSION)
        with pytest.raises(ValueError, match=r"metrics\.json: expected metrics .* got .*; delete it and run the rule"):
            Metrics.load(path)


def test_any_damage_to_metrics_is_told_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    metrics().save(path)
    assert damage.every([path], lambda: Metrics.load(path), step=37)["metrics.json"] > path.stat().st_size / 37 / 2


def test_metrics_are_read_without_torch() -> None:
    code = "import sys, dadist.evaluation.confusion; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
def test_a_map_is_counted_in_parts_of_any_integer(dtype: type[np.integer], monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(4)
    truth, prediction = (random.integers(0, 5, (13, 11)).astype(dtype) for _ in range(2))
    truth[truth == 4] = IGNORE
    expected = np.zeros((5, 5), np.uint64)
    for true, predicted in zip(truth.flat, prediction.flat, strict=True):
        if true != IGNORE:
            expected[true, predicted] += 1
    monkeypatch.setattr(evaluate, "COUNTED", 10)
    counts = confusion(truth, prediction, 5)
    assert counts.dtype == np.uint64
    np.testing.assert_array_equal(counts, expected)
    np.testing.assert_array_equal(confusion(truth.T, prediction.T, 5), expected)  # not contiguous
