"""Fitting a mixture of normals: scikit-learn's expectation maximisation, a chunk of points in the cache at a time.

With d = x - mean of a component, its log-likelihood of a point x is a sum over the products d_i d_j, i <= j, and the
next covariance is made of sums of the same products over the points, weighted by how much of each is the component's.
So a chunk's products are laid out once, for diagonal covariances those with i = j alone, with a row of ones for what
is constant; both sums are then products of matrices. Differences are taken before squares: points at z = 65536 with a
deviation of 0.001 keep their digits, which they lose in scikit-learn's sum of x^2 less the squared mean. Nothing of the
size of the points is kept.
"""

import math
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

CHUNK = 20_000  # points; no power of two, at which the rows of an array fall on the same lines of the cache
SAMPLE = 50_000  # points that k-means and the first iterations see
TOLERANCE, ITERATIONS = 1e-3, 100  # scikit-learn's: nats of the mean log-likelihood, and the most there are
SMALLEST = 1e-290  # density that is taken as it is

Floats = NDArray[np.float64]


class Mixture(NamedTuple):
    """K normals over F features."""

    weights: Floats  # (K,), above 0
    means: Floats  # (K, F)
    covariances: Floats  # (K, F, F)


def fit(points: Floats, components: int, *, covariance: str, reg_covar: float, seed: int) -> Mixture:
    """Fit by expectation maximisation from k-means, on one thread: the same numbers every time.

    Up to ``SAMPLE`` points, these are the numbers of scikit-learn's GaussianMixture with its defaults and this
    ``random_state``. Of more points, a sample is fitted so first; its mixture is where the fit to all of them starts.

    Args:
        points: ``(F, n)``; as many as components or more.
        components: K.
        covariance: "diag" or "full".
        reg_covar: Added to every variance.
        seed: Of k-means and of the sample.

    Raises:
        ValueError: A covariance is not positive definite.
    """
    from sklearn.cluster import KMeans  # seconds to import: only where needed

    size, count = points.shape
    sample = points
    if count > SAMPLE:
        sample = points[:, np.random.default_rng(seed).choice(count, SAMPLE, replace=False)].copy()
    with threadpool_limits(1):  # threads add up their sums in the order they end in
        clusters = KMeans(components, n_init=1, random_state=seed).fit(np.ascontiguousarray(sample.T))
        weights, spheres = np.full(components, 1 / components), np.tile(np.eye(size), (components, 1, 1))
        mixture = Mixture(weights, clusters.cluster_centers_, spheres)
        mixture, _ = step(sample, mixture, covariance=covariance, reg_covar=reg_covar, labels=clusters.labels_)
        mixture, converged = _climb(sample, mixture, covariance, reg_covar)
        if count > SAMPLE:
            mixture, converged = _climb(points, mixture, covariance, reg_covar)
    _roots(mixture.covariances)  # of the last one nobody has asked yet
    if not converged:
        warnings.warn(
            f"the mean log-likelihood still changed by {TOLERANCE} nats or more after {ITERATIONS} iterations; "
            "if the density looks odd, give fit_gmm fewer components",
            RuntimeWarning,
            stacklevel=2,
        )
    return mixture


def step(
    points: Floats,
    mixture: Mixture,
    *,
    covariance: str,
    reg_covar: float,
    labels: NDArray[np.integer[Any]] | None = None,
) -> tuple[Mixture, float]:
    """One iteration: the mixture that follows, and the mean log-likelihood under the one that was, nats.

    Args:
        points: ``(F, n)``.
        mixture: Before.
        covariance: "diag" or "full".
        reg_covar: Added to every variance.
        labels: ``(n,)`` of 0 to K - 1, the component that a point belongs to entirely; all that the mixture does then
            is to give the sums their origin, and the log-likelihood is of no use.
    """
    (k, f), chosen = mixture.means.shape, _pairs(mixture.means.shape[1], covariance)
    first, sums, likelihood = np.zeros((k, f, 1)), np.zeros((k, len(chosen[0]) + 1, 1)), 0.0
    for begin, x, products, part, logs in _seen(points, mixture, chosen):
        likelihood += float(logs.sum())
        if labels is not None:
            np.equal(labels[begin : begin + CHUNK], np.arange(k)[:, None], out=part, casting="unsafe")
        first += x @ part[..., None]
        sums += products @ part[..., None]
    share, second = sums[:, -1], np.zeros((k, f, f))
    second[:, *chosen] = second[:, *chosen[::-1]] = sums[:, :-1, 0]
    counts = share + 10 * np.finfo(np.float64).eps  # as scikit-learn guards components without a point
    means = first[..., 0] / counts
    # The sums were about the means that were.
    moved, offset = means - mixture.means, first[..., 0] - share * mixture.means
    cross = offset[:, :, None] * moved[:, None]
    second += share[..., None] * moved[:, :, None] * moved[:, None] - cross - cross.swapaxes(1, 2)
    if covariance == "diag":
        second *= np.eye(f)
    covariances = second / counts[..., None] + reg_covar * np.eye(f)
    return Mixture(counts[:, 0] / counts.sum(), means, covariances), likelihood / points.shape[1]


def log_density(mixture: Mixture, points: Floats) -> Floats:
    """log sum_k w_k N(point; mean_k, covariance_k), ``(n,)`` nats, of points ``(F, n)``."""
    chosen = _pairs(len(points), "full")
    with threadpool_limits(1):
        return np.concatenate([logs for *_, logs in _seen(points, mixture, chosen)])


def _climb(points: Floats, mixture: Mixture, covariance: str, reg_covar: float) -> tuple[Mixture, bool]:
    """Iterate until the mean log-likelihood changes by less than the tolerance; whether it came to that."""
    before = -math.inf
    for _ in range(ITERATIONS):
        mixture, likelihood = step(points, mixture, covariance=covariance, reg_covar=reg_covar)
        if abs(likelihood - before) < TOLERANCE:
            return mixture, True
        before = likelihood
    return mixture, False


def _pairs(features: int, covariance: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """i and j of the products."""
    axes = np.arange(features)
    return (axes, axes) if covariance == "diag" else np.triu_indices(features)


def _seen(
    points: Floats, mixture: Mixture, pairs: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> Iterator[tuple[int, Floats, Floats, Floats, Floats]]:
    """Chunk by chunk of m points: where it begins, the points ``(F, m)``, and what the mixture makes of them.

    These are products and ones ``(K, P + 1, m)``, the components' shares of the density ``(K, m)``, both overwritten
    by the next chunk, and the log of the density ``(m,)``.
    """
    (k, f), root = mixture.means.shape, _roots(mixture.covariances)
    inverse = np.linalg.inv(root)
    constant = np.log(mixture.weights) - np.log(np.diagonal(root, axis1=1, axis2=2) * math.sqrt(2 * math.pi)).sum(1)
    precision = (inverse.swapaxes(1, 2) @ inverse)[:, *pairs] * np.where(pairs[0] == pairs[1], -0.5, -1)
    rows = np.concatenate((precision, constant[:, None]), axis=1)[:, None]  # (K, 1, P + 1)
    width = min(CHUNK, points.shape[1])
    # What is allocated anew for each chunk, the system has to fill with zeros.
    buffers = [np.ones((k, *rest, width)) for rest in ((f,), (len(pairs[0]) + 1,), (), ())]
    for begin in range(0, points.shape[1], CHUNK):
        x = points[:, begin : begin + CHUNK]
        away, products, log_joint, part = (buffer[..., : x.shape[1]] for buffer in buffers)
        np.subtract(x, mixture.means[..., None], out=away)
        for at, (i, j) in enumerate(zip(*pairs, strict=True)):
            np.multiply(away[:, i], away[:, j], out=products[:, at])
        np.matmul(rows, products, out=log_joint[:, None])
        with np.errstate(over="ignore"):
            total = np.exp(log_joint, out=part).sum(0)
        top = 0.0
        if not SMALLEST < total.min() <= total.max() < 1 / SMALLEST:  # too far off for a float64
            top = log_joint.max(0)
            total = np.exp(log_joint - top, out=part).sum(0)
        part /= total
        yield begin, x, products, part, np.log(total) + top


def _roots(covariances: Floats) -> NDArray[np.floating[Any]]:
    """Cholesky factors ``(K, F, F)``."""
    try:
        return np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError as error:
        raise ValueError(
            "expected covariances that are positive definite, got one that is not, of a component with too few "
            "different points; raise fit_gmm.reg_covar or lower fit_gmm.components"
        ) from error
