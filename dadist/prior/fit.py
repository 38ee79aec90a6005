"""Fitting mixtures of normals over (column, row, inverse depth), or some of these, one per class, to points."""

import logging
import math
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dadist.classes import ClassSet
from dadist.config.prior_sections import FitGmm
from dadist.prior import em
from dadist.prior.mixtures import FEATURES, Mixtures

LOG = logging.getLogger(__name__)


def fit(
    points: Sequence[NDArray[np.float64]],
    settings: FitGmm,
    *,
    classes: ClassSet,
    grid: tuple[int, int],
    numerator: float,
    images: int,
    progress: Callable[[int], None] | None = None,
) -> Mixtures:
    """Fit one mixture per class by expectation maximisation, started from k-means.

    A class with fewer than ten points per component gets fewer components; one with fewer than two points gets none,
    so its density is 0, and is warned about.

    Args:
        points: Per class ``(n, 3)``: column, row, inverse depth, as ``points.sample`` draws them.
        settings: ``components`` a class; ``covariance``, diagonal (the authors') or full; ``features``, those that the
            normals are over; ``coordinates``, "cells" (the authors') or "height", which divides columns and rows by
            the grid's height; ``reg_covar``, added to every variance, in scaled features, which keeps a constant z
            (sky) from a variance of 0; ``z_floor``, the least standard deviation of z that a component is left with;
            ``held_out``, the share of the points kept from the fit to measure its likelihood; ``seed``, of k-means,
            of the sample that it sees, and of the choice of held-out points.
        classes: Class set.
        grid: Cells across and down.
        numerator: Of the inverse depth.
        images: That the points come from.
        progress: Called with the number of classes done.

    Raises:
        ValueError: No class has two points, or a covariance is not positive definite.
    """
    if not any(len(these) >= 2 for these in points):
        raise ValueError("points: expected two or more of some class, got none; see whether the labels are all ignored")
    scale = np.ones(2) if settings.coordinates == "cells" else np.full(2, 1 / grid[1])
    features = "".join(feature for feature in FEATURES if feature in settings.features)
    columns = [FEATURES.index(feature) for feature in features]
    factors = np.array([*scale, 1.0])[columns, None]
    fits = []
    for name, these in zip(classes.names, points, strict=True):
        fits.append(_fit_class(these.T[columns] * factors, features, settings, name))
        if progress:
            progress(len(fits))
    weights, means, covariances, used, likelihoods, medians = map(np.stack, zip(*fits, strict=True))
    return Mixtures(
        features=features,
        weights=weights,
        means=means,
        covariances=covariances,
        scale=scale,
        grid=grid,
        numerator=numerator,
        classes=classes,
        components=settings.components,
        covariance=settings.covariance,
        seed=settings.seed,
        images=images,
        points=used,
        held_out=likelihoods,
        median=math.exp(np.average(medians, weights=used)),
    )


class _Fit(NamedTuple):
    """A class's share of Mixtures; ``median`` is a log-density."""

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]
    points: int
    held_out: float
    median: float


def _fit_class(points: NDArray[np.float64], features: str, settings: FitGmm, name: str) -> _Fit:
    """Fit scaled points ``(F, n)`` of one class; components that it does without have weight 0."""
    size, count = points.shape
    weights, means = np.zeros(settings.components), np.zeros((settings.components, size))
    covariances = np.tile(np.eye(size), (settings.components, 1, 1))
    if count < 2:
        LOG.warning("%s: %d points, so its density is 0; give fit_gmm more images", name, count)
        return _Fit(weights, means, covariances, 0, math.nan, 0.0)
    shuffled = np.random.default_rng(settings.seed).permutation(points, axis=1)
    kept = count - min(int(settings.held_out * count), count - 2)
    k = min(settings.components, max(1, kept // 10))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            weights[:k], means[:k], covariances[:k] = em.fit(
                shuffled[:, :kept],
                k,
                covariance=settings.covariance,
                reg_covar=settings.reg_covar,
                seed=settings.seed,
            )
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    for warning in caught:
        LOG.warning("%s: %s", name, warning.message)
    if settings.z_floor is not None and features.endswith("z"):
        # A larger variance of z leaves a covariance positive definite.
        covariances[:k, -1, -1] = np.maximum(covariances[:k, -1, -1], settings.z_floor**2)
    density = em.log_density(em.Mixture(weights[:k], means[:k], covariances[:k]), shuffled)
    likelihood = float(density[kept:].mean()) if kept < count else math.nan
    return _Fit(weights, means, covariances, kept, likelihood, float(np.median(density[:kept])))
