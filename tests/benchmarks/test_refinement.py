"""The benchmark of refinement, on small maps: all ways make the same map."""

import argparse
import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from oracles import without_small_regions

from benchmarks import refinement
from dadist.classes import IGNORE


def test_every_way_of_every_case_has_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refinement.run(argparse.Namespace(width=128, height=64, repeats=1, out=tmp_path / "refinement.csv"))
    with (tmp_path / "refinement.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    cases = {row["case"]: [one["way"] for one in rows if one["case"] == row["case"]] for row in rows}
    assert list(cases) == [f"{name}, 128x64" for name in refinement.cases(128, 64)]
    for ways in cases.values():
        assert ways[:3] == ["ours", "OpenCV class by class (ours without numba)", "SciPy class by class"]
        assert ways[-2:] == ["floor: the map copied", refinement.FLOOD]
    assert "| checkerboard, 128x64 | ours |" in capsys.readouterr().out


def test_all_ways_leave_the_regions_that_the_oracle_leaves() -> None:
    labels = np.random.default_rng(3).choice(np.array([0, 1, 2, IGNORE], np.uint8), (12, 17))
    sizes = np.array([2.0, 5.0, 9.0])
    for way in (*refinement.ways().values(), refinement.flood_fill):
        assert_array_equal(way(labels, sizes), without_small_regions(labels, sizes))


def test_a_way_that_makes_another_map_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refinement, "ways", lambda: {refinement.OURS: lambda labels, _: labels})
    labels = np.zeros((32, 32), np.uint8)
    labels[4, 4] = refinement.CLASSES - 1
    with pytest.raises(
        ValueError, match="ours: expected the map that OpenCV class by class makes of a dot, got another"
    ):
        refinement.time_case("a dot", labels, 1)


def test_a_street_without_a_label_in_spots_keeps_the_rest() -> None:
    cases = refinement.cases(256, 128)
    street, sure = cases["street"], cases["street, unsure in spots"]
    assert set(street[street != sure]) <= set(range(refinement.CLASSES))
    assert abs((sure == IGNORE).mean() - refinement.UNSURE) < 0.05
    assert (sure[sure != IGNORE] == street[sure != IGNORE]).all()
