import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_mixtures import made_up, mixtures
from numpy.typing import NDArray
from scipy.stats import multivariate_normal, norm
from torch.testing import assert_close

from dadist.config.prior_sections import Prior
from dadist.prior.fusion import Fusion, Given
from dadist.prior.mixtures import Mixtures

FLOOR = -30.0
PRIOR = Prior(depth=1.0, place=0.5, noise=(0.0, 0.0), floor=FLOOR, use="labels")


def place_and_depth(
    of: Mixtures, c: int, x: float, y: float, z: float, noise: tuple[float, float]
) -> tuple[float, float]:
    """log p_c(x, y) and log p_c(z | x, y) of one class, by the joint normals of place and widened z."""
    joint = marginal = 0.0
    for weight, mean, covariance in zip(of.weights[c], of.means[c], of.covariances[c], strict=True):
        if weight == 0:
            continue
        at = np.array([x * of.scale[0], y * of.scale[1]])
        expected = mean[2] + covariance[2, :2] @ np.linalg.solve(covariance[:2, :2], at - mean[:2])
        wide = covariance[2, 2] - covariance[2, :2] @ np.linalg.solve(covariance[:2, :2], covariance[:2, 2])
        wide += (noise[0] + noise[1] * abs(expected)) ** 2
        there = weight * multivariate_normal(mean[:2], covariance[:2, :2]).pdf(at)
        joint += there * norm(expected, math.sqrt(wide)).pdf(z)
        marginal += there
    return math.log(marginal), math.log(joint / marginal) if joint > 0 else -math.inf


def oracle(
    of: Mixtures, logits: NDArray[np.float64], z: NDArray[np.float64], prior: Prior, noise: tuple[float, float]
) -> NDArray[np.float64]:
    """Pixel by pixel, class by class."""
    fused = np.empty_like(logits)
    fitted = [c for c in range(logits.shape[1]) if of.weights[c].any()]
    for b, y, x in np.ndindex(logits.shape[0], *logits.shape[2:]):
        scores = logits[b, :, y, x] - np.logaddexp.reduce(logits[b, :, y, x])
        depth = z[b, 0, y, x]
        terms = {c: place_and_depth(of, c, x, y, depth if depth > 0 else 1.0, noise) for c in fitted}
        for weight, which, there in ((prior.place, 0, True), (prior.depth, 1, depth > 0)):
            if there:
                floored = {c: max(term[which], FLOOR) for c, term in terms.items()}
                mean = sum(floored.values()) / len(floored)
                scores = scores + weight * np.array([floored.get(c, mean) for c in range(len(scores))])
        fused[b, :, y, x] = scores - np.logaddexp.reduce(scores)
    return fused


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.0, 1.0), (1.0, 0.5)])
@pytest.mark.parametrize(
    ("full", "noise"), [(True, (0.0, 0.0)), (False, (0.0, 0.0)), (True, (0.4, 0.1)), (False, (0.4, 0.1))]
)
def test_fusion_is_the_formula_of_each_pixel(
    full: bool, noise: tuple[float, float], weights: tuple[float, float]
) -> None:
    of = made_up((6, 4), scale=1 / 4, full=full)  # class 5 has no mixture
    random = np.random.default_rng(2)
    logits = random.normal(size=(2, 7, 4, 6))
    z = random.uniform(0.5, 12, (2, 1, 4, 6))
    z[0, 0, 0] = math.nan, 0, -1, 2, math.inf, 3  # none, none, none, some; far off, which the floor holds
    z[0, 0, 0, 4] = 1e4
    prior = replace(PRIOR, depth=weights[0], place=weights[1])
    fused = Fusion(Given(of), prior, noise)(torch.from_numpy(logits), torch.from_numpy(z))
    assert_close(fused.numpy(), oracle(of, logits, np.nan_to_num(z), prior, noise), rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("float64")
def test_two_classes_by_hand() -> None:
    # Both stand in the middle; one is at z = 1, the other at z = 3, with a deviation of 1.
    means = np.tile([1.0, 1.0, 9.0], (7, 1, 1))
    means[0, 0, 2], means[1, 0, 2] = 1, 3
    of = mixtures(np.ones((7, 1)), means, np.tile(np.eye(3), (7, 1, 1, 1)), grid=(3, 3))
    logits = torch.full((1, 7, 3, 3), -1e9)
    logits[:, :2] = 0  # as likely to the network
    fusion = Fusion(Given(of), replace(PRIOR, place=0.0), (0.0, 0.0))
    fused = fusion(logits, torch.full((1, 1, 3, 3), 1.5))
    # exp(-0.5^2 / 2) to exp(-1.5^2 / 2): one nat between them.
    assert float(fused[0, 0, 1, 1] - fused[0, 1, 1, 1]) == pytest.approx(1.0)
    wide = Fusion(Given(of), replace(PRIOR, place=0.0), (1.0, 0.0))(logits, torch.full((1, 1, 3, 3), 1.5))
    assert float(wide[0, 0, 1, 1] - wide[0, 1, 1, 1]) == pytest.approx(0.5)  # twice the variance


@pytest.mark.usefixtures("float64")
def test_another_grid_of_the_same_image_asks_at_its_own_places() -> None:
    of = made_up((6, 4), full=False)
    fine = Given(of, (12, 8)).place.unflatten(1, (8, 12))
    # The cell 3, 5 of the finer grid has its centre at 1.25, 2.25 cells of the coarser one.
    expected = math.log(
        sum(
            weight * math.prod(norm(mean[i], math.sqrt(covariance[i, i])).pdf(at) for i, at in enumerate((2.25, 1.25)))
            for weight, mean, covariance in zip(of.weights[0], of.means[0], of.covariances[0], strict=True)
        )
    )
    assert float(fine[0, 3, 5]) == pytest.approx(expected)


def test_depth_has_no_weight_without_mixtures_that_know_it() -> None:
    given = Given(made_up((6, 4), features="xy"))
    with pytest.raises(ValueError, match=r"prior\.depth: expected mixtures over z"):
        Fusion(given, PRIOR, (0.1, 0.1))
    assert Fusion(given, replace(PRIOR, depth=0.0), (0.1, 0.1))(torch.zeros(1, 7, 4, 6), None).isfinite().all()


def test_maps_of_another_grid_are_refused() -> None:
    fusion = Fusion(Given(made_up((6, 4))), PRIOR, (0.1, 0.1))
    with pytest.raises(ValueError, match=r"expected logits \(B, C, 4, 6\)"):
        fusion(torch.zeros(1, 7, 4, 5), None)


def test_without_depth_the_place_alone_has_a_say() -> None:
    given = Given(made_up((6, 4)))
    logits = torch.randn(1, 7, 4, 6)
    both, place = Fusion(given, PRIOR, (0.1, 0.1)), Fusion(given, replace(PRIOR, depth=0.0), (0.1, 0.1))
    assert torch.equal(both(logits, None), place(logits, torch.ones(1, 1, 4, 6)))
