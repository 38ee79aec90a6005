"""Charts, each as SVG and PNG: the same bytes for the same numbers, ink that a page can recolour, no second axis."""

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dadist.report.figure_index import FAINT, INK
from dadist.storage.atomic import atomic

# Colours for people who see fewer: Okabe and Ito, Color Universal Design, 2008, without black, which is the ink's.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#a89600")
EDGE = "#868d96"  # of points, which are pixels: 3 to 1 on white and 5 to 1 on a dark page
ACROSS = 4  # small charts per row
LONGEST = 32  # characters of a name
WIDE = 9.0  # inches

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.prop_cycle": cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 8,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "text.parse_math": False,  # and "$x_1$" in a name is no formula
    "svg.hashsalt": "dadist",  # ids do not change from run to run
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 7,
    "ytick.color": INK,
    "ytick.labelsize": 7,
}


class Curve(NamedTuple):
    """Values over steps."""

    steps: list[int]
    values: list[float]


def label(name: str) -> str:
    """A name as a chart has room for: on one line, of what can be printed, and not longer than LONGEST.

    Behind a space if it begins with an underscore: matplotlib leaves such names out of legends.
    """
    line = "".join(one if one.isprintable() else "?" for one in " ".join(name.split()))
    line = f" {line}" if line.startswith("_") else line
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def style() -> AbstractContextManager[None]:
    """The look of every chart, while the block lasts."""
    found: AbstractContextManager[None] = matplotlib.rc_context(STYLE)
    return found


def save(figure: Figure, folder: Path, name: str, dpi: int) -> None:
    """Write ``name``.svg, transparent, and ``name``.png, on white."""
    with atomic(folder / f"{name}.svg") as path:
        figure.savefig(path, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    with atomic(folder / f"{name}.png") as path:
        figure.savefig(path, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})


def small_charts(count: int, height: float, **axes: Any) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` axes in rows of ACROSS, or of all if they are fewer, each ``height`` inches high."""
    down, across = -(-count // ACROSS), min(count, ACROSS)
    figure = Figure(figsize=(WIDE, height * down + 0.3))
    grid = figure.subplots(down, across, squeeze=False, **axes).ravel().tolist()
    for spare in grid[count:]:
        spare.set_visible(False)
    return figure, grid[:count]


def curves(terms: Mapping[str, Sequence[Curve]]) -> Figure:
    """One small chart per term of an objective, one line per seed; each to its own height."""
    figure, grid = small_charts(len(terms), 1.6)
    for axes, (name, lines) in zip(grid, terms.items(), strict=True):
        for index, line in enumerate(lines):
            axes.plot(line.steps, line.values, color=PALETTE[index % len(PALETTE)], linewidth=1, marker=_marker(line))
        axes.set_title(name, loc="left")
        axes.grid(axis="y")
        axes.locator_params(nbins=4)
    for axes in grid[-ACROSS:]:
        axes.set_xlabel("step")
    for axes in grid[::ACROSS]:
        axes.set_ylabel("mean of a window")
    return figure


def _marker(line: Curve) -> str:
    """A dot for a line of one point, which would be none."""
    return "o" if len(line.steps) == 1 else ""


def bars(
    names: Sequence[str], rates: NDArray[np.float64], spread: NDArray[np.float64], titles: Sequence[str]
) -> Figure:
    """One small chart per column, one bar per model; whiskers are a deviation over seeds either way.

    Args:
        names: Of the models.
        rates: Percent, ``(models, columns)``; nan: none.
        spread: Standard deviations, same shape; nan: none.
        titles: Of the columns.
    """
    figure, grid = small_charts(len(titles), 0.55 + 0.17 * len(names), sharey=True)
    places = np.arange(len(names))
    for column, (axes, title) in enumerate(zip(grid, titles, strict=True)):
        width, error = np.nan_to_num(rates[:, column]), np.nan_to_num(spread[:, column])
        colours = [PALETTE[index % len(PALETTE)] for index in range(len(names))]
        axes.barh(places, width, xerr=error if error.any() else None, color=colours, height=0.7, ecolor=INK)
        for place, rate in zip(places, rates[:, column], strict=True):
            if math.isnan(rate):
                axes.text(1, float(place), "none", va="center", fontsize=7)
        axes.set(xlim=(0, 100), title=label(title))
        axes.grid(axis="x")
    grid[0].set_yticks(places, names)
    grid[0].invert_yaxis()
    for axes in grid[-ACROSS:]:
        axes.set_xlabel("IoU, %")
    return figure


def matrix(counts: NDArray[np.float64], classes: Sequence[str]) -> Figure:
    """A confusion matrix, ``(C, C)`` pixels with the truth as rows; a row sums to 100 %, and is grey if it is empty."""
    total = counts.sum(1, keepdims=True)
    shares = np.divide(100 * counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    side = 2.0 + 0.34 * len(classes)
    figure = Figure(figsize=(side + 0.6, side))
    axes = figure.subplots()
    colours = matplotlib.colormaps["cividis"].with_extremes(bad=FAINT)
    shown = axes.pcolormesh(np.ma.masked_invalid(shares), cmap=colours, vmin=0, vmax=100)
    for row, column in np.argwhere(shares >= 0.5):
        share = shares[row, column]
        colour = "black" if share > 55 else "white"
        axes.text(column + 0.5, row + 0.5, f"{share:.0f}", ha="center", va="center", fontsize=7, color=colour)
    centres = np.arange(len(classes)) + 0.5
    names = [label(name) for name in classes]
    axes.set_xticks(centres, names, rotation=90)
    axes.set_yticks(centres, names)
    axes.tick_params(length=0)
    axes.invert_yaxis()
    axes.set_aspect("equal")
    axes.set(xlabel="predicted", ylabel="truth")
    figure.colorbar(shown, ax=axes, label="share of the true class's pixels, %", shrink=0.7)
    return figure


def scatter(spaces: Mapping[str, Mapping[str, NDArray[Any]]], classes: Sequence[str], colours: Sequence[str]) -> Figure:
    """Points of both domains in the plane: one colour per class, one marker per domain; axes of a t-SNE have no unit.

    Args:
        spaces: Title → "domain", "label" (train id), "x", "y", ``(N,)`` each.
        classes: Names.
        colours: One per class.
    """
    figure = Figure(figsize=(WIDE, 4.9))
    for axes, (title, points) in zip(figure.subplots(1, len(spaces), squeeze=False)[0], spaces.items(), strict=True):
        for domain, marker, size in (("source", "o", 9), ("target", "X", 16)):
            mine = points["domain"] == domain
            shade = [colours[found] for found in points["label"][mine]]
            at = points["x"][mine], points["y"][mine]
            axes.scatter(*at, s=size, c=shade, marker=marker, edgecolors=EDGE, linewidths=0.4, rasterized=True)
        axes.set(title=title, xticks=[], yticks=[], aspect="equal", adjustable="datalim")
    seen = sorted({int(found) for points in spaces.values() for found in points["label"]})
    line = matplotlib.lines.Line2D
    keys = [line([], [], marker=m, color=INK, linestyle="", label=d) for d, m in (("source", "o"), ("target", "X"))]
    keys += [line([], [], marker="s", color=colours[at], linestyle="", label=label(classes[at])) for at in seen]
    figure.legend(handles=keys, loc="outside lower center", ncols=7)
    return figure
