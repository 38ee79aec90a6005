"""The benchmark of growth: exponents by hand, and a study of a few images that runs every stage."""

import argparse
import csv
import math
import sys
from pathlib import Path

import pytest
from sandbox import ROOT

from benchmarks import scaling
from benchmarks.scaling import Growth, Size


@pytest.mark.parametrize("k", [0.5, 1.0, 2.0])
def test_the_exponent_is_that_of_what_grows_whatever_the_start_takes(k: float) -> None:
    found = scaling.exponents([7 + 3 * n**k for n in (1, 4, 16)], 0.2, 0.0)
    assert found == (pytest.approx(k), pytest.approx(k))


def test_what_runs_differ_by_widens_the_range() -> None:
    found = scaling.exponents((1.0, 4.0, 16.0), 0.2, 1.0)
    assert found == (pytest.approx(math.log(11 / 4, 4)), pytest.approx(math.log(13 / 2, 4)))
    assert scaling.exponents((1.0, 1.5, 9.0), 0.2, 0.5) == (pytest.approx(math.log(7, 4)), math.inf)


@pytest.mark.parametrize(
    ("values", "spread"), [((10.0, 10.5, 11.9), 0.0), ((10.0, 9.0, 8.0), 0.0), ((1.0, 2.0, 4.0), 1.6)]
)
def test_what_grows_less_than_the_noise_is_flat(values: tuple[float, ...], spread: float) -> None:
    assert scaling.exponents(values, 0.2, spread) is None


def test_exponents_are_told_as_a_range_where_they_are_one() -> None:
    assert scaling.told(None) == "flat"
    assert scaling.told((0.98, 1.02)) == "1.0"
    assert scaling.told((0.7, 1.3)) == "0.7 to 1.3"
    assert scaling.told((0.7, math.inf)) == "0.7 or more"


def test_sizes_grow_by_images_or_by_pixels_from_the_same_smallest() -> None:
    found = scaling.sizes(10, 64)
    assert found["images", 1] == found["pixels", 1] == Size(10, 64, 32)
    assert found["images", 16] == Size(160, 64, 32)
    assert found["pixels", 16] == Size(10, 256, 128)


def test_a_command_is_measured_and_one_that_fails_says_why(tmp_path: Path) -> None:
    took = scaling.gauged([sys.executable, "-c", "x = bytearray(10**8); sum(range(10**6))"], tmp_path)
    assert took.seconds > 0
    assert 100 < took.peak_mb < 300
    with pytest.raises(ValueError, match=r"expected it to succeed, got:\n.*no such thing"):
        scaling.gauged([sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path)


def test_every_stage_of_a_study_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    asked = argparse.Namespace(
        settings="config.yaml", made="results/", configfile=[], config=[], steps=1, out=tmp_path / "scaling.csv"
    )
    took = scaling.summed(scaling.study(tmp_path, asked, Size(8, 96, 48)))
    stages = {path.stem for path in (ROOT / "dadist/stages").glob("*.py")} - {"__init__"}
    assert set(took) == stages
    assert min(one.seconds for one in took.values()) > 0
    found = [
        Growth(stage, axis, quantity, (1, 4, 16), (1.0, 2.0, 6.0), 0.0)
        for stage in took
        for axis in scaling.AXES
        for quantity in scaling.Took._fields
    ]
    monkeypatch.setattr(scaling, "measured", lambda *_: found)
    scaling.run(argparse.Namespace(images=8, width=96, out=asked.out))
    with asked.out.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 4 * len(stages)
    assert {path.name for path in tmp_path.glob("scaling.*")} == {"scaling.csv", "scaling.svg", "scaling.png"}
    assert "| adapt | pixels | 1.0 → 2.0 → 6.0 | 1.0 |" in capsys.readouterr().out
