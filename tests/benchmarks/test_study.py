"""The benchmark of a study: seconds of one step or image, times how many there are."""

import csv
import dataclasses
from pathlib import Path

import builders
import pytest
import torch

from benchmarks import fixtures, study
from benchmarks.__main__ import main
from benchmarks.step import OF_OURS, PLAIN
from dadist.classes import CLASS_SETS
from dadist.cost.plan import Counts, limited
from dadist.model.layouts import build
from dadist.model.segmenter import Architecture


def test_hours_are_seconds_times_how_often() -> None:
    trained = study.TimedWork("step", 7200, {"ours": 0.5, "plain": 1.0})
    looked = study.TimedWork("image", 3600, {"ours": 1.0, "plain": 1.0})
    assert trained.hours("ours") == 1.0
    table = study.text([trained, looked])
    assert "| step | 7200 | 0.5 | 1 | 1 | 2 |" in table
    assert "| all | |  | 2 |  | 3 |" in table
    assert "plain takes 1.50 times as long as ours." in table


@pytest.mark.usefixtures("workers_in_this_process")
def test_a_study_of_the_demo_is_counted_as_config_yaml_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, over = tmp_path / "study.csv", tmp_path / "over.yaml"
    over.write_text("settings: {demo: {adapt: {batch: 1}, selftrain: {rounds: [5, 6], training: {batch: 1}}}}")
    words = ["--size", "64", "32", "--steps", "1", "--images", "2", "--repeats", "1"]
    assert main(["study", "demo", *words, "--out", str(out), "--configfile", str(over)]) == 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["way"] for row in rows} == {*OF_OURS, PLAIN}
    assert all(float(row["seconds"]) > 0 for row in rows)
    assert list(dict.fromkeys(row["case"] for row in rows)) == [
        "step of adapt, 64x32, 900 times",
        "step of selftrain, class_mix (the plain loop's: plain), 64x32, 11 times",
        "image of pseudo_label, 64x32, 1000 times",
        "image of evaluate, labels of 64x32, 375 times",
    ]
    assert "| all |" in capsys.readouterr().out


def test_images_are_those_that_the_setting_takes_and_rounds_those_of_our_method() -> None:
    setting, counts = builders.DEMO, Counts(600, 500, 125, 192, 96)
    few = dataclasses.replace(setting, prepare=dataclasses.replace(setting.prepare, images=100))
    times = [work.times for work in study.planned(few, limited(few, counts))]
    assert times == [900, sum(setting.selftrain.rounds), 200, 300]
    alone = dataclasses.replace(setting, selftrain=dataclasses.replace(setting.selftrain, methods=()))
    assert [work.times for work in study.planned(alone, counts)] == [900, 125]


def test_the_plain_passes_find_what_ours_find(tmp_path: Path) -> None:
    data = fixtures.prepare_validation(tmp_path, 3, (50, 70), shown=(64, 32), classes=CLASS_SETS["16"])
    torch.manual_seed(1)
    segmenter = build(Architecture("street", data.classes, (), "parallel", bn="train", rates=(1, 2), pixels="imagenet"))
    segmenter.segmentation.branches[0].bias.data[3] = 3.0  # some of it is sure of one class
    for make in (fixtures.evaluation_passes, fixtures.labelling_passes):
        ours, plain = make(segmenter.eval(), data, tmp_path, 2)
        found, expected = ours().astype(int), plain().astype(int)
        assert (found != expected).mean() < 0.01  # batches are rounded in other ways
        assert len(set(expected.ravel().tolist())) > 1
