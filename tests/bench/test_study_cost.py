"""What a study takes: parts that are measured, times how often they are done."""

import csv
from pathlib import Path

import pytest
import torch

from dadist import cli
from dadist.bench import passes, study
from dadist.bench.step import OF_OURS, PLAIN
from dadist.classes import CLASS_SETS
from dadist.model.layouts import build
from dadist.model.segmenter import Architecture


def test_hours_are_seconds_times_how_often() -> None:
    trained = study.Kind("step", 7200, {"ours": 0.5, "plain": 1.0})
    looked = study.Kind("image", 3600, {"ours": 1.0, "plain": 1.0})
    assert trained.hours("ours") == 1.0
    table = study.text([trained, looked])
    assert "| step | 7200 | 0.5 | 1 | 1 | 2 |" in table
    assert "| all | |  | 2 |  | 3 |" in table
    assert "plain takes 1.50 times as long as ours." in table


def test_a_study_of_the_demo_is_counted_as_config_yaml_has_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, over = tmp_path / "study.csv", tmp_path / "over.yaml"
    over.write_text("settings: {demo: {adapt: {batch: 1}, selftrain: {rounds: [5, 6], training: {batch: 1}}}}")
    words = ["--size", "64", "32", "--steps", "1", "--repeats", "1", "--out", str(out), "--configfile", str(over)]
    assert cli.main(["bench", "study", "demo", *words]) == 0
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["way"] for row in rows} == {*OF_OURS, PLAIN}
    assert all(float(row["seconds"]) > 0 for row in rows)
    render = {"adapt": 900, "selftrain, class_mix": 11, "pseudo_label": 2 * 500, "evaluate": 3 * 125}
    cases = list(dict.fromkeys(row["case"] for row in rows))
    assert cases == [
        f"{'step' if count in (900, 11) else 'image'} of {name}, {count} times" for name, count in render.items()
    ]
    assert "| all |" in capsys.readouterr().out


def test_the_plain_passes_find_what_ours_find(tmp_path: Path) -> None:
    data = passes.prepared(tmp_path, 3, (50, 70), shown=(64, 32), classes=CLASS_SETS["16"])
    torch.manual_seed(1)
    segmenter = build(Architecture("street", data.classes, (), "parallel", bn="train", rates=(1, 2), pixels="imagenet"))
    segmenter.segmentation.branches[0].bias.data[3] = 3.0  # some of it is sure of one class
    for make in (passes.evaluations, passes.labellings):
        ours, plain = make(segmenter.eval(), data, tmp_path, 2)
        assert (ours() == plain()).all()
        assert len(set(plain().ravel().tolist())) > 1
