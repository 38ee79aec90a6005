"""The mixtures as charts: where in the image, and how far away, each class is expected."""

import math
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dadist.prior.mixtures import Mixtures
from dadist.report.charts import ACROSS, label, small_charts
from dadist.report.figure_index import INK

NEAREST_M, FARTHEST_M, BINS = 0.5, 655.0, 72  # z of 65535 cm is what data sets call far


def on_plane(mixtures: Mixtures) -> NDArray[np.float64]:
    """Density of each class over the cells, whatever its depth: ``(C, height, width)``, a class sums to at most 1.

    Raises:
        ValueError: The mixtures do not have both x and y.
    """
    at = [mixtures.features.find(one) for one in "xy"]
    if min(at) < 0:
        raise ValueError(f"mixtures: expected features x and y, got {mixtures.features}")
    width, height = mixtures.grid
    (sx, sy), cell = mixtures.scale, float(mixtures.scale.prod())
    x, y = np.meshgrid(np.arange(width) * sx, np.arange(height) * sy)
    places = np.stack((x, y), axis=-1)  # (height, width, 2)
    found = np.zeros((len(mixtures.classes), height, width))
    for c, weights in enumerate(mixtures.weights):
        for weight, mean, covariance in zip(weights, mixtures.means[c], mixtures.covariances[c], strict=True):
            if weight:
                part = covariance[np.ix_(at, at)]
                away = places - mean[at]
                distance = np.einsum("hwi,ij,hwj->hw", away, np.linalg.inv(part), away)
                norm = 2 * math.pi * math.sqrt(float(np.linalg.det(part)))
                found[c] += weight * cell * np.exp(-distance / 2) / norm
    return found


def over_depth(mixtures: Mixtures) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of each class in each bin of depth, wherever in the image it is.

    The bins are equal on a logarithmic scale. Their shares are differences of the normal distribution function, so
    that a component as narrow as that of the sky cannot fall between two of them.

    Returns:
        Edges in metres ``(BINS + 1,)`` and shares ``(C, BINS)``; a class sums to at most 1.

    Raises:
        ValueError: The mixtures do not have z.
    """
    at = mixtures.features.find("z")
    if at < 0:
        raise ValueError(f"mixtures: expected feature z, got {mixtures.features}")
    edges = np.geomspace(NEAREST_M, FARTHEST_M, BINS + 1)
    z = mixtures.numerator / (100 * edges + 1)
    z[-1] = -math.inf  # what is farther than the farthest is far
    deviation = np.sqrt(mixtures.covariances[:, :, at, at])[..., None]
    scaled = (z - mixtures.means[:, :, at, None]) / (deviation * math.sqrt(2))
    below = (1 + np.vectorize(math.erf)(scaled)) / 2  # (C, K, BINS + 1)
    shares: NDArray[np.float64] = (mixtures.weights[..., None] * -np.diff(below, axis=-1)).sum(1)
    return edges, shares


def planes(mixtures: Mixtures) -> Figure:
    """One small map per class, each from 0 to its own densest cell."""
    found = on_plane(mixtures)
    width, height = mixtures.grid
    figure, grid = small_charts(len(found), 2.1 * height / width + 0.35)
    for axes, name, density in zip(grid, mixtures.classes.names, found, strict=True):
        axes.imshow(density, cmap="viridis", vmin=0, aspect="equal", interpolation="nearest")
        axes.set_title(label(name), loc="left")
        if not density.any():
            _without(axes)
    _outer(grid, "column, cells", "row, cells")
    return figure


def depths(mixtures: Mixtures) -> Figure:
    """One small histogram per class over depth in metres, each to its own height, in the class's colour."""
    edges, shares = over_depth(mixtures)
    figure, grid = small_charts(len(shares), 1.35, sharex=True)
    for axes, one, mine in zip(grid, mixtures.classes.categories, shares, strict=True):
        colour = tuple(channel / 255 for channel in one.colour)
        axes.stairs(100 * mine, edges, fill=True, facecolor=colour, edgecolor=INK, linewidth=0.5)
        axes.set(xscale="log", ylim=(0, None))
        axes.set_xticks([1, 3, 10, 30, 100, 300], ["1", "3", "10", "30", "100", "300"])
        axes.minorticks_off()
        axes.locator_params(axis="y", nbins=3)
        axes.set_title(label(one.name), loc="left")
        if not mine.any():
            _without(axes)
    _outer(grid, "depth, m", "pixels, %")
    return figure


def _without(axes: Any) -> None:
    axes.text(0.5, 0.5, "no pixel on the source", transform=axes.transAxes, ha="center", va="center")


def _outer(grid: list[Any], across: str, down: str) -> None:
    """Labels where they are needed once."""
    for axes in grid[-ACROSS:]:
        axes.set_xlabel(across)
    for axes in grid[::ACROSS]:
        axes.set_ylabel(down)
