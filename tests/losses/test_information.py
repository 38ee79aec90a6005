import math

import oracles
import pytest
import torch
from torch.testing import assert_close

from dadist.losses.information import mean_entropy, self_information


def information(*probabilities: float) -> torch.Tensor:
    return self_information(torch.tensor(probabilities).log().view(1, -1, 1, 1)).flatten()


def test_information_of_hand_worked_probabilities() -> None:
    assert_close(information(0.7, 0.2, 0.1), torch.tensor([0.2273, 0.2930, 0.2096]), atol=1e-4, rtol=0)


def test_sixteen_equal_classes_share_an_entropy_of_one() -> None:
    assert_close(information(*[1 / 16] * 16), torch.full((16,), 1 / 16))


def test_the_mean_entropy_of_hand_worked_pixels() -> None:
    pixels = torch.tensor([[0.7, 0.2, 0.1], [1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, 0.0]])  # 0.7298, 1 and 0
    assert_close(mean_entropy(pixels.log().t().view(1, 3, 1, 3)), torch.tensor((0.729847 + 1 + 0) / 3))


@pytest.mark.usefixtures("float64")
def test_the_mean_entropy_equals_the_loop_over_pixels() -> None:
    logits = 3 * torch.randn(2, 7, 3, 4, generator=torch.Generator().manual_seed(5))
    expected = oracles.self_information(logits.numpy()).sum(axis=1).mean()
    assert_close(mean_entropy(logits).item(), expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("score", [1e4, math.inf])
def test_a_certain_pixel_carries_no_information_and_a_finite_gradient(score: float) -> None:
    logits = torch.tensor([0.0, -score, -score]).view(1, 3, 1, 1).requires_grad_()
    result = self_information(logits)
    result.sum().backward()
    assert_close(result.detach().flatten(), torch.zeros(3))
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.usefixtures("float64")
def test_information_equals_the_loop_over_pixels() -> None:
    logits = 3 * torch.randn(2, 7, 3, 4, generator=torch.Generator().manual_seed(3))
    expected = torch.from_numpy(oracles.self_information(logits.numpy()))
    assert_close(self_information(logits), expected, rtol=1e-9, atol=1e-12)


def test_the_gradient_is_that_of_the_formula() -> None:
    # dI_j/dz_i for I = -P log P / log C, summed over j: -P_i (log P_i + entropy) / log C.
    logits = torch.tensor([0.7, 0.2, 0.1]).log().view(1, 3, 1, 1).requires_grad_()
    self_information(logits).sum().backward()
    p = torch.tensor([0.7, 0.2, 0.1])
    entropy = -(p * p.log()).sum()
    assert logits.grad is not None
    assert_close(logits.grad.flatten(), -p * (p.log() + entropy) / math.log(3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_of_logits_is_worked_in_float32(dtype: torch.dtype) -> None:
    logits = torch.tensor([8.0, -8.0, 0.5, 60.0]).view(1, 4, 1, 1)  # exact in every dtype
    result = self_information(logits.to(dtype))
    assert result.dtype == torch.float32
    assert_close(result, self_information(logits), rtol=0, atol=0)
