"""The benchmark of a step: the plain loop and ours have equal losses, and every way has a time."""

import csv
import dataclasses
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
import widths

from benchmarks import step
from benchmarks.__main__ import main
from benchmarks.baseline_step import density
from dadist.cli.study import read_study
from dadist.config.schema import Setting
from dadist.cost.step import method_of


@pytest.fixture(scope="module")
def small() -> Setting:
    setting = step.resized(read_study([], [], "demo").settings["demo"], 64, 32)
    return dataclasses.replace(setting, adapt=dataclasses.replace(setting.adapt, batch=1))


def losses(setting: Setting, way: str, steps: int, name: str = step.METHOD) -> dict[str, float]:
    windows: list[dict[str, float]] = []
    step._step(setting, name, way, "cpu", steps, lambda means: windows.append(dict(means)))()
    return windows[0]


WAYS = sorted({*step.OF_OURS, *step.CHANGES} - {step.PLAIN, "plain, torch.compile"})


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("way", [way for way in WAYS if "bfloat16" not in way])
def test_every_way_has_the_losses_of_the_plain_loop(small: Setting, way: str) -> None:
    plain, found = (losses(small, one, 3) for one in (step.PLAIN, way))
    if "on the grid" in way:  # another objective
        found["segmentation"] = pytest.approx(plain["segmentation"], rel=0.2)
    assert found == pytest.approx(plain, rel=0.05 if "on the grid" in way else 1e-9)


@pytest.fixture(scope="module")
def rounding(small: Setting) -> float:
    """By how much, as a share, roundings to bfloat16 in every layer move any loss of the plain loop."""
    plain, found = losses(small, step.PLAIN, 3), []
    for seed in range(4):

        def perturbed(*asked: Any, seed: int = seed) -> Any:
            method = method_of(*asked)
            widths.perturb(method.networks().values(), torch.bfloat16, seed)
            return method

        with patch.object(step, "method_of", perturbed):
            moved = losses(small, step.PLAIN, 3)
        found += [abs(value / plain[name] - 1) for name, value in moved.items()]
    return max(found)


@pytest.mark.parametrize("way", [way for way in WAYS if "bfloat16" in way])
def test_bfloat16_moves_a_loss_by_no_more_than_a_few_times_what_rounding_does(
    small: Setting, way: str, rounding: float
) -> None:
    plain, found = (losses(small, one, 3) for one in (step.PLAIN, way))
    assert found == pytest.approx(plain, rel=4 * rounding)
    assert found != plain


@pytest.mark.usefixtures("float64")
def test_a_plain_round_has_the_loss_of_the_recipe_plain(small: Setting) -> None:
    training = dataclasses.replace(small.selftrain.training, batch=1, recipe="plain")
    setting = dataclasses.replace(small, selftrain=dataclasses.replace(small.selftrain, training=training))
    plain, ours = (losses(setting, way, 3, "plain") for way in (step.PLAIN, step.OURS))
    assert ours == pytest.approx(plain, rel=1e-9)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("positive", [True, False])
def test_the_plain_density_is_that_of_the_tables(small: Setting, positive: bool) -> None:
    method = method_of(small, step.METHOD)
    width, height = small.grid
    labels = torch.randint(0, 16, (2, height, width))
    z = torch.randn(2, 1, height, width)
    tables = method.density(labels, z, positive=positive)  # type: ignore[attr-defined]
    plain = density(method.mixtures, labels, z, positive=positive)  # type: ignore[attr-defined]
    torch.testing.assert_close(plain, tables, rtol=1e-9, atol=1e-30)


def test_images_of_another_size_have_the_networks_grid() -> None:
    setting = step.resized(read_study([], [], "s2c16").settings["s2c16"], 640, 320)
    assert (setting.source.width, setting.target.height, setting.grid) == (640, 320, (81, 41))


def timed(folder: Path, *words: str) -> list[dict[str, str]]:
    """Rows of the table that a small run writes."""
    out = folder / "step.csv"
    assert main(["step", "demo", "--size", "64", "32", "--repeats", "1", *words, "--out", str(out)]) == 0
    with out.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.usefixtures("workers_in_this_process")
def test_every_way_has_a_time_beside_our_quickest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ways = [step.OURS, step.PLAIN, "plain, fused optimisers"]
    rows = timed(tmp_path, "--ways", *ways)
    assert [row["way"] for row in rows] == ways
    assert all(float(row["seconds"]) > 0 for row in rows)
    assert float(rows[0]["times_ours"]) == 1
    assert "\nplain, fused optimisers: " in capsys.readouterr().out  # and its TFLOP/s


def test_a_step_and_its_parts_are_timed_in_a_subprocess(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (row,) = timed(tmp_path, "--ways", step.PLAIN, "--parts")
    assert float(row["seconds"]) > 0
    printed = capsys.readouterr().out
    assert f"| milliseconds | {step.PLAIN} |" in printed
    assert "| convolution, backward |" in printed


def test_loss_curves_stand_side_by_side(small: Setting) -> None:
    table = step.curves(small, "cpu", 2)
    assert "| loss | plain loop, float32 | ours, float32 | ours, bfloat16 |" in table
    assert "| critic_target |" in table
