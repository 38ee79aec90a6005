"""The tables of the page: our rows beside the published ones, errors of depth, what refinement removed."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dadist.classes import ClassSet
from dadist.evaluation.confusion import Metrics
from dadist.evaluation.depth import NAMES as DEPTH
from dadist.report.html import Markup, cell, head, hidden, table, tag
from dadist.report.quotations import Quoted
from dadist.report.tables import over_seeds
from dadist.report.tables import table as rows_of

LESS_IS_BETTER = ("abs_rel", "sq_rel", "rms", "log_rms")
UNITS = {"sq_rel": "m", "rms": "m", "log_rms": "nats"}
TableRow = Mapping[str, Any]


def results(metrics: Sequence[Metrics], classes: ClassSet, published: Sequence[Quoted]) -> Markup:
    """Rates of every method and round, best of ours marked; the published rows below ours, marked as quoted."""
    mean, std = _summary(metrics, classes)
    starred = len(classes.starred) < len(classes)
    columns = ["miou", *(["miou_star"] if starred else []), *classes.names]
    best = {name: _best(mean, name, least=False) for name in columns}
    protocol = {(one.method, one.round): _protocol(one, metrics) for one in metrics}
    rows = [
        [
            head([_name(row), tag("small", protocol[row["method"], row["round"]])], value=_name(row)),
            *(_rate(row[name], spread[name], best=index in best[name], digits=1) for name in columns),
        ]
        for index, (row, spread) in enumerate(zip(mean, std, strict=True))
    ]
    rows += [_quoted(one, starred=starred) for one in published]
    titles = ["mIoU", *([f"mIoU* ({len(classes.starred)})"] if starred else []), *classes.names]
    several = len({one.seed for one in metrics}) > 1
    means = "mean ± standard deviation over the seeds" if several else f"of seed {metrics[0].seed}"
    caption = f"Intersection over union, percent, on the target's validation images: {means}."
    if any(best.values()):
        caption += " The best of our rows in each column is marked."
    if published:
        caption += " Rows in italics are quoted from a poster, each under a protocol of its own, and are not ranked."
    columns_of = [("method and round", "text"), *((title, "number") for title in titles)]
    return table(caption, columns_of, rows, label="Results of every method, round and class")


def quoted_alone(published: Sequence[Quoted], classes: ClassSet) -> Markup:
    """The published rows in a table of their own, where they are of other data."""
    starred = len(classes.starred) < len(classes)
    titles = ["mIoU", *([f"mIoU* ({len(classes.starred)})"] if starred else []), *classes.names]
    return table(
        "Intersection over union, percent, as quoted in the poster; each row under a protocol of its own.",
        [("method", "text"), *((title, "number") for title in titles)],
        [_quoted(one, starred=starred) for one in published],
        label="Published results on the real data sets",
    )


def depths(metrics: Sequence[Metrics], classes: ClassSet) -> Markup | None:
    """Errors of depth of the models that have a head for it."""
    measured = [one for one in metrics if one.depth]
    if not measured:
        return None
    mean, std = _summary(measured, classes)
    best = {name: _best(mean, name, least=name in LESS_IS_BETTER) for name in DEPTH}
    rows = [
        [head(_name(row), value=_name(row))]
        + [_rate(row[name], spread[name], best=index in best[name], digits=3) for name in DEPTH]
        for index, (row, spread) in enumerate(zip(mean, std, strict=True))
    ]
    titles = [f"{name}, {UNITS[name]}" if name in UNITS else name for name in DEPTH]
    cap = measured[0].depth.cap_m if measured[0].depth else math.nan
    caption = f"Errors of depth within {cap:g} m, unscaled; the first four are better small, the shares δ better large."
    columns = [("method and round", "text"), *((title, "number") for title in titles)]
    return table(caption, columns, rows, label="Errors of depth")


def removed(title: str, counts: Mapping[str, Sequence[int]], classes: ClassSet) -> Markup:
    """What refinement left of each class's labels."""
    rows = []
    for name, labelled, kept, least in zip(
        classes.names, counts["labelled"], counts["kept"], counts["thresholds"], strict=True
    ):
        lost = 100 * (1 - kept / labelled) if labelled else math.nan
        numbers = [cell(f"{value:,}", value=value) for value in (labelled, kept)]
        rows.append([head(name, value=name), *numbers, _rate(lost, math.nan, best=False, digits=1), _count(least)])
    columns = [("class", "text"), ("labelled, pixels", "number"), ("kept, pixels", "number")]
    columns += [("removed, %", "number"), ("smallest region kept, pixels", "number")]
    return table(f"{title}: labels before and after refinement.", columns, rows, label=f"Refinement, {title}")


def _count(value: int) -> Markup:
    return cell(f"{value:,}", value=value)


def _summary(metrics: Sequence[Metrics], classes: ClassSet) -> tuple[list[TableRow], list[TableRow]]:
    summary: pd.DataFrame = over_seeds(rows_of(metrics, classes))
    mean, std = (summary[summary.statistic == one].to_dict("records") for one in ("mean", "std"))
    return mean, std  # type: ignore[return-value]


def _name(row: TableRow) -> str:
    return f"{row['method']} {row['round']}"


def _best(rows: Sequence[TableRow], name: str, *, least: bool) -> set[int]:
    """Indices of the best rows to the digit that is shown; none where there is nothing to compare."""
    values = [round(row[name], 3 if name in DEPTH else 1) for row in rows]
    there = [value for value in values if not math.isnan(value)]
    if len(there) < 2:
        return set()
    wanted = min(there) if least else max(there)
    return {index for index, value in enumerate(values) if value == wanted}


def _rate(mean: float, std: float, *, best: bool, digits: int) -> Markup:
    if math.isnan(mean):
        return cell(hidden("none"), value="", mark="number")
    text = f"{mean:.{digits}f}" + ("" if math.isnan(std) else f" ± {std:.{digits}f}")
    return cell([text, hidden(" best")] if best else text, value=round(mean, 4), mark="best" if best else "")


def _protocol(one: Metrics, metrics: Sequence[Metrics]) -> str:
    """What a number of this row has to say of itself."""
    made, seeds = one.protocol, sorted(m.seed for m in metrics if (m.method, m.round) == (one.method, one.round))
    seeded = f"seeds {', '.join(map(str, seeds))}" if len(seeds) > 1 else f"seed {seeds[0]}"
    return (
        f"{seeded}; {one.images} images, labels {made.get('labels')}; {made.get('iterations')} iterations in all, "
        f"{made.get('selection')} one kept; begun from {made.get('init')}; statistics "
        f"{made.get('statistics')}; "
        f"code {made.get('code')}"
    )


def _quoted(one: Quoted, *, starred: bool) -> list[Markup]:
    values = [one.miou, *([one.miou_star] if starred else []), *one.rates]
    cells = [
        cell(hidden("none"), value="", mark="number") if value is None else cell(f"{value:.1f}", value=value)
        for value in values
    ]
    name = tag("span", one.method, " (quoted)", class_="quoted")
    return [head([name, tag("small", one.note)], value=f"{one.method} quoted"), *cells]
