"""The benchmark of scaling: exponents by hand, how a job is measured, and a plan that has every stage."""

import argparse
import csv
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sandbox import ROOT

from benchmarks import scaling
from benchmarks.scaling import StudySize
from benchmarks.workflow_run import Usage, run_measured


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


def test_what_grows_less_and_less_has_no_negative_exponent() -> None:
    assert scaling.exponents((8.3, 10.1, 11.2), 0.2, 0.0) == (0.0, 0.0)


def test_exponents_that_differ_are_written_as_a_range() -> None:
    assert scaling.format_exponents(None) == "flat"
    assert scaling.format_exponents((0.98, 1.02)) == "1.0"
    assert scaling.format_exponents((0.7, 1.3)) == "0.7 to 1.3"
    assert scaling.format_exponents((0.7, math.inf)) == "0.7 or more"


def test_sizes_grow_by_images_or_by_pixels_from_the_same_smallest() -> None:
    found = scaling.sizes(10, 64)
    assert found["images", 1] == found["pixels", 1] == StudySize(10, 64, 32)
    assert found["images", 16] == StudySize(160, 64, 32)
    assert found["pixels", 16] == StudySize(10, 256, 128)


def test_a_command_is_measured_and_one_that_fails_says_why(tmp_path: Path) -> None:
    usage = run_measured([sys.executable, "-c", "x = bytearray(10**8); sum(range(10**6))"], tmp_path)
    assert usage.seconds > 0
    assert 100 < usage.peak_mb < 300
    with pytest.raises(ValueError, match=r"expected it to succeed, got:\n.*no such thing"):
        run_measured([sys.executable, "-c", "raise SystemExit('no such thing')"], tmp_path)


def test_every_stage_of_a_study_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[tuple[str, ...]] = []

    def record(command: Sequence[str], folder: Path) -> Usage:
        if command[2] == "dadist.stages.render":  # needs nothing that other jobs make
            return run_measured(command, folder)
        commands.append(tuple(command[:3]))
        return Usage(1.0, 50.0)

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(scaling, "run_measured", record)
    asked = argparse.Namespace(settings="config.yaml", made="results/", configfile=[], config=[], steps=1)
    usage = scaling.summed(scaling.study(tmp_path, asked, StudySize(2, 64, 32)))
    # Of targets with depth files, and of several sources.
    on_demand = {"align_depth", "draw_prior", "weigh_prior", "estimate_depth", "join_sources"}
    stages = {path.stem for path in (ROOT / "dadist/stages").glob("*.py")} - {"__init__", *on_demand}
    assert set(usage) == stages
    assert set(commands) == {(sys.executable, "-m", f"dadist.stages.{stage}") for stage in stages - {"render"}}
    assert usage["render"].seconds > 0
    assert usage["evaluate"] == Usage(commands.count((sys.executable, "-m", "dadist.stages.evaluate")), 50.0)
    assert len(list(tmp_path.glob("results/streets/demo/synthia/RGB/*.png"))) == 2


def test_table_and_chart_have_the_least_of_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    slower = iter([1.0, 0.5])  # by so much, the two runs of the smallest size

    def study(folder: Path, asked: argparse.Namespace, size: StudySize) -> Iterator[tuple[str, Usage]]:
        seconds = 5 + size.width * size.height / (192 * 96)
        yield "adapt", Usage(seconds + (next(slower) if size == StudySize(8, 192, 96) else 0.0), 900.0)

    monkeypatch.setattr(scaling, "study", study)
    out = tmp_path / "scaling.csv"
    scaling.run(argparse.Namespace(images=8, width=192, repeats=2, steps=1, out=out))
    assert {path.name for path in tmp_path.iterdir()} == {"scaling.csv", "scaling.svg", "scaling.png"}
    with out.open(newline="") as file:
        rows = {(row["axis"], row["quantity"]): row for row in csv.DictReader(file)}
    assert len(rows) == 4
    assert rows["pixels", "seconds"]["at_16x"] == "21.000"
    assert rows["pixels", "peak_mb"]["exponent"] == rows["images", "seconds"]["exponent"] == "flat"
    assert "| adapt | pixels | 6.5 → 9.0 → 21.0 | 1.0 to 1.3 |" in capsys.readouterr().out
