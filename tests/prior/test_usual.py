"""Which depths are usual for a class, on mixtures whose quantiles are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from builders import DEMO
from made_mixtures import made_up, mixtures
from scipy.stats import norm

from dadist.prior.fusion import Fusion, Given
from dadist.prior.mixtures import Mixtures
from dadist.prior.usual import usual

PRIOR = replace(DEMO.prior, depth=1.0)


def one_normal(*, mean: float, deviation: float) -> Mixtures:
    """Seven classes, all the same, in the middle of a grid of 3x3."""
    covariance = np.diag([1.0, 1.0, deviation**2])
    means = np.tile([1.0, 1.0, mean], (7, 1, 1))
    return mixtures(np.ones((7, 1)), means, np.tile(covariance, (7, 1, 1, 1)), grid=(3, 3))


@pytest.mark.parametrize("noise", [(0.0, 0.0), (1.5, 0.0), (0.5, 0.1)])
@pytest.mark.parametrize("share", [0.05, 0.5])
def test_of_a_normal_it_is_the_density_at_its_quantile(share: float, noise: tuple[float, float]) -> None:
    found = usual(Fusion(Given(one_normal(mean=50, deviation=2.0)), PRIOR, noise), share, seed=0)
    wide = np.hypot(2.0, noise[0] + noise[1] * 50)
    expected = norm(0, wide).logpdf(wide * norm.ppf(1 - share / 2))
    # Of 4096 draws, the share below it is 0.05 give or take 0.0034: of its logarithm, that is 0.15 and less.
    assert found.tolist() == pytest.approx([expected] * 7, abs=0.3)


@pytest.mark.parametrize("full", [True, False])
def test_of_a_mixture_it_is_the_quantile_over_all_places_and_depths(full: bool) -> None:
    fusion = Fusion(Given(made_up((6, 4), scale=1 / 4, full=full)), PRIOR, (0.1, 0.1))
    least = usual(fusion, 0.2, seed=3)
    assert least[5] == -torch.inf  # it has no mixture
    z = torch.linspace(0.005, 80, 16000)
    log = fusion.of_depth(z[:, None].expand(-1, 24))  # (16000, 7, 24) at every depth and cell
    for c in (0, 1, 3, 4, 6):
        odds = fusion.given.place[c].double().softmax(0) * log[:, c].double().exp()
        below = (odds * (log[:, c] < least[c])).sum() / odds.sum()
        assert float(below) == pytest.approx(0.2, abs=0.03)  # 4096 draws: 0.006
