"""The benchmark of a busy machine: what each way's environment says, that its neighbours work, and its table."""

import csv
import os
from pathlib import Path
from unittest.mock import patch

import pytest

from benchmarks import busy
from benchmarks.__main__ import main
from dadist.cost.timing import StepTime


def test_one_thread_waits_for_nobody_and_each_other_way_differs_in_how_it_waits() -> None:
    assert busy.ways([1, 2], ["5"]) == {
        "1 threads, ours": {"OMP_NUM_THREADS": "1", **busy.WAITING["ours"]},
        "2 threads, ours": {"OMP_NUM_THREADS": "2", **busy.WAITING["ours"]},
        "2 threads, as OpenMP has it": {"OMP_NUM_THREADS": "2"},
        "2 threads, asleep at once": {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"},
        "2 threads, 5 times": {"OMP_NUM_THREADS": "2", "GOMP_SPINCOUNT": "5"},
    }


def test_an_environment_says_nothing_of_waiting_but_what_a_way_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOMP_SPINCOUNT", "9")
    with busy._environment({"OMP_WAIT_POLICY": "PASSIVE"}):
        assert (os.environ["OMP_WAIT_POLICY"], os.environ.get("GOMP_SPINCOUNT")) == ("PASSIVE", None)
    assert os.environ["GOMP_SPINCOUNT"] == "9"


def test_neighbours_work_until_they_are_no_more_wanted() -> None:
    with patch.object(busy.subprocess, "Popen", wraps=busy.subprocess.Popen) as popen, busy.neighbours(2):
        assert popen.call_count == 2
    with busy.neighbours(0):
        pass


@pytest.mark.usefixtures("workers_in_this_process")
def test_the_table_has_every_way_at_every_load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["busy", "demo", "--threads", "1", "--neighbours", "0", "1", "--repeats", "1"]
    with patch.object(busy, "measure", return_value=StepTime(0.25, 5, 1)):
        assert main([*words, "--out", str(tmp_path / "busy.csv")]) == 0
    with (tmp_path / "busy.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [["way", "neighbours", "seconds"], *([f"{1} threads, ours", str(count), "0.25"] for count in (0, 1))]
    assert "| 1 threads, ours | 0.250 | 0.250 |" in capsys.readouterr().out
