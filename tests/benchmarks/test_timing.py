"""Timing side by side: turns, medians, ratios, and the tables."""

import csv
import itertools
from pathlib import Path

import cv2
import pytest
import torch

from benchmarks import timing


def test_ways_take_turns_after_a_call_that_is_not_timed() -> None:
    called: list[str] = []
    ways = {name: lambda name=name: called.append(name) for name in "ab"}
    timing.time_in_turns(ways, repeats=2, clock=lambda: 0.0)
    assert "".join(called) == "ababab"


def test_the_median_counts() -> None:
    ticks = itertools.chain(*[(0.0, seconds) for seconds in (3.0, 1.0, 8.0)])
    assert timing.time_in_turns({"one": lambda: None}, repeats=3, clock=lambda: next(ticks)) == {"one": 3.0}


def test_what_is_done_before_a_call_takes_none_of_its_time() -> None:
    clock = [0.0]

    def pass_time(seconds: float) -> None:
        clock[0] += seconds

    seconds = timing.time_in_turns(
        {"one": lambda: pass_time(2.0)}, repeats=2, clock=lambda: clock[0], before=lambda: pass_time(50.0)
    )
    assert seconds == {"one": 2.0}
    assert clock == [3 * 2.0 + 2 * 50.0]


def test_a_timing_says_how_many_times_our_time_a_way_takes(tmp_path: Path) -> None:
    found = timing.timings("refinement", "16x16", {"ours": 0.002, "naive": 1.0}, ours="ours", repeats=5)
    assert [one.ratio for one in found] == [1.0, pytest.approx(500)]
    timing.save(found, tmp_path / "one.csv", "a machine")
    with (tmp_path / "one.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["way"], row["times_ours"], row["machine"]) for row in rows] == [
        ("ours", "1", "a machine"),
        ("naive", "500", "a machine"),
    ]
    assert "| 16x16 | naive | 1 | 1 | 500 |" in timing.text(found)


def test_one_thread_computes_and_afterwards_as_many_as_before() -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    with timing.one_thread():
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
    assert (torch.get_num_threads(), cv2.getNumThreads()) == before


def test_the_machine_has_a_name() -> None:
    assert "Python" in timing.machine()
