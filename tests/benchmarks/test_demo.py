"""The benchmark of a whole run: what counts as overhead, and a run of one job."""

import csv
from pathlib import Path

import pytest
from sandbox import ROOT

from benchmarks import demo
from benchmarks.__main__ import main
from benchmarks.demo import Job


def test_time_in_which_jobs_overlap_counts_once() -> None:
    assert demo.busy([Job("a", 0, 4), Job("b", 1, 2), Job("c", 3, 6), Job("d", 8, 9)]) == 7
    assert demo.busy([]) == 0


def test_overhead_is_when_no_job_runs_and_the_starts_of_those_that_do() -> None:
    jobs = [Job("adapt", 3, 13), Job("evaluate", 13.5, 15.5), Job("adapt", 15.5, 19)]
    found = demo.summed(jobs, {"adapt": 1.5, "evaluate": 1.0}, wall=20, planning=2.5)
    assert [(row.stage, row.jobs, row.seconds, row.starting) for row in found.rows] == [
        ("adapt", 2, 13.5, 3.0),
        ("evaluate", 1, 2.0, 1.0),
    ]
    assert found.idle == 4.5  # 20 - 15.5
    assert found.overhead == pytest.approx((4.5 + 4) / 20)
    assert "overhead (planning, gaps, starts): 8.5 s of 20.0, 42.5%" in demo.text(found)


def test_a_run_is_measured_from_outside_and_leaves_its_table_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(demo, "REPEATS", 1)
    few = tmp_path / "few.yaml"
    few.write_text("render: {demo: {width: 32, height: 16, source: 1}}\n", encoding="utf-8")
    out, target = tmp_path / "out" / "demo.csv", "results/streets/demo/synthia"
    assert main(["demo", "--target", target, "--configfile", str(few), "--out", str(out)]) == 0
    with out.open(newline="") as file:
        rows = {row["stage"]: row for row in csv.DictReader(file)}
    assert list(rows) == ["render", "planning", "between jobs", "all"]
    assert rows["render"]["jobs"] == rows["all"]["jobs"] == "1"
    assert 0 < float(rows["render"]["seconds"]) < float(rows["all"]["seconds"])
    assert [path.name for path in out.parent.iterdir()] == ["demo.csv"]
    assert "overhead" in capsys.readouterr().out


def test_a_run_that_fails_says_what_snakemake_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["demo", "--target", "nothing", "--out", str(tmp_path / "demo.csv")]) == 2
    assert "No rule to produce nothing" in capsys.readouterr().err
