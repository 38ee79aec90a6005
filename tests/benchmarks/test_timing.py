"""The race of ways: turns, medians, ratios, and the table of them."""

import csv
import itertools
from pathlib import Path

import pytest

from benchmarks import timing


def test_ways_take_turns_after_a_call_that_is_not_timed() -> None:
    called: list[str] = []
    ways = {name: lambda name=name: called.append(name) for name in "ab"}
    timing.race(ways, repeats=2, clock=lambda: 0.0)
    assert "".join(called) == "ababab"


def test_the_median_counts() -> None:
    ticks = itertools.chain(*[(0.0, took) for took in (3.0, 1.0, 8.0)])
    assert timing.race({"one": lambda: None}, repeats=3, clock=lambda: next(ticks)) == {"one": 3.0}


def test_a_line_says_how_many_times_our_time_a_way_takes(tmp_path: Path) -> None:
    found = timing.lines("refinement", "16x16", {"ours": 0.002, "naive": 1.0}, ours="ours", repeats=5)
    assert [one.ratio for one in found] == [1.0, pytest.approx(500)]
    timing.save(found, tmp_path / "one.csv", "a machine")
    with (tmp_path / "one.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["way"], row["times_ours"], row["machine"]) for row in rows] == [
        ("ours", "1", "a machine"),
        ("naive", "500", "a machine"),
    ]
    assert "| 16x16 | naive | 1 | 1 | 500 |" in timing.text(found)


def test_the_machine_has_a_name() -> None:
    assert "Python" in timing.machine()
