"""How likely the target's depth is under the mixtures, by the scale that it is given."""

from pathlib import Path

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


def told(found: Alignment) -> ShownFigure:
    """What a page says of the curve of relative depth."""
    return ShownFigure(
        "alignment",
        "fusion",
        "Scale of the depth files",
        f"How likely the target's depth is under the mixtures, by the scale a of z = a r + b: the mean over "
        f"{found.cells} cells, with what the network of adabn says of their classes. No label was opened. The dashed "
        "line is the scale taken.",
        f"A curve over scales. {found.scale:.2g} is taken; the best point of the curve has {max(found.curve):.2f} nats "
        "per cell.",
        light=False,
    )


def chart(found: Alignment) -> Figure:
    """The curve with a line at the scale that was taken; metric depth has a title alone."""
    figure = Figure(figsize=(charts.WIDE / 2, 2.6))
    axes = figure.subplots()
    noise = f"noise {found.noise[0]:.2f} + {found.noise[1]:.2f} z"
    if found.scales:
        axes.plot(found.scales, found.curve, marker="o", markersize=3, linewidth=1)
        axes.axvline(found.scale, color=INK, linewidth=0.8, linestyle="--")
        axes.set_xscale("log")
        ticks = [tick for tick in TICKS if found.scales[0] <= tick <= found.scales[-1]]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_ylim(max(found.curve) - DEEP, max(found.curve) + 0.05 * DEEP)  # where scales compete
        axes.set(xlabel="scale a of z = a r + b", ylabel="nats per cell")
        axes.set_title(f"a = {found.scale:.3g}, b = {found.offset:.2g}, {noise}", loc="left")
    else:
        axes.set_axis_off()
        axes.set_title(f"depth in metres: {noise}, {found.likelihood:.3f} nats per cell", loc="left")
    axes.grid(axis="y")
    return figure
