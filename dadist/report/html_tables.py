"""The tables of the page: our rows beside the published ones, errors of depth, what refinement removed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from dadist.classes import ClassSet
from dadist.evaluation.confusion import Metrics
from dadist.evaluation.depth import NAMES as DEPTH
from dadist.report.html import Content, Markup, cell, details, head, hidden, table, tag
from dadist.report.quotations import Quoted
from dadist.report.tables import over_seeds
from dadist.report.tables import table as rows_of

LESS_IS_BETTER = ("abs_rel", "sq_rel", "rms", "log_rms")
UNITS = {"sq_rel": "m", "rms": "m", "log_rms": "nats"}
# What a row's protocol says, by key and title.
PROTOCOL = (
    ("labels", "labels"),
    ("iterations", "iterations in all"),
    ("selection", "model kept"),
    ("init", "begun from"),
    ("statistics", "statistics"),
    ("protocol", "protocol"),
    ("code", "code"),
)
TableRow = Mapping[str, Any]


def results(metrics: Sequence[Metrics], classes: ClassSet, published: Sequence[Quoted]) -> list[Markup]:
    """Rates of every method and round, the best of ours marked, the published rows below; then how each was made."""
    mean, std = _summary(metrics, classes)
    starred = len(classes.starred) < len(classes)
    columns = ["miou", *(["miou_star"] if starred else []), *classes.names]
    best = {name: _best(mean, name, least=False) for name in columns}
    rows = [
        [*_names(row), *(_rate(row[name], spread[name], _mark(index, best[name]), digits=1) for name in columns)]
        for index, (row, spread) in enumerate(zip(mean, std, strict=True))
    ]
    rows += [_quoted(one, starred=starred) for one in published]
    several = len({one.seed for one in metrics}) > 1
    means = "mean ± standard deviation over the seeds" if several else f"of seed {metrics[0].seed}"
    caption = f"Intersection over union, percent, on the target's validation images: {means}."
    caption += _told(best.values())
    if published:
        caption += " Rows in italics are quoted from a poster, each under a protocol of its own, and are not ranked."
    titles = [("method", "text"), ("round", "text"), *_titles(classes, starred=starred)]
    whole = table(caption, titles, rows, label="Results of every method, round and class")
    return [whole, details("How each row was made: protocol, seeds, code", protocols(metrics), notes(published))]


def protocols(metrics: Sequence[Metrics]) -> Markup:
    """What a number of each row has to say of itself."""
    rows = []
    for method, name in dict.fromkeys((one.method, one.round) for one in metrics):
        mine = [one for one in metrics if (one.method, one.round) == (method, name)]
        made, seeds = mine[0].protocol, ", ".join(str(one) for one in sorted(one.seed for one in mine))
        told = (seeds, mine[0].images, *(made.get(key, "") for key, _ in PROTOCOL))
        rows.append([*_names({"method": method, "round": name}), *(cell(one, value=str(one)) for one in told)])
    titles = ("method", "round", "seeds", "images", *(title for _, title in PROTOCOL))
    return table("One protocol per row.", [(title, "text") for title in titles], rows, label="Protocol of each row")


def notes(published: Sequence[Quoted]) -> Markup | None:
    """What makes the protocol of each published row differ."""
    if not published:
        return None
    return tag("ul", *(tag("li", tag("i", one.method), f" (quoted): {one.note}.") for one in published))


def quoted_alone(published: Sequence[Quoted], classes: ClassSet) -> list[Markup]:
    """The published rows in a table of their own, where they are of other data."""
    starred = len(classes.starred) < len(classes)
    whole = table(
        "Intersection over union, percent, as quoted in the poster; each row under a protocol of its own.",
        [("method", "text"), ("round", "text"), *_titles(classes, starred=starred)],
        [_quoted(one, starred=starred) for one in published],
        label="Published results on the real data sets",
    )
    return [whole, details("What makes the protocols differ", notes(published))]


def depths(metrics: Sequence[Metrics], classes: ClassSet) -> Markup | None:
    """Errors of depth of the models that have a head for it."""
    measured = [one for one in metrics if one.depth]
    if not measured:
        return None
    mean, std = _summary(measured, classes)
    best = {name: _best(mean, name, least=name in LESS_IS_BETTER) for name in DEPTH}
    rows = [
        [*_names(row), *(_rate(row[name], spread[name], _mark(index, best[name]), digits=3) for name in DEPTH)]
        for index, (row, spread) in enumerate(zip(mean, std, strict=True))
    ]
    titles = [f"{name}, {UNITS[name]}" if name in UNITS else name for name in DEPTH]
    cap = measured[0].depth.cap_m if measured[0].depth else math.nan
    caption = f"Errors of depth within {cap:g} m, unscaled; the first four are better small, the shares δ better large."
    caption += _told(best.values())
    columns = [("method", "text"), ("round", "text"), *((title, "number") for title in titles)]
    return table(caption, columns, rows, label="Errors of depth")


def removed(title: str, counts: Mapping[str, Sequence[int]], classes: ClassSet) -> Markup:
    """What refinement left of each class's labels."""
    rows = []
    for name, labelled, kept, least in zip(
        classes.names, counts["labelled"], counts["kept"], counts["thresholds"], strict=True
    ):
        lost = 100 * (1 - kept / labelled) if labelled else math.nan
        numbers = [cell(f"{value:,}", value=value) for value in (labelled, kept)]
        rows.append([head(name, value=name), *numbers, _rate(lost, math.nan, "", digits=1), _count(least)])
    columns = [("class", "text"), ("labelled, pixels", "number"), ("kept, pixels", "number")]
    columns += [("removed, %", "number"), ("smallest region kept, pixels", "number")]
    return table(f"{title}: labels before and after refinement.", columns, rows, label=f"Refinement, {title}")


def _count(value: int) -> Markup:
    return cell(f"{value:,}", value=value)


def _summary(metrics: Sequence[Metrics], classes: ClassSet) -> tuple[list[TableRow], list[TableRow]]:
    summary: pd.DataFrame = over_seeds(rows_of(metrics, classes))
    mean, std = (summary[summary.statistic == one].to_dict("records") for one in ("mean", "std"))
    return mean, std  # type: ignore[return-value]


def _titles(classes: ClassSet, *, starred: bool) -> list[tuple[str, str]]:
    titles = ["mIoU", *([f"mIoU* ({len(classes.starred)})"] if starred else []), *classes.names]
    return [(title, "number") for title in titles]


def _names(row: TableRow) -> list[Markup]:
    """Method and round; a click on "method" keeps the rounds of each in their order."""
    name = f"{row['method']} {row['round']}"
    return [head(row["method"], value=name), cell(row["round"], value=row["round"])]


def _best(rows: Sequence[TableRow], name: str, *, least: bool) -> set[int]:
    """Indices of the best rows to the digit that is shown; none where there is nothing to compare or all are equal."""
    values = [round(row[name], 3 if name in DEPTH else 1) for row in rows]
    there = [value for value in values if not math.isnan(value)]
    if len(set(there)) < 2:
        return set()
    wanted = min(there) if least else max(there)
    return {index for index, value in enumerate(values) if value == wanted}


def _mark(index: int, best: set[int]) -> str:
    """Of a cell: "best", "tie" if it shares that with others, or none."""
    if index not in best:
        return ""
    return "best" if len(best) == 1 else "tie"


def _told(best: Iterable[set[int]]) -> str:
    """What the marks of a table mean, as far as it has them."""
    sizes = {len(one) for one in best}
    said = " The best of our rows in each column is marked." if sizes - {0} else ""
    return said + (" = marks rows that share it." if sizes - {0, 1} else "")


def _rate(mean: float, std: float, mark: str, *, digits: int) -> Markup:
    if math.isnan(mean):
        return cell(hidden("none"), value="", mark="number")
    said: list[Content] = [f"{mean:.{digits}f}"]
    if mark:
        said = [hidden("best "), *said] if mark == "best" else ["= ", hidden("shared best "), *said]
    if not math.isnan(std):
        said.append(tag("small", f" ± {std:.{digits}f}"))
    return cell(said, value=round(mean, 4), mark=mark)


def _quoted(one: Quoted, *, starred: bool) -> list[Markup]:
    values = [one.miou, *([one.miou_star] if starred else []), *one.rates]
    cells = [
        cell(hidden("none"), value="", mark="number") if value is None else cell(f"{value:.1f}", value=value)
        for value in values
    ]
    name = tag("span", one.method, " (quoted)", class_="quoted")
    return [head(name, value=f"{one.method} quoted"), cell("", value=""), *cells]
