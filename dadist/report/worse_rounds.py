"""Rounds of self-training that made the network worse, told from the rows of a metrics.csv."""

import csv
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

ONE_SEED = 0.5  # points of mIoU: without a second seed the noise is unknown, and less is often nothing
NAMED_BY = ("setting", "protocol", "method", "prior")  # rows that differ in one of these are of different studies
NEEDED = ("method", "seed", "round", "miou")
HELP = "take the model of the better round; raise pseudo_label.confidence, or leave the method out of selftrain.methods"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class WorseRound:
    """A round whose mean mIoU is below that of an earlier one by more than the noise."""

    method: str
    round: str
    better: str  # the earlier round: the one before or q0, whichever is further above
    miou: float  # percent, mean over the seeds
    better_miou: float
    spread: float | None  # of the seeds: the larger of the two rounds' standard deviations; None: one seed

    @property
    def what(self) -> str:
        """What happened, with the numbers, as part of a sentence."""
        noise = "one seed" if self.spread is None else f"the seeds spread by {self.spread:.1f}"
        lost = self.better_miou - self.miou
        return f"mIoU fell from {self.better_miou:.1f} ({self.better}) to {self.miou:.1f}, by {lost:.1f} ({noise})"

    def __str__(self) -> str:
        return f"{self.method} {self.round}: {self.what}"


def worse_rounds(table: Path | Iterable[Row]) -> list[WorseRound]:
    """What got worse from round to round, in the order of the table.

    A round is compared with the one before and with q0. It is worse if its mean over the seeds is lower by more than
    the seeds spread: the larger of the two sample standard deviations. With one seed it is by more than 0.5 points.

    Args:
        table: A metrics.csv, or its rows: "method", "seed", "round" (q0, q1, …) and "miou" in percent; empty or nan
            is no number. Rows of several settings, protocols or priors are not compared with each other.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is another table.
    """
    found: list[WorseRound] = []
    for rounds in _rounds(_read(table) if isinstance(table, Path) else table):
        for number in sorted(rounds)[1:]:
            earlier = dict.fromkeys((max(one for one in rounds if one < number), min(rounds)))
            fallen = [one for one in (_fall(rounds[number], rounds[other]) for other in earlier) if one]
            found += [max(fallen, key=lambda one: one.better_miou)] if fallen else []
    return found


def _rounds(rows: Iterable[Row]) -> list[dict[int, list[Row]]]:
    """Rows by the number of their round; one entry per method of a setting."""
    found: dict[tuple[Any, ...], dict[int, list[Row]]] = {}
    for row in rows:
        if not math.isnan(float(row["miou"] or "nan")):
            mine = found.setdefault(tuple(row.get(name) for name in NAMED_BY), {})
            mine.setdefault(int(str(row["round"])[1:]), []).append(row)
    return list(found.values())


def _fall(later: list[Row], earlier: list[Row]) -> WorseRound | None:
    """What was lost, if it is more than noise."""
    after, before = ([float(row["miou"]) for row in rows] for rows in (later, earlier))
    spreads = [stdev(one) for one in (after, before) if len(one) > 1]
    lost = fmean(before) - fmean(after)
    if lost <= max(spreads, default=ONE_SEED) or lost <= 0:
        return None
    method, name, better = str(later[0]["method"]), str(later[0]["round"]), str(earlier[0]["round"])
    return WorseRound(method, name, better, fmean(after), fmean(before), max(spreads, default=None))


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        table = csv.DictReader(file)
        missing = [name for name in NEEDED if name not in (table.fieldnames or ())]
        if missing:
            raise ValueError(
                f"{path}: expected a metrics.csv, got a table without {missing[0]}; give that of the rule collect"
            )
        return list(table)
