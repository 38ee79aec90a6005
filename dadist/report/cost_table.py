"""What every job of a setting cost, as a table of the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dadist.report.costs import read
from dadist.report.html import Markup, cell, head, table, tag


@dataclass(frozen=True)
class Cost:
    """One job."""

    stage: str
    what: str  # it was done for
    file: str  # of Snakemake's benchmark, read if it is there


def section(costs: Sequence[Cost], *, rendered: bool, tabled: bool) -> Markup:
    """The table of costs, and its sum.

    Args:
        costs: Of all jobs but those that the last sentence names.
        rendered: Whether the streets were rendered.
        tabled: Whether there is a table of metrics.
    """
    found = [(cost, read(Path(cost.file))) for cost in costs]
    there = [(cost, measured) for cost, measured in found if measured is not None]
    if not there:
        return tag("p", "No benchmark files were there when this page was written.")
    total = sum(one.seconds for _, one in there if not math.isnan(one.seconds))
    rows = [
        [
            head(cost.stage, value=cost.stage),
            cell(cost.what, value=cost.what),
            *(_number(value) for value in one),
        ]
        for cost, one in there
    ]
    lost = len(found) - len(there)
    jobs = "1 job" if len(there) == 1 else f"{len(there)} jobs"
    caption = f"{jobs}, {_long(total)} one after the other" + (f"; {lost} left no benchmark file." if lost else ".")
    others = [*(["rendering"] if rendered else []), *(["the table of results"] if tabled else []), "this page"]
    caption += f" Not among them: {', '.join(others)}."
    columns = [("stage", "text"), ("of", "text"), ("time, s", "number")]
    return table(caption, [*columns, ("memory at most, MB", "number")], rows, label="Costs of the stages")


def _number(value: float) -> Markup:
    return cell("") if math.isnan(value) else cell(f"{value:.0f}", value=value)


def _long(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
