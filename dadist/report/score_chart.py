"""The chart that a page opens with: mIoU of every method and round, one dot per seed."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from dadist.evaluation.confusion import Metrics
from dadist.report.charts import PALETTE
from dadist.report.figure_index import FAINT, INK, ShownFigure
from dadist.report.figure_set import FigureSet

WIDTH, ROW = 5.6, 0.23  # inches: the figure, and the height of a row
BETWEEN = 0.5  # rows left free between two methods
NARROWEST = 4.0  # points of mIoU that the axis has at least: noise shall not look like a result


class Score(NamedTuple):
    """A row of the chart."""

    method: str
    round: str
    values: list[float]  # mIoU of each seed, percent

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return float(np.mean(self.values))


def scores(metrics: Sequence[Metrics]) -> list[Score]:
    """Methods and rounds in the order of the metrics; models without a mean have no dot."""
    found: dict[tuple[str, str], list[float]] = {}
    for one in metrics:
        if one.miou() == one.miou():
            found.setdefault((one.method, one.round), []).append(one.miou())
    return [Score(method, name, values) for (method, name), values in found.items()]


def chart(rows: Sequence[Score]) -> Figure:
    """One row per method and round: a dot per seed, a line at their mean, which stands at the right.

    The best mean is bold. Rounds of a method are linked, and each has its colour.
    """
    steps = [1.0 if one.method == before.method else 1 + BETWEEN for before, one in itertools.pairwise(rows)]
    places = np.concatenate([[0.0], np.cumsum(steps)])
    figure = Figure(figsize=(WIDTH, 0.65 + ROW * (float(places[-1]) + 1)))
    axes, best = figure.subplots(), max(round(one.mean, 1) for one in rows)
    for at, (place, row) in enumerate(zip(places.tolist(), rows, strict=True)):
        colour = PALETTE[int(row.round[1:]) % len(PALETTE)]
        if at and rows[at - 1].method == row.method:
            link = [rows[at - 1].mean, row.mean], [places[at - 1], place]
            axes.plot(*link, color=FAINT, linewidth=1.2, zorder=1)
        axes.scatter(row.values, [place] * len(row.values), s=22, color=colour, linewidths=0, zorder=3)
        if len(row.values) > 1:
            axes.plot([row.mean], [place], marker="|", markersize=11, markeredgewidth=1.4, color=INK, zorder=2)
        weight = "bold" if round(row.mean, 1) == best else "normal"
        axes.text(1.02, place, f"{row.mean:.1f}", transform=axes.get_yaxis_transform(), va="center", weight=weight)
    names = [
        row.round if at and rows[at - 1].method == row.method else f"{row.method} {row.round}"
        for at, row in enumerate(rows)
    ]
    axes.set_yticks(places, names, fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(places[-1] + 0.7, -0.7)
    axes.set_xlim(*_ends([value for row in rows for value in row.values]))
    axes.grid(axis="x")
    axes.set_xlabel("mIoU, %")
    axes.spines["left"].set_visible(False)
    return figure


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Of the axis: all values with a margin, and NARROWEST at least."""
    low, high = min(values), max(values)
    half = max(high - low, NARROWEST) * 0.54
    return (low + high) / 2 - half, (low + high) / 2 + half


def add(drawn: FigureSet, metrics: Sequence[Metrics]) -> None:
    """The chart as a figure of a set, if there is a score."""
    rows = scores(metrics)
    if not rows:
        return
    several = max(len(row.values) for row in rows) > 1
    dots = "One dot per seed; the line and the number are their mean" if several else "One dot per model"
    caption = f"{dots}. The best is bold. The axis does not begin at 0."
    said = "; ".join(f"{row.method} {row.round} {row.mean:.1f}" for row in rows)
    title = "mIoU of each method and round"
    about = ShownFigure("miou", "overview", title, caption, f"Dots over mIoU in percent: {said}.")
    drawn.add(chart(rows), about)
