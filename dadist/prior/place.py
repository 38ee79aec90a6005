"""What the mixtures say before any image is seen: per class, component and cell, how likely the place is, and z there.

A joint normal is a normal over the place times one over z given the place, for diagonal and full covariances alike.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dadist.prior.camera import SAME, View
from dadist.prior.mixtures import Mixtures


class Place(NamedTuple):
    """Tables of C classes and K components over places of one shape S, such as the h x w cells of a grid."""

    log: NDArray[np.float64]  # (C, K, *S) log of weight times density of the place, nats; -inf for weight 0
    expected: NDArray[np.float64]  # (C, K, *S) mean of z given the place; 0 where z is no feature
    deviation: NDArray[np.float64]  # (C, K) standard deviation of z given the place; infinite where z is no feature


def place(mixtures: Mixtures, grid: tuple[int, int] | None = None, view: View = SAME) -> Place:
    """Tables over the mixtures' own grid, or over another one.

    Args:
        mixtures: Of the source.
        grid: Cells across and down; None for the mixtures' own.
        view: Where the grid's image stands in the source's.
    """
    # Centres of the cells, in cells of the mixtures' grid.
    x, y = (
        (np.arange(n) + 0.5) * (own / n * first) + (own * second - 0.5)
        for n, own, (first, second) in zip(grid or mixtures.grid, mixtures.grid, view, strict=True)
    )
    return at(mixtures, x[None, :], y[:, None])


def at(mixtures: Mixtures, x: NDArray[Any], y: NDArray[Any]) -> Place:
    """Tables over any places.

    Args:
        mixtures: Of the source.
        x: Columns in cells of the mixtures' grid, as it numbers them from 0.
        y: Rows, of a shape that broadcasts with that of ``x`` to S.
    """
    shape = np.broadcast_shapes(x.shape, y.shape)
    over = (..., *(None,) * len(shape))
    (sx, sy), root = mixtures.scale, np.linalg.cholesky(mixtures.covariances)[over]
    found = {"x": x * sx, "y": y * sy}
    with np.errstate(divide="ignore"):  # weight 0: log -inf, density 0
        log = np.log(mixtures.weights)[over]
    # Feature by feature with the covariance of those before it taken out; z comes last.
    log = np.broadcast_to(log, (*mixtures.weights.shape, *shape))
    expected, deviation = np.zeros_like(log), np.full(mixtures.weights.shape, np.inf)
    before = list[NDArray[Any]]()
    for i, feature in enumerate(mixtures.features):
        mean = mixtures.means[:, :, i][over] + sum(root[:, :, i, j] * one for j, one in enumerate(before))
        spread = root[:, :, i, i]
        if feature == "z":
            expected, deviation = expected + mean, spread.reshape(deviation.shape)
        else:
            log = log - np.log(spread * math.sqrt(2 * math.pi))
            before.append((found[feature] - mean) / spread)
            log = log - before[-1] ** 2 / 2
    return Place(log, expected, deviation)
