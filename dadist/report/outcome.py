"""What a run ends with on the terminal: mIoU, what got worse, where the page is. It loads no torch and no pandas."""

import csv
import shlex
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from dadist.report.worse_rounds import HELP, worse_rounds

Row = Mapping[str, str]
TOLD_APART = ("setting", "method", "prior")  # what a line stands for, as far as the table has more than one of it


def outcome(made: Iterable[str | Path]) -> str:
    """The tables and pages among what a run has made, and how the last model is used, to print.

    Args:
        made: Paths in the order in which they were made; others than models, pages and tables with a row per model are
            left out.
    """
    paths = [Path(path) for path in made]
    tables = [table(path) for path in paths if path.suffix == ".csv"]
    pages = [f"page: {path}" for path in paths if path.name == "index.html"]
    models = [path for path in paths if path.name == "model.pt"]
    use = [f"use it: dadist predict --model {shlex.quote(str(models[-1]))} PHOTOS"] if models else []
    return "\n".join([*filter(None, tables), *use, *pages])


def table(path: Path) -> str:
    """The mIoU of a table by method and round, mean ± standard deviation over the seeds; nothing of other tables.

    A line says of each round of self-training that is below an earlier one what it lost.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("miou") and row.get("seed")]
    if not rows:
        return ""
    apart = [name for name in TOLD_APART if name == "method" or len({row.get(name) for row in rows}) > 1]
    rounds = sorted({row["round"] for row in rows})
    seeds = sorted({row["seed"] for row in rows})
    lines = [[*apart, *rounds]]
    for key in dict.fromkeys(tuple(row[name] for name in apart) for row in rows):
        mine = [row for row in rows if tuple(row[name] for name in apart) == key]
        lines.append([*key, *(_mean([row for row in mine if row["round"] == one]) for one in rounds)])
    of = f"mean of {len(seeds)} seeds" if len(seeds) > 1 else f"seed {seeds[0]}"
    worse = [f"worse: {one}; {HELP}" for one in worse_rounds(rows)]
    return "\n".join(["", f"{path}: mIoU in percent, {of}", _aligned(lines, len(apart)), *worse])


def _mean(rows: Sequence[Row]) -> str:
    values = [float(row["miou"]) for row in rows]
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.1f}{spread}" if values else ""


def _aligned(lines: Sequence[Sequence[str]], names: int) -> str:
    """Columns two spaces apart: the first ``names`` to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  "
        + "  ".join(
            cell.ljust(width) if place < names else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
