"""The benchmark of evaluation, on small maps: all ways of a case find the same."""

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from benchmarks import evaluation, fixtures
from dadist.classes import CLASS_SETS, IGNORE


def test_every_way_of_every_case_has_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads(), cv2.getNumThreads()
    evaluation.run(argparse.Namespace(width=65, height=34, images=3, repeats=1, out=tmp_path / "evaluation.csv"))
    assert (torch.get_num_threads(), cv2.getNumThreads()) == threads
    with (tmp_path / "evaluation.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    cases = {row["case"]: [one["way"] for one in rows if one["case"] == row["case"]] for row in rows}
    assert [case.partition(",")[0] for case in cases] == [
        *["labels from logits"] * 2,
        *["confusion matrix"] * 2,
        "an image of a split",
    ]
    assert all(ways[0] == "ours" for ways in cases.values())
    assert cases["confusion matrix, noise, 65x34"][-2:] == [
        "scikit-learn confusion_matrix",
        "floor: both maps read once",
    ]
    assert "| confusion matrix, street, 65x34 | OpenCV calcHist |" in capsys.readouterr().out


def test_a_street_has_a_prediction_that_is_mostly_right() -> None:
    truth = evaluation.street(256, 128)
    assert (truth == IGNORE).any()
    given = evaluation.logits(truth)
    cells = truth[:: evaluation.STRIDE, :: evaluation.STRIDE]
    right = (given.max(0).indices.numpy() == cells)[cells != IGNORE].mean()
    assert 0.7 < right < 1


def test_a_way_that_counts_something_else_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "confusion", lambda truth, predicted, classes: np.zeros((classes, classes)))
    with pytest.raises(ValueError, match="OpenCV calcHist: expected our counts of street, got others"):
        evaluation.time_counting(evaluation.street(64, 32), 1)


def test_a_way_that_labels_otherwise_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "most_probable", lambda logits, size: np.zeros(size, np.uint8))
    with pytest.raises(ValueError, match="torch argmax: expected our labels, got others"):
        evaluation.time_labelling(evaluation.street(64, 32), 1)


def test_an_evaluation_that_counts_something_else_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = fixtures.prepare_validation(tmp_path, 2, (34, 66), shown=evaluation.INPUT, classes=CLASS_SETS["16"])
    monkeypatch.setattr(fixtures, "count_pairs", lambda truth, predicted, classes: np.full((classes, classes), 9))
    with pytest.raises(ValueError, match="plain loop: expected our counts but for 1e-04 of them, got"):
        evaluation.time_evaluation(tmp_path, data, 1)
