"""The benchmark of mixtures, on a few points and small maps: all ways of a case find the same numbers."""

import argparse
import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import density_baseline, mixtures


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(density_baseline, "MAPS", {(16, 9): (1, 2)})
    monkeypatch.setattr(density_baseline, "COPIED", 2**16)
    monkeypatch.setattr(mixtures, "device", lambda: "cpu")


@pytest.mark.usefixtures("small")
def test_every_way_of_every_case_has_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threads = torch.get_num_threads()
    mixtures.run(argparse.Namespace(pixels=32_000, repeats=1, out=tmp_path / "mixtures.csv"))
    assert torch.get_num_threads() == threads
    with (tmp_path / "mixtures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    cases = {row["case"]: [one["way"] for one in rows if one["case"] == row["case"]] for row in rows}
    assert [case.partition(",")[0] for case in cases] == [
        *["EM iteration"] * 2,
        *["scaling"] * 3,
        "whole fit",
        *[f"density on cpu, {batch} x 9x16".partition(",")[0] for batch in (1, 2)],
    ]
    assert all(ways[0] == "ours" for ways in cases.values())
    assert cases["EM iteration, 3200 points, K = 5, full"][1:] == ["scikit-learn", "floor: points read once"]
    table = capsys.readouterr().out
    assert (
        "| scikit-learn, all (+0.0000 nat) |" in table
    )  # so few points that our k-means gets them all, as scikit-learn's does
    assert "| density on cpu, 2 x 9x16 | floor: bytes moved once |" in table


def test_points_of_a_street_are_cells_with_inverse_depths() -> None:
    points = density_baseline.street(1000, 3, (24, 12))
    assert points.shape == (3, 1000)
    np.testing.assert_array_equal(points[:2], np.floor(points[:2]))
    assert (points >= 0).all()
    assert (points.max(1) < (24, 12, 65536 / 200)).all()


def test_a_way_that_finds_something_else_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"means: expected ours within 1\.0e-09, got a difference of 0\.5"):
        density_baseline.check_equal("means", np.ones(2), np.array([1, 1.5]), 1e-9)
