import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_mixtures import made_up, mixtures
from oracles import fused
from scipy.stats import norm
from torch.testing import assert_close

from dadist.config.prior_sections import Prior
from dadist.prior.fusion import Fusion, Given

PRIOR = Prior(depth=1.0, place=0.5, noise=(0.0, 0.0), floor=-30.0, use="labels", depth_from="files")


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
    found = Fusion(Given(of), prior, noise)(torch.from_numpy(logits), torch.from_numpy(z))
    assert_close(found.numpy(), fused(of, logits, np.nan_to_num(z), prior, noise), rtol=1e-9, atol=1e-9)


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
