import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from oracles import log_density
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from dadist.prior import em


def blobs(count: int, features: int, centres: int = 4) -> NDArray[np.float64]:
    """Points (features, count) around a few centres of a feature grid, some wide and some narrow."""
    random = np.random.default_rng(0)
    means = random.uniform(0, (160, 95, 60)[:features], (centres, features))
    which = random.integers(0, centres, count)
    return random.normal(means[which], random.uniform(1, 12, means.shape)[which]).T


def theirs(points: NDArray[np.float64], components: int, covariance: Any, **more: Any) -> em.Mixture:
    """What scikit-learn makes of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = GaussianMixture(components, covariance_type=covariance, random_state=1, **more).fit(points.T)
    diagonal = covariance == "diag"
    covariances = fitted.covariances_[:, None] * np.eye(len(points)) if diagonal else fitted.covariances_
    return em.Mixture(fitted.weights_, fitted.means_, covariances)


def fit(points: NDArray[np.float64], components: int, covariance: str, reg_covar: float = 1e-6) -> em.Mixture:
    return em.fit(points, components, covariance=covariance, reg_covar=reg_covar, seed=1)


@pytest.mark.parametrize("components", [1, 2, 5, 8])
@pytest.mark.parametrize("features", [1, 2, 3])
@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_a_fit_is_scikit_learns(covariance: str, features: int, components: int) -> None:
    points = blobs(25_000, features)  # more than a chunk
    for ours, other in zip(fit(points, components, covariance), theirs(points, components, covariance), strict=True):
        assert_allclose(ours, other, rtol=1e-9, atol=1e-9 * np.abs(other).max())


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_a_component_that_dies_out_is_scikit_learns(covariance: str) -> None:
    points = np.repeat([[1.0, 9.0], [2.0, 4.0], [3.0, 3.0]], (30, 10), axis=1)  # two places for four components
    ours = fit(points, 4, covariance, 1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs(points, 4, covariance, reg_covar=1e-3)
    assert (expected.weights < 1e-12).sum() == 2
    for one, other in zip(ours, expected, strict=True):
        assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_an_iteration_of_hand_worked_points() -> None:
    points = np.array([[0.0, 2.0, 10.0, 14.0]])
    far = em.Mixture(np.array([0.5, 0.5]), np.array([[1.0], [12.0]]), np.ones((2, 1, 1)))
    after, likelihood = em.step(points, far, covariance="full", reg_covar=0.25)
    # The means are so far apart that each point is its own component's: (0 + 2) / 2 and (10 + 14) / 2.
    assert_allclose(after.weights, [0.5, 0.5])
    assert_allclose(after.means, [[1], [12]])
    assert_allclose(after.covariances, [[[1 + 0.25]], [[4 + 0.25]]])
    assert_allclose(likelihood, np.log(0.5) - np.log(2 * np.pi) / 2 - (1 + 1 + 4 + 4) / 8)


@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_no_iteration_lowers_the_likelihood(covariance: str) -> None:
    points = blobs(3000, 3)
    mixture = em.Mixture(np.full(3, 1 / 3), points.T[:3], np.tile(400 * np.eye(3), (3, 1, 1)))
    likelihoods = []
    for _ in range(10):
        mixture, likelihood = em.step(points, mixture, covariance=covariance, reg_covar=0.0)
        likelihoods.append(likelihood)
    assert (np.diff(likelihoods) > -1e-12).all()


def test_the_density_is_the_formulas() -> None:
    points = blobs(em.CHUNK + 1000, 3)
    mixture = fit(points, 3, "full")
    found = em.log_density(mixture, points)
    for i in (0, em.CHUNK - 1, em.CHUNK, em.CHUNK + 999):
        assert_allclose(found[i], log_density(*mixture, points[:, i]), rtol=1e-10)
    far = np.array([1e6, -1e6, 1e6])
    distances = [(far - mean) @ np.linalg.solve(one, far - mean) for mean, one in zip(*mixture[1:], strict=True)]
    assert_allclose(em.log_density(mixture, far[:, None]), -min(distances) / 2, rtol=1e-6)  # no density of 0


def test_a_constant_far_from_zero_keeps_its_digits() -> None:
    points = blobs(5000, 3)
    points[2] = 65536.0  # z of cells without depth
    assert_allclose(fit(points, 2, "diag").covariances[:, 2, 2], 1e-6, rtol=1e-6)


def test_many_points_are_fitted_from_a_sample_on_and_better_than_the_sample_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points, unseen = np.split(blobs(80_000, 3), 2, axis=1)
    whole = fit(points, 4, "diag")
    monkeypatch.setattr(em, "SAMPLE", 2000)
    ours = fit(points, 4, "diag")
    sampled = theirs(points[:, np.random.default_rng(1).choice(40_000, 2000, replace=False)], 4, "diag")
    full, from_sample, sample = (em.log_density(one, unseen).mean() for one in (whole, ours, sampled))
    assert abs(from_sample - full) < 0.002  # nats
    assert from_sample > sample


def test_a_fit_gives_the_same_bits_on_any_number_of_threads() -> None:
    points = blobs(60_000, 3)
    once = fit(points, 3, "full")
    with threadpool_limits(2):
        again = fit(points, 3, "full")
        assert_array_equal(em.log_density(once, points), em.log_density(again, points))
    for one, other in zip(once, again, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_an_iteration_takes_no_more_memory_for_more_points(covariance: str) -> None:
    mixture = fit(blobs(1000, 3), 3, covariance)
    peaks = []
    for chunks in (2, 8, 32):
        points = blobs(chunks * em.CHUNK, 3)
        tracemalloc.start()
        em.step(points, mixture, covariance=covariance, reg_covar=1e-6)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 1.01 * min(peaks)


@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_a_covariance_that_is_not_positive_definite_is_refused(covariance: str) -> None:
    flat = blobs(200, 3) * np.array([[1], [1], [0]])
    with pytest.raises(ValueError, match=r"positive definite.*raise fit_gmm\.reg_covar or lower fit_gmm\.components"):
        fit(flat, 2, covariance, 0.0)


def test_a_fit_that_goes_on_is_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(em, "ITERATIONS", 1)
    with pytest.warns(RuntimeWarning, match=r"still changed by 0\.001 nats or more after 1 iterations"):
        fit(blobs(2000, 3, 6), 5, "diag")
