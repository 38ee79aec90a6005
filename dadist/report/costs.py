"""What each stage cost, from the benchmark files that Snakemake writes beside a run."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dadist.report.markup import Markup, cell, head, table, tag


@dataclass(frozen=True)
class Cost:
    """One job."""

    stage: str
    what: str  # it was done for
    file: str  # of Snakemake's benchmark, read if it is there


@dataclass(frozen=True)
class Measured:
    """What a benchmark file says; None where Snakemake could not tell, as of a job of less than a second."""

    seconds: float
    cpu_s: float | None
    memory_mb: float | None  # resident at most


def read(path: Path) -> Measured | None:
    """The last row of a benchmark file; None if there is no such file or it is another kind of file."""
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    if not rows or (seconds := _number(rows[-1].get("s"))) is None:
        return None
    return Measured(seconds, _number(rows[-1].get("cpu_time")), _number(rows[-1].get("max_rss")))


def section(costs: Sequence[Cost]) -> Markup:
    """The table of costs, and its sum."""
    found = [(cost, read(Path(cost.file))) for cost in costs]
    there = [(cost, measured) for cost, measured in found if measured is not None]
    if not there:
        return tag("p", "No benchmark files were there when this page was written.")
    total, cpu = sum(one.seconds for _, one in there), sum(one.cpu_s or 0 for _, one in there)
    rows = [
        [
            head(cost.stage, value=cost.stage),
            cell(cost.what, value=cost.what),
            cell(f"{one.seconds:.0f}", value=one.seconds),
            cell("" if one.cpu_s is None else f"{one.cpu_s:.0f}", value=one.cpu_s),
            cell("" if one.memory_mb is None else f"{one.memory_mb:.0f}", value=one.memory_mb),
        ]
        for cost, one in there
    ]
    lost = len(found) - len(there)
    jobs = "1 job" if len(there) == 1 else f"{len(there)} jobs"
    caption = f"{jobs}, {_long(total)} one after the other, {_long(cpu)} of processor time" + (
        f"; {lost} left no benchmark file." if lost else "."
    )
    columns = [("stage", "text"), ("of", "text"), ("time, s", "number"), ("CPU, s", "number")]
    return table(caption, [*columns, ("memory at most, MB", "number")], rows, label="Costs of the stages")


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:  # "NA" or "-"
        return None


def _long(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
