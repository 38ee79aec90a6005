import oracles
import pytest
import torch
from torch.testing import assert_close

from dadist.losses.disagreement import disagreement, likeness


def logits(*probabilities: float) -> torch.Tensor:
    return torch.tensor(probabilities).log().view(1, -1, 1, 1)


def test_disagreement_of_hand_worked_probabilities() -> None:
    apart = disagreement(logits(0.7, 0.2, 0.1), logits(0.1, 0.2, 0.7))
    assert_close(apart, torch.full((1, 1, 1, 1), 1 - 0.18 / 0.54))  # 0.666667
    assert_close(0.4 + 10 * apart.item(), 7.066667, rtol=0, atol=1e-5)  # what CLAN makes of it, SYNTHIA
    assert_close(0.4 + 40 * apart.item(), 27.066667, rtol=0, atol=1e-5)  # and GTA5


@pytest.mark.parametrize(("second", "expected"), [([50.0, 0.0], 0.0), ([0.0, 50.0], 1.0), ([1e4, 0.0], 0.0)])
def test_the_same_class_disagrees_by_nothing_and_another_by_one(second: list[float], expected: float) -> None:
    first = torch.tensor([50.0, 0.0]).view(1, 2, 1, 1)
    other = torch.tensor(second).view(1, 2, 1, 1)
    assert_close(disagreement(first, other).item(), expected, rtol=0, atol=1e-6)


@pytest.mark.usefixtures("float64")
def test_disagreement_equals_the_loop_over_pixels() -> None:
    generator = torch.Generator().manual_seed(2)
    first, second = (3 * torch.randn(2, 7, 3, 4, generator=generator) for _ in range(2))
    expected = torch.from_numpy(oracles.disagreement(first.numpy(), second.numpy()))
    assert_close(disagreement(first, second), expected, rtol=1e-9, atol=1e-12)


def test_disagreement_of_half_precision_is_in_float32() -> None:
    assert disagreement(logits(0.7, 0.3).bfloat16(), logits(0.2, 0.8).bfloat16()).dtype == torch.float32


def test_likeness_is_that_of_all_weights_in_one_row() -> None:
    first = [torch.tensor([[3.0, 0.0]]), torch.tensor([4.0])]  # (3, 0, 4), of length 5
    second = [torch.tensor([[0.0, 0.0]]), torch.tensor([2.0])]  # cos = 8 / (5 * 2)
    assert_close(likeness(first, second), torch.tensor(2 * (0.8 + 1)))


@pytest.mark.parametrize(("factor", "expected"), [(1.0, 4.0), (2.5, 4.0), (-1.0, 0.0)])
def test_equal_classifiers_are_alike_by_four_and_opposite_ones_by_nothing(factor: float, expected: float) -> None:
    weights = [torch.randn(3, 4, generator=torch.Generator().manual_seed(1)), torch.ones(3)]
    assert_close(likeness(weights, [factor * one for one in weights]), torch.tensor(expected))
