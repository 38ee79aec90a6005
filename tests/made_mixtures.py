"""Mixtures that were never fitted."""

import numpy as np
from numpy.typing import NDArray

from dadist.classes import CLASS_SETS
from dadist.prior.mixtures import Mixtures


def mixtures(
    weights: NDArray[np.float64],
    means: NDArray[np.float64],
    covariances: NDArray[np.float64],
    *,
    grid: tuple[int, int],
    scale: float = 1,
    features: str = "xyz",
) -> Mixtures:
    """By parameters alone; what describes the fit is made up."""
    count, k = weights.shape
    return Mixtures(
        features=features,
        weights=weights,
        means=means,
        covariances=covariances,
        scale=np.array([scale, scale]),
        grid=grid,
        numerator=65536,
        classes=CLASS_SETS[str(count)],
        components=k,
        covariance="full",
        seed=0,
        images=1,
        points=np.ones(count, np.int64),
        held_out=np.full(count, np.nan),
        median=1.0,
    )


def made_up(
    grid: tuple[int, int], *, scale: float = 1, full: bool = True, seed: int = 0, features: str = "xyz"
) -> Mixtures:
    """Seven classes of three components; class 2 has two, class 5 none, class 4 is a sky: all but constant in z."""
    random = np.random.default_rng(seed)
    weights = random.dirichlet(np.ones(3), 7)
    weights[2] = 0.4, 0.6, 0
    weights[5] = 0
    reach = np.array([grid[0] * scale, grid[1] * scale, 20])
    factors = np.tril(random.normal(size=(7, 3, 3, 3)) * 0.3, -1) + np.eye(3) * random.uniform(0.2, 0.5, (7, 3, 1, 3))
    roots = (factors if full else factors * np.eye(3)) * reach[:, None]
    roots[4, :, 2] = 0, 0, 0.05
    means = random.uniform(size=(7, 3, 3)) * reach
    means[4, :, 2] = 1
    chosen = ["xyz".index(feature) for feature in features]
    covariances = (roots @ roots.swapaxes(-1, -2))[..., chosen, :][..., chosen]
    return mixtures(weights, means[..., chosen], covariances, grid=grid, scale=scale, features=features)
