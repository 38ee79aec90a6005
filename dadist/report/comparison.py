"""Two results tables against each other: differences by class, and which of them the seeds alone could make."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from dadist.evaluation.depth import NAMES as DEPTH

BY = ["method", "round"]
# Where two rows differ in one of these, their numbers do not answer the same question.
MEASURED = ("images", "labels", "selection", "protocol", "source", "target")
# What may be the very thing that is compared; told.
TOLD = ("setting", "init", "iterations", "code")
FALLING = ("abs_rel", "sq_rel", "rms", "log_rms")  # errors of depth: less is better

# Student's t at 97.5 % by degrees of freedom, from 1 on; beyond, the normal distribution's.
STUDENT = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
)
NORMAL = 1.960


@dataclass(frozen=True)
class Score:
    """One number of a method and round on both sides: means over the seeds."""

    name: str  # of a class, or miou, miou_star, or an error of depth
    before: float
    after: float
    difference: float
    noise: float | None  # half the width of the difference's 95 % interval; None: one seed on a side
    verdict: str  # "better", "worse", "within the noise", "noise unknown", "equal"


@dataclass(frozen=True)
class ComparedRow:
    """A method and round that both tables have."""

    method: str
    round: str
    seeds: tuple[int, int]  # how many
    scores: list[Score]


@dataclass(frozen=True)
class Comparison:
    """Two tables against each other."""

    obstacles: list[str]  # why the two may not be compared
    notes: list[str]  # what else differs
    rows: list[ComparedRow]

    def record(self) -> dict[str, Any]:
        """What JSON holds of it; nan as null."""
        whole = dataclasses.asdict(self)
        for row in whole["rows"]:
            for score in row["scores"]:
                score.update(
                    {key: None for key, value in score.items() if isinstance(value, float) and math.isnan(value)}
                )
        return whole


def read(path: Path) -> pd.DataFrame:
    """A table that `tables.save` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is another file; such as a summary, which has no seeds.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a metrics.csv, found no file; run the rule collect")
    try:
        table = pd.read_csv(path)
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected a metrics.csv, got {error}; run the rule collect again") from error
    missing = [name for name in (*BY, "seed", "miou", "miou_star", "images") if name not in table]
    if missing:
        raise ValueError(
            f"{path}: expected a metrics.csv, got a table without {missing[0]}; give that of the rule collect"
        )
    return table


def compare(before: pd.DataFrame, after: pd.DataFrame, first: str, second: str) -> Comparison:
    """What got better from ``before`` to ``after``.

    With one seed on a side the noise is not known. Otherwise a difference counts if it is outside the 95 % interval of
    Welch's t test over the seeds: t * sqrt(s1^2 / n1 + s2^2 / n2), with the degrees of freedom rounded down. Of twenty
    differences that are none, one passes as one.

    Args:
        before: A table that `read` gave.
        after: Another.
        first: What messages call the first.
        second: And the second.

    Raises:
        ValueError: They have no method and round in common.

    Source: Welch, The generalization of Student's problem, Biometrika 1947.
    """
    groups = [{key: rows for key, rows in table.groupby(BY, sort=False)} for table in (before, after)]  # noqa: C416
    shared = [key for key in groups[0] if key in groups[1]]
    if not shared:
        raise ValueError(f"{first}, {second}: expected a method and round that both have, found none; run one in both")
    names = (first, second)
    obstacles, notes = _classes(before, after, names), []
    for key in shared:
        pair = groups[0][key], groups[1][key]
        obstacles += _apart(pair, MEASURED, key, names)
        notes += _apart(pair, TOLD, key, names)
    for index, table in enumerate(groups):
        alone = [" ".join(map(str, key)) for key in table if key not in shared]
        notes += [f"only in {names[index]}: {', '.join(alone)}"] if alone else []
    common = [name for name in _measures(before) if name in _measures(after)]
    rows = [_row(key, groups[0][key], groups[1][key], common) for key in shared]
    return Comparison(_once(obstacles), _once(notes), rows)


def _row(key: Any, before: pd.DataFrame, after: pd.DataFrame, names: Sequence[str]) -> ComparedRow:
    method, round_name = key
    there = [name for name in names if before[name].notna().any() or after[name].notna().any()]
    scores = [_score(name, before[name], after[name]) for name in there]
    return ComparedRow(str(method), str(round_name), (len(before), len(after)), scores)


def _score(name: str, before: "pd.Series[float]", after: "pd.Series[float]") -> Score:
    """A class that a seed has no rate for does not count there."""
    pair = before.dropna(), after.dropna()
    means = [float(one.mean()) for one in pair]
    difference, noise = means[1] - means[0], None
    if min(map(len, pair)) >= 2:
        noise = _half_width(*((float(one.var()), len(one)) for one in pair))
    gain = -difference if name in FALLING else difference
    if math.isnan(difference):
        verdict = "only after" if math.isnan(means[0]) else "only before"
    elif difference == 0:
        verdict = "equal"
    elif noise is None:
        verdict = "noise unknown"
    elif abs(difference) <= noise:
        verdict = "within the noise"
    else:
        verdict = "better" if gain > 0 else "worse"
    return Score(name, means[0], means[1], difference, noise, verdict)


def _half_width(first: tuple[float, int], second: tuple[float, int]) -> float:
    """Of the 95 % interval of a difference of two means, from (variance, number) of each."""
    shares = [variance / count for variance, count in (first, second)]
    if sum(shares) == 0:
        return 0.0
    freedom = sum(shares) ** 2 / sum(
        share**2 / (count - 1) for share, (_, count) in zip(shares, (first, second), strict=True)
    )
    place = int(freedom + 1e-9) - 1
    return (STUDENT[place] if place < len(STUDENT) else NORMAL) * math.sqrt(sum(shares))


def _measures(table: pd.DataFrame) -> list[str]:
    """Columns of rates and errors: from miou to the one before images."""
    columns = list(map(str, table.columns))
    return columns[columns.index("miou") : columns.index("images")]


def _classes(before: pd.DataFrame, after: pd.DataFrame, names: tuple[str, str]) -> list[str]:
    sets = [
        [name for name in _measures(table) if name not in ("miou", "miou_star", *DEPTH)] for table in (before, after)
    ]
    return [] if sets[0] == sets[1] else [_differ("classes", " ".join(sets[0]), " ".join(sets[1]), names, "")]


def _apart(
    pair: tuple[pd.DataFrame, pd.DataFrame], columns: Sequence[str], key: Any, names: tuple[str, str]
) -> list[str]:
    """One sentence for each column in which the two differ."""
    found = []
    for column in columns:
        values = [_values(rows, column) for rows in pair]
        if values[0] != values[1]:
            row = "" if column == "setting" else f" of {' '.join(map(str, key))}"
            found.append(_differ(column, values[0], values[1], names, row))
    return found


def _values(rows: pd.DataFrame, column: str) -> str:
    if column not in rows:
        return "nothing"
    return ", ".join(sorted(set(map(str, rows[column]))))


def _differ(what: str, first: str, second: str, names: tuple[str, str], row: str) -> str:
    return f"{what}{row}: expected the same in both, got {first} in {names[0]} and {second} in {names[1]}"


def _once(sentences: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(sentences))
