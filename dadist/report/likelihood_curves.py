"""How likely the target is under the mixtures, by the scale of its depth and by its camera."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dadist.prior.alignment import Alignment
from dadist.report import charts
from dadist.report.figure_index import INK, ShownFigure
from dadist.storage.atomic import atomic

TICKS = [digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5)]
DEEP = 5.0  # nats below the best that are shown


def plot(found: Alignment, path: Path, *, dpi: int = 150) -> None:
    """Write the curve as PNG, all or nothing."""
    with charts.style(), atomic(path) as temporary:
        chart(found).savefig(temporary, format="png", dpi=dpi, facecolor="white", metadata={"Software": None})


def sought(found: Alignment) -> list[str]:
    """What was sought and has a curve, of "scale", "focal" and "horizon"."""
    return ["scale"] * bool(found.scales) + list(found.lenses)


def described(found: Alignment) -> ShownFigure:
    """What a page says of the curves."""
    numbers = {"scale": found.scale, **dict(zip(("focal", "horizon"), found.camera or (), strict=False))}
    taken = ", ".join(f"{name} {numbers[name]:.2g}" for name in sought(found))
    return ShownFigure(
        "alignment",
        "fusion",
        "What brings the target to the mixtures",
        "How likely the target is under the mixtures, by the scale a of its depth, z = a r + b, and by its camera, as "
        f"far as these were sought: the mean over {found.cells} cells, with what the network of adabn says of their "
        "classes. No label was opened. The dashed lines are what was taken.",
        f"Curves of likelihood. Taken: {taken}; with these, {found.likelihood:.2f} nats per cell.",
    )


def chart(found: Alignment) -> Figure:
    """A curve for each number that was sought, with a line where it was taken; without any a title alone."""
    names = sought(found)
    figure = Figure(figsize=(charts.WIDE / 2 * max(len(names), 1), 2.6))
    noise = "" if found.kind == "none" else f"noise {found.noise[0]:.2f} + {found.noise[1]:.2f} z"
    if not names:
        axes = figure.subplots()
        axes.set_axis_off()
        axes.set_title(f"{found.kind} depth: {noise}, {found.likelihood:.3f} nats per cell", loc="left")
        return figure
    for axes, name in zip(np.ravel(figure.subplots(1, len(names), squeeze=False)), names, strict=True):
        if name == "scale":
            title = f"a = {found.scale:.3g}, b = {found.offset:.2g}, {noise}"
            _curve(axes, found.scales, found.curve, found.scale, "scale a of z = a r + b", title)
        else:
            values, nats = zip(*found.lenses[name], strict=True)
            assert found.camera is not None
            taken = found.camera[name == "horizon"]
            meaning = {"focal": "focal length, times the source's", "horizon": "horizon, heights from the top"}[name]
            _curve(axes, values, nats, taken, meaning, f"{name} {taken:.3g}", log=name == "focal")
    return figure


def _curve(
    axes: Axes,
    values: Sequence[float],
    nats: Sequence[float],
    taken: float,
    meaning: str,
    title: str,
    *,
    log: bool = True,
) -> None:
    axes.plot(values, nats, marker="o", markersize=3, linewidth=1)
    axes.axvline(taken, color=INK, linewidth=0.8, linestyle="--")
    if log:
        axes.set_xscale("log")
        ticks = [tick for tick in TICKS if values[0] <= tick <= values[-1]]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
    axes.set_ylim(max(nats) - DEEP, max(nats) + 0.05 * DEEP)  # where values compete
    axes.set(xlabel=meaning, ylabel="nats per cell")
    axes.set_title(title, loc="left")
    axes.grid(axis="y")
