"""Where the time of a whole run goes: its stages, and what the workflow itself adds.

What it adds is planning and the gaps between jobs, which are all of the wall time in which no job runs, and the start
of each job's Python until it has imported its stage. The run happens in a folder of its own.
"""

import argparse
import csv
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import workflow_run
from benchmarks.timing import machine
from dadist.report.costs import read
from dadist.storage.atomic import atomic

REPEATS = 3  # of what is over in seconds; the median counts
ALL = "all"


@dataclass(frozen=True)
class Job:
    """One job of a run."""

    stage: str
    begin: float  # wall-clock, s
    end: float


@dataclass(frozen=True)
class Row:
    """The jobs of one stage, or all of the run."""

    stage: str
    jobs: int
    seconds: float  # of wall-clock time
    starting: float  # seconds of these until Python had imported the stage


@dataclass(frozen=True)
class Run:
    """A run that has ended."""

    rows: tuple[Row, ...]  # a stage each, in the order that they began in
    wall: float  # s, from the command to its end
    planning: float  # s, of a run that only plans
    idle: float  # s in which no job ran, planning among them

    @property
    def overhead(self) -> float:
        """Share of the wall time that the workflow adds, at most: jobs side by side each count their start."""
        return (self.idle + sum(row.starting for row in self.rows)) / self.wall


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("--target", default=None, help="what to make (the metrics of the setting demo)")
    parser.add_argument("--cores", type=int, default=2, help="(%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Runs the demo as a user does, and says where its time went: by stage, and what planning and starting took."""
    target = asked.target or f"{asked.made}demo/metrics.csv"
    with tempfile.TemporaryDirectory(dir=asked.out.parent) as scratch:
        command = workflow_run.snakemake(Path(scratch), asked, target, "--cores", str(asked.cores))
        planning = statistics.median(_seconds([*command, "--dry-run"]) for _ in range(REPEATS))
        wall = _seconds(command)
        jobs = measured(Path(scratch, asked.made, "benchmarks"))
    starts = {stage: starting(stage) for stage in dict.fromkeys(job.stage for job in jobs)}
    found = summed(jobs, starts, wall=wall, planning=planning)
    save(found, asked.out)
    sys.stdout.write(text(found))


def measured(benchmarks: Path) -> list[Job]:
    """The jobs of a run in a folder that had none before, as they began: Snakemake writes a job's file when it ends."""
    jobs = []
    for path in benchmarks.glob("*/*.tsv"):
        if took := read(path):
            end = path.stat().st_mtime
            jobs.append(Job(path.parent.name, end - took.seconds, end))
    return sorted(jobs, key=lambda job: job.begin)


def starting(stage: str) -> float:
    """Wall-clock seconds until a stage's Python has imported what it needs, and has ended again."""
    command = [sys.executable, "-m", f"dadist.stages.{stage}", "--help"]
    return statistics.median(_seconds(command) for _ in range(REPEATS))


def summed(jobs: Sequence[Job], starts: Mapping[str, float], *, wall: float, planning: float) -> Run:
    """The rows and the rest.

    Args:
        jobs: In the order that they began in.
        starts: Of each stage, seconds a job.
        wall: Seconds of the whole run.
        planning: Seconds of a run that only plans.
    """
    rows = []
    for stage in dict.fromkeys(job.stage for job in jobs):
        mine = [job.end - job.begin for job in jobs if job.stage == stage]
        rows.append(Row(stage, len(mine), sum(mine), len(mine) * starts[stage]))
    return Run(tuple(rows), wall, planning, max(wall - busy(jobs), 0.0))


def busy(jobs: Sequence[Job]) -> float:
    """Seconds in which at least one job ran."""
    total, until = 0.0, float("-inf")
    for job in sorted(jobs, key=lambda job: job.begin):
        total += max(job.end - max(job.begin, until), 0.0)
        until = max(until, job.end)
    return total


def save(found: Run, out: Path) -> None:
    """Write a CSV, a row a stage, and the rest."""
    with atomic(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["stage", "jobs", "seconds", "starting", "machine"])
        for name, jobs, *seconds in _lines(found):
            table.writerow([name, jobs, *(f"{one:.2f}" for one in seconds), machine()])


def text(found: Run) -> str:
    """A table in Markdown, and the share of overhead."""
    rows = ["| stage | jobs | s | of these, Python starts | share of the run |", "|---|--:|--:|--:|--:|"]
    for name, jobs, seconds, starting in _lines(found):
        rows.append(f"| {name} | {jobs} | {seconds:.1f} | {starting:.1f} | {seconds / found.wall:.1%} |")
    total = found.idle + sum(row.starting for row in found.rows)
    rows.append(f"\noverhead (planning, gaps, starts): {total:.1f} s of {found.wall:.1f}, {found.overhead:.1%}")
    return "\n".join(rows) + "\n"


def _lines(found: Run) -> list[tuple[str, int, float, float]]:
    started, jobs = sum(row.starting for row in found.rows), sum(row.jobs for row in found.rows)
    return [
        *((row.stage, row.jobs, row.seconds, row.starting) for row in found.rows),
        ("planning", 0, found.planning, 0.0),
        ("between jobs", 0, max(found.idle - found.planning, 0.0), 0.0),
        (ALL, jobs, found.wall, started),
    ]


def _seconds(command: Sequence[str]) -> float:
    """Wall-clock time of a command that must succeed."""
    begun = time.perf_counter()
    answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if answer.returncode:
        raise ValueError(f"{' '.join(command)}: expected it to succeed, got:\n{answer.stdout[-2000:]}")
    return time.perf_counter() - begun
