"""What the mixtures say before any image is seen: per class, component and cell, how likely the place is, and z there.

A joint normal is a normal over the place times one over z given the place, for diagonal and full covariances alike.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dadist.prior.mixtures import Mixtures


class Place(NamedTuple):
    """Tables of C classes and K components over the h x w cells of a grid."""

    log: NDArray[np.float64]  # (C, K, h, w) log of weight times density of the place, nats; -inf for weight 0
    expected: NDArray[np.float64]  # (C, K, h, w) mean of z given the place; 0 where z is no feature
    deviation: NDArray[np.float64]  # (C, K) standard deviation of z given the place; infinite where z is no feature


def place(mixtures: Mixtures, grid: tuple[int, int] | None = None) -> Place:
    """Tables over the mixtures' own grid, or over another one that covers the same image.

    Args:
        mixtures: Of the source.
        grid: Cells across and down; None for the mixtures' own.
    """
    width, height = grid or mixtures.grid
    # Centres of the cells, in cells of the mixtures' grid.
    x, y = ((np.arange(n) + 0.5) * (own / n) - 0.5 for n, own in zip((width, height), mixtures.grid, strict=True))
    (sx, sy), root = mixtures.scale, np.linalg.cholesky(mixtures.covariances)[..., None, None]
    at = {"x": (x * sx)[None, :], "y": (y * sy)[:, None]}
    with np.errstate(divide="ignore"):  # weight 0: log -inf, density 0
        log = np.log(mixtures.weights)[..., None, None]
    # Feature by feature with the covariance of those before it taken out; z comes last.
    log = np.broadcast_to(log, (*mixtures.weights.shape, height, width))
    expected, deviation = np.zeros_like(log), np.full(mixtures.weights.shape, np.inf)
    before = list[NDArray[Any]]()
    for i, feature in enumerate(mixtures.features):
        mean = mixtures.means[:, :, i, None, None] + sum(root[:, :, i, j] * one for j, one in enumerate(before))
        if feature == "z":
            expected, deviation = expected + mean, root[:, :, i, i, 0, 0]
        else:
            log = log - np.log(root[:, :, i, i] * math.sqrt(2 * math.pi))
            before.append((at[feature] - mean) / root[:, :, i, i])  # (C, K, height or 1, width or 1)
            log = log - before[-1] ** 2 / 2
    return Place(log, expected, deviation)
