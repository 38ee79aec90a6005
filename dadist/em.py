"""Fitting a mixture of normals: scikit-learn's expectation maximisation, a chunk of points in the cache at a time.

A component sees a point x as y = root^-1 (x - mean), where root is the Cholesky factor of its covariance. One product
of matrices gives y for all components and a chunk of points. Its squared length is the distance that the likelihood
asks for, and the sums of y and y y', weighted by how much of each point is the component's, make the next mean and
covariance. Differences are taken before squares: points at z = 65536 with a deviation of 0.001 keep their digits, which
they lose in scikit-learn's sum of x^2 less the squared mean. Nothing of the size of the points is kept.
"""

import math
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

CHUNK = 8192  # points; K F of them in float64 stay in a core's second cache
SAMPLE = 50_000  # points that k-means and the first iterations see
TOLERANCE, ITERATIONS = 1e-3, 100  # scikit-learn's: nats of the mean log-likelihood, and the most there are

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
        points: ``(n, F)``, C-contiguous; as many as components or more.
        components: K.
        covariance: "diag" or "full".
        reg_covar: Added to every variance.
        seed: Of k-means and of the sample.

    Raises:
        ValueError: A covariance is not positive definite.
    """
    from sklearn.cluster import KMeans  # seconds to import: only where needed
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    sample = points
    if len(points) > SAMPLE:
        sample = points[np.random.default_rng(seed).choice(len(points), SAMPLE, replace=False)]
    with threadpool_limits(1):  # threads add up their sums in the order they end in
        clusters = KMeans(components, n_init=1, random_state=seed).fit(sample)
        plain = np.tile(np.eye(points.shape[1]), (components, 1, 1))
        mixture = Mixture(np.full(components, 1 / components), clusters.cluster_centers_, plain)
        mixture, _ = step(sample, mixture, covariance=covariance, reg_covar=reg_covar, labels=clusters.labels_)
        mixture, converged = _climb(sample, mixture, covariance, reg_covar)
        if len(sample) < len(points):
            mixture, converged = _climb(points, mixture, covariance, reg_covar)
    if not converged:
        warnings.warn(
            f"the likelihood still rose by more than {TOLERANCE} nats after {ITERATIONS} iterations; "
            "give fit_gmm other features or fewer components if its mixtures look odd",
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
        points: ``(n, F)``.
        mixture: Before.
        covariance: "diag" or "full".
        reg_covar: Added to every variance.
        labels: ``(n,)`` of 0 to K - 1, the component that a point belongs to entirely; all that the mixture does then
            is to give the sums their origin, and the log-likelihood is of no use.
    """
    (k, f), diagonal = mixture.means.shape, covariance == "diag"
    share, first, second, likelihood = np.zeros(k), np.zeros((k, f, 1)), np.zeros((k, f, f)), 0.0
    for begin, y, squares, part in _seen(points, mixture):
        likelihood += float(_normalise(part).sum())
        if labels is not None:
            np.equal(labels[begin : begin + y.shape[-1]], np.arange(k)[:, None], out=part, casting="unsafe")
        share += part.sum(1)
        if diagonal:
            first += y @ part[..., None]
            second += squares @ part[..., None] * np.eye(f)
        else:
            weighted = np.multiply(y, part[:, None], out=squares)
            first += weighted.sum(-1, keepdims=True)
            second += weighted @ y.swapaxes(1, 2)
    root = np.linalg.cholesky(mixture.covariances)
    first, second = (root @ first)[..., 0], root @ second @ root.swapaxes(1, 2)  # of points less the means that were
    counts = share + 10 * np.finfo(np.float64).eps  # as scikit-learn guards components without a point
    means = (first + share[:, None] * mixture.means) / counts[:, None]
    moved = means - mixture.means
    cross = first[:, :, None] * moved[:, None]
    second += share[:, None, None] * moved[:, :, None] * moved[:, None] - cross - cross.swapaxes(1, 2)
    if diagonal:
        second *= np.eye(f)
    covariances = second / counts[:, None, None] + reg_covar * np.eye(f)
    return Mixture(counts / counts.sum(), means, covariances), likelihood / len(points)


def log_density(mixture: Mixture, points: Floats) -> Floats:
    """log sum_k w_k N(point; mean_k, covariance_k), ``(n,)`` nats, of points ``(n, F)``."""
    found = np.empty(len(points))
    for begin, _, _, part in _seen(points, mixture):
        found[begin : begin + CHUNK] = _normalise(part)
    return found


def _climb(points: Floats, mixture: Mixture, covariance: str, reg_covar: float) -> tuple[Mixture, bool]:
    """Iterate until the mean log-likelihood changes by less than the tolerance; whether it came to that."""
    before = -math.inf
    for _ in range(ITERATIONS):
        mixture, likelihood = step(points, mixture, covariance=covariance, reg_covar=reg_covar)
        if abs(likelihood - before) < TOLERANCE:
            return mixture, True
        before = likelihood
    return mixture, False


def _seen(points: Floats, mixture: Mixture) -> Iterator[tuple[int, Floats, Floats, Floats]]:
    """Chunk by chunk of m points: where it begins, y ``(K, F, m)``, its squares, log of weight times normal ``(K, m)``.

    All are the caller's to change, and are overwritten by the next chunk.
    """
    try:
        root = np.linalg.cholesky(mixture.covariances)
    except np.linalg.LinAlgError as error:
        raise ValueError(
            "expected covariances that are positive definite, got one that is not, of a component with too few "
            "different points; raise fit_gmm.reg_covar or lower fit_gmm.components"
        ) from error
    (k, f), inverse = mixture.means.shape, np.linalg.inv(root)
    shift = (inverse @ mixture.means[..., None]).reshape(-1, 1)
    scale = np.log(mixture.weights) - np.log(np.diagonal(root, axis1=1, axis2=2) * math.sqrt(2 * math.pi)).sum(1)
    buffers = np.empty((k * f, CHUNK)), np.empty((k, f, CHUNK)), np.empty((k, CHUNK))
    for begin in range(0, len(points), CHUNK):
        these = points[begin : begin + CHUNK]
        y, squares, log_joint = (buffer[..., : len(these)] for buffer in buffers)
        np.matmul(inverse.reshape(-1, f), these.T, out=y)
        y -= shift
        y = y.reshape(k, f, -1)
        np.square(y, out=squares).sum(1, out=log_joint)
        log_joint *= -0.5
        log_joint += scale[:, None]
        yield begin, y, squares, log_joint


def _normalise(log_joint: Floats) -> Floats:
    """Log of the sum over components ``(m,)``; what comes as logs ``(K, m)`` is left as shares of that sum."""
    top = log_joint.max(0)
    log_joint -= top
    total = np.exp(log_joint, out=log_joint).sum(0)
    log_joint /= total
    likelihood: Floats = np.log(total, out=total)
    likelihood += top
    return likelihood
