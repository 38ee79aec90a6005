import math

import numpy as np
import oracles
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from dadist.losses.bins import SPACINGS, bin_scores
from dadist.losses.information import self_information

SID = [1, 2, 3, 4, 6, 9, 14, 21, 32, 49, 76, 117, 180, 277, 426]


def scores(
    inverse_depth: list[float], *, spacing: str = "sid", sigma: float = 1.0, numerator: float = 65536.0
) -> Tensor:
    """Of one row of pixels."""
    depth = torch.tensor(inverse_depth).view(1, 1, 1, -1)
    return bin_scores(depth, metres=SPACINGS[spacing](15), sigma=sigma, numerator=numerator)


def test_the_bins_of_the_released_code_are_these() -> None:
    assert SPACINGS["sid"](15) == SID
    # The score of z = 0 is minus the square of the bin.
    inverse = (-scores([0.0])[0, :, 0, 0]).sqrt()
    expected = [648.87, 326.05, 217.73, 163.43, 109.04, 72.74, 46.78, 31.19, 20.47, 13.37, 8.62, 5.60, 3.64, 2.37, 1.54]
    assert inverse.tolist() == pytest.approx(expected, abs=5e-3)


def test_the_bins_that_the_code_calls_the_papers_are_these() -> None:
    expected = [1.24, 1.91, 2.95, 4.54, 7.00, 10.8, 16.6, 25.6, 39.5, 60.8, 93.7, 144, 222, 343, 528]
    assert SPACINGS["paper"](15) == pytest.approx(expected, rel=4e-3)


def test_a_far_depth_is_spread_over_the_last_bins_and_a_near_one_is_in_one() -> None:
    shares = scores([3.0, 46.0, 40.0]).softmax(1)[0, :, 0]  # (K, 3)
    assert shares[:, 0].tolist() == pytest.approx([0] * 11 + [0.0008, 0.457, 0.461, 0.081], abs=4e-4)
    for column in (1, 2):
        assert shares[:, column].tolist() == pytest.approx([0] * 6 + [1] + [0] * 8)


@pytest.mark.usefixtures("float64")
def test_the_unit_of_inverse_depth_changes_nothing() -> None:
    metres = torch.tensor([0.5, 7.0, 60.0, 200.0, 650.0])
    published, small = (scores((n / (100 * metres + 1)).tolist(), numerator=n).softmax(1) for n in (65536.0, 1000.0))
    assert_close(small, published, rtol=1e-6, atol=1e-9)


@pytest.mark.usefixtures("float64")
def test_scores_equal_the_loop_over_pixels_and_bins() -> None:
    depth = 30 * torch.rand(2, 1, 3, 4, generator=torch.Generator().manual_seed(1))
    found = bin_scores(depth, metres=[float(m) for m in SID], sigma=2.5, numerator=1000.0)
    assert found.shape == (2, 15, 3, 4)
    for b, k, y, x in np.ndindex(*found.shape):
        z, bin_k = float(depth[b, 0, y, x]) * 65.536, 65536 / (100 * SID[k] + 1)
        assert float(found[b, k, y, x]) == pytest.approx(-((z - bin_k) ** 2) / 2.5, rel=1e-9, abs=1e-6)


@pytest.mark.usefixtures("float64")
def test_the_distributions_information_is_that_of_fifteen_bins() -> None:
    found = scores([3.0])
    # Shifted, as a softmax may be: exp(-4e5) is 0 in a loop of floats, too.
    expected = oracles.self_information((found - found.max()).clamp_min(-700).numpy())
    assert_close(self_information(found), torch.from_numpy(expected), rtol=1e-9, atol=1e-12)
    assert expected.sum() == pytest.approx(
        (0.457 * 1.13 + 0.461 * 1.117 + 0.081 * 3.62 + 0.008) / math.log2(15), rel=1e-2
    )


def test_the_nearest_and_the_farthest_depth_have_finite_scores_and_gradients_in_half_precision_too() -> None:
    depth = torch.tensor([65536.0, 655.36, 1.0, -3.0], dtype=torch.bfloat16).view(1, 1, 1, 4).requires_grad_()
    found = bin_scores(depth, metres=SPACINGS["sid"](15), sigma=1.0, numerator=65536.0)
    assert found.dtype == torch.float32
    information = self_information(found)
    information.sum().backward()
    assert information.isfinite().all()
    assert depth.grad is not None
    assert depth.grad.isfinite().all()
