import dataclasses
import logging
from typing import Any

import numpy as np
import pytest
import reference
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from oracles import log_density
from sklearn.mixture import GaussianMixture

from dadist.classes import CLASS_SETS
from dadist.config.prior_sections import FitGmm
from dadist.prior import em
from dadist.prior import fit as gmm
from dadist.prior.mixtures import Mixtures

FIT = FitGmm(
    components=2,
    covariance="diag",
    features=("x", "y", "z"),
    coordinates="height",
    points=0,
    reg_covar=1e-6,
    z_floor=None,
    held_out=0.0,
    zero_depth="keep",
    nearest_m=0.0,
    seed=1,
)


def fit(points: list[NDArray[np.float64]], **changes: Any) -> Mixtures:
    settings = dataclasses.replace(FIT, **changes)
    return gmm.fit(points, settings, classes=CLASS_SETS["7"], grid=(24, 12), numerator=1000, images=3)


def clouds(*sizes: int, seed: int = 0) -> list[NDArray[np.float64]]:
    """Per class so many points around (10, 5, 30)."""
    random = np.random.default_rng(seed)
    return [random.normal((10, 5, 30), (4, 2, 8), (size, 3)) for size in (*sizes, *[0] * (7 - len(sizes)))]


def test_a_fit_finds_the_mixture_that_made_the_points() -> None:
    random = np.random.default_rng(5)
    near, far = random.normal((4, 9, 60), (2, 1, 5), (3000, 3)), random.normal((18, 2, 10), (3, 1, 2), (1000, 3))
    mixtures = fit([np.concatenate((near, far)), *clouds()[1:]])
    order = np.argsort(-mixtures.weights[0])
    assert_allclose(mixtures.weights[0, order], [0.75, 0.25], atol=1e-3)
    assert_allclose(mixtures.means[0, order] * (12, 12, 1), [[4, 9, 60], [18, 2, 10]], atol=0.3)
    deviations = np.sqrt(np.diagonal(mixtures.covariances[0, order], axis1=1, axis2=2)) * (12, 12, 1)
    assert_allclose(deviations, [[2, 1, 5], [3, 1, 2]], rtol=0.05)
    assert_array_equal(mixtures.scale, [1 / 12, 1 / 12])


@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_the_fit_is_scikit_learns_and_its_likelihoods_are_the_formulas(covariance: Any) -> None:
    points = clouds(400, 300)
    mixtures = fit(points, covariance=covariance, coordinates="cells", held_out=0.1)
    assert mixtures.points.tolist() == [360, 270, 0, 0, 0, 0, 0]
    medians = []
    for c, of_class in enumerate(points[:2]):
        shuffled = np.random.default_rng(1).permutation(of_class)
        kept = shuffled[: mixtures.points[c]]
        expected = GaussianMixture(2, covariance_type=covariance, reg_covar=1e-6, random_state=1).fit(kept)
        assert_allclose(mixtures.means[c], expected.means_, rtol=1e-9)
        mixture = mixtures.weights[c], mixtures.means[c], mixtures.covariances[c]
        rest = [log_density(*mixture, point) for point in shuffled[mixtures.points[c] :]]
        assert_allclose(mixtures.held_out[c], np.mean(rest), rtol=1e-9)
        medians.append(np.median([log_density(*mixture, point) for point in kept]))
    assert np.isnan(mixtures.held_out[2:]).all()
    assert_allclose(mixtures.median, np.exp((360 * medians[0] + 270 * medians[1]) / 630), rtol=1e-9)


@pytest.mark.parametrize(("features", "columns"), [("z", [2]), ("xy", [0, 1]), ("yz", [1, 2])])
@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_a_fit_over_some_features_is_scikit_learns_on_these_columns(
    features: str, columns: list[int], covariance: Any
) -> None:
    points = clouds(400)
    of = fit(points, features=tuple(reversed(features)), covariance=covariance, coordinates="cells")
    assert of.features == features
    kept = np.random.default_rng(1).permutation(points[0])[:, columns]
    expected = GaussianMixture(2, covariance_type=covariance, reg_covar=1e-6, random_state=1).fit(kept)
    assert_allclose(of.means[0], expected.means_, rtol=1e-9)
    assert of.covariances.shape == (7, 2, len(columns), len(columns))
    assert_allclose(np.log(of.median), np.median(expected.score_samples(kept)), rtol=1e-9)


@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_a_floor_of_z_lifts_what_is_below_and_nothing_else(covariance: Any) -> None:
    sky, near = clouds(200)[0] * (1, 1, 0) + (0, 0, 1), clouds(300, seed=1)[0]  # z = 1; deviation 8
    plain, floored = (fit([sky, near, *clouds()[2:]], covariance=covariance, z_floor=floor) for floor in (None, 0.5))
    assert_allclose(plain.covariances[0, :, 2, 2], 1e-6, rtol=1e-3)
    assert_allclose(floored.covariances[0, :, 2, 2], 0.25)
    assert_array_equal(floored.covariances[0, :, :2, :2], plain.covariances[0, :, :2, :2])
    assert_array_equal(floored.covariances[1], plain.covariances[1])
    np.linalg.cholesky(floored.covariances)  # positive definite


def test_likelihoods_are_those_of_the_floored_mixture() -> None:
    sky = clouds(200)[0] * (1, 1, 0) + (0, 0, 1)
    plain, floored = (fit([sky, *clouds()[1:]], components=1, held_out=0.5, z_floor=floor) for floor in (None, 0.5))
    # z = 1 is the mean, so a deviation of 0.5 in place of 0.001 costs log 500 at every point.
    assert_allclose(plain.held_out[0] - floored.held_out[0], np.log(500), rtol=1e-3)
    assert_allclose(np.log(plain.median / floored.median), np.log(500), rtol=1e-3)


@reference.needed
@pytest.mark.parametrize("parameters", reference.SETS)
def test_a_refit_explains_points_of_the_published_mixtures_as_they_do(parameters: str) -> None:
    of, random = reference.published(parameters), np.random.default_rng(0)
    points = []
    for weights, means, covariances in zip(of.weights, of.means, of.covariances, strict=True):
        component = random.choice(5, 4000, p=weights / weights.sum())
        drawn = random.normal(means[component], np.sqrt(covariances[component][:, (0, 1, 2), (0, 1, 2)]))
        # Without outliers, as zero_depth and nearest_m have it: k-means spends a centre or two on them.
        points.append(drawn[(drawn[:, 2] > 0) & (drawn[:, 2] < 1000)])
    settings = dataclasses.replace(FIT, components=5, coordinates="cells", held_out=0.25, seed=1234)  # the authors'
    again = gmm.fit(points, settings, classes=of.classes, grid=of.grid, numerator=65536, images=1)
    lost = []
    for c, these in enumerate(points):
        rest = np.random.default_rng(1234).permutation(these)[again.points[c] :]
        lost.append(
            em.log_density(em.Mixture(of.weights[c], of.means[c], of.covariances[c]), rest.T).mean() - again.held_out[c]
        )
    assert np.median(lost) < 0.05  # nats
    assert max(lost) < 0.25  # a wide component of wall is cut by the limit


def test_few_points_get_few_components_and_none_get_density_zero(caplog: pytest.LogCaptureFixture) -> None:
    mixtures = fit(clouds(50, 29, 19, 2, 1), components=3, held_out=0.0)
    assert (mixtures.weights > 0).sum(1).tolist() == [3, 2, 1, 1, 0, 0, 0]
    assert_allclose(mixtures.weights.sum(1), [1, 1, 1, 1, 0, 0, 0])
    assert mixtures.points.tolist() == [50, 29, 19, 2, 0, 0, 0]
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [message.split(",")[0] for message in warned] == ["sky: 1 points", "human: 0 points", "vehicle: 0 points"]


def test_held_out_points_never_leave_less_than_two_to_fit() -> None:
    mixtures = fit(clouds(2, 3), held_out=0.9)
    assert mixtures.points.tolist() == [2, 2, 0, 0, 0, 0, 0]
    assert np.isfinite(mixtures.held_out).tolist() == [False, True, *[False] * 5]


def test_constant_depth_and_repeated_points_are_fitted_and_warnings_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sky = clouds(200)[0] * (1, 1, 0) + (0, 0, 1)
    mixtures = fit([sky, np.tile([[3.0, 4.0, 5.0]], (40, 1)), *clouds()[2:]])
    assert_allclose(mixtures.covariances[0, :, 2, 2], 1e-6, rtol=1e-3)  # reg_covar alone
    assert np.isfinite(mixtures.median)
    assert all(np.isfinite(field).all() for field in (mixtures.weights, mixtures.means, mixtures.covariances))
    assert any("construction: " in message and "distinct clusters" in message for message in caplog.messages)


def test_a_class_whose_covariance_is_not_positive_definite_is_named() -> None:
    with pytest.raises(ValueError, match=r"construction: expected covariances that are positive definite"):
        fit([clouds(0)[0], clouds(200)[0] * (1, 1, 0), *clouds()[2:]], reg_covar=0.0)


def test_a_fit_without_any_points_says_so() -> None:
    with pytest.raises(ValueError, match="expected two or more of some class, got none"):
        fit(clouds(1, 0))


def test_a_fit_gives_the_same_numbers_again() -> None:
    first, again = (fit(clouds(500, 300), held_out=0.1) for _ in range(2))
    assert_array_equal(first.covariances, again.covariances)
    assert first.median == again.median
