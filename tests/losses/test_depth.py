import oracles
import pytest
import torch
from torch.testing import assert_close

from dadist.losses.depth import agreement, berhu, mean_absolute


def loss_of(errors: list[float]) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss of these errors against 0, and its gradient."""
    predicted = torch.tensor(errors, dtype=torch.float32).view(1, 1, 1, -1).requires_grad_()
    loss = berhu(predicted, torch.zeros_like(predicted), torch.ones_like(predicted, dtype=torch.bool))
    loss.backward()
    assert predicted.grad is not None
    return loss.detach(), predicted.grad.flatten()


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([0, 1, 2, 10], 7.25),  # c = 2: 0, 1, 2, 26
        ([0, 1, 2, 5], 4.125),  # c = 1: 0, 1, 2.5, 13
        ([3, 3, 3], 7.8),  # c = 0.6: (9 + 0.36) / 1.2 = 2.6 * 3
    ],
)
def test_berhu_of_hand_worked_errors(errors: list[float], expected: float) -> None:
    assert_close(loss_of(errors)[0], torch.tensor(expected))


def test_berhu_does_not_depend_on_the_sign_of_an_error() -> None:
    assert_close(loss_of([0.0, -1.0, 2.0, -10.0])[0], torch.tensor(7.25))


def test_the_threshold_carries_no_gradient() -> None:
    _, gradient = loss_of([0.0, 1.0, 5.0])  # c = 1: slope 1 up to c, e / c beyond
    assert_close(gradient, torch.tensor([0.0, 1.0, 5.0]) / 3)


def test_berhu_scales_with_its_unit() -> None:
    errors = [0.5, 1.0, 7.0, 2.0]
    assert_close(loss_of([100 * error for error in errors])[0], 100 * loss_of(errors)[0])


def test_zero_error_costs_nothing_and_has_a_finite_gradient() -> None:
    loss, gradient = loss_of([0.0, 0.0])
    assert loss == 0
    assert_close(gradient, torch.zeros(2))


def test_invalid_pixels_neither_cost_nor_set_the_threshold() -> None:
    predicted = torch.tensor([[[[0.0, 1.0, 2.0, 5.0, 65536.0]]]], requires_grad=True)
    valid = torch.tensor([[[[True, True, True, True, False]]]])
    loss = berhu(predicted, torch.zeros(1, 1, 1, 5), valid)
    loss.backward()
    assert_close(loss, torch.tensor(4.125))
    assert predicted.grad is not None
    assert predicted.grad[..., 4] == 0


def test_no_valid_pixel_gives_zero_and_zero_gradients() -> None:
    predicted = torch.ones(2, 1, 3, 4, requires_grad=True)
    loss = berhu(predicted, torch.zeros(2, 1, 3, 4), torch.zeros(2, 1, 3, 4, dtype=torch.bool))
    loss.backward()
    assert loss == 0
    assert_close(predicted.grad, torch.zeros(2, 1, 3, 4))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("ratio", [0.1, 0.2, 1.0])
def test_berhu_equals_the_loop_over_pixels(ratio: float) -> None:
    generator = torch.Generator().manual_seed(2)
    predicted, target = (torch.randn(2, 1, 5, 7, generator=generator) * 100 for _ in range(2))
    valid = torch.rand(2, 1, 5, 7, generator=generator) > 0.3
    expected = oracles.berhu(predicted.numpy(), target.numpy(), valid.numpy(), ratio)
    assert_close(berhu(predicted, target, valid, ratio=ratio).item(), expected, rtol=1e-9, atol=0)


def test_two_depths_agree_by_hand_worked_numbers() -> None:
    one, other = torch.tensor([[[[5.0, 5.0, 5.0, 0.0, 7.0]]]]), torch.tensor([[[[5.0, 4.0, 1.0, 9.0, 1.0]]]])
    depth, valid = torch.tensor([[[[4.0, 4.0, 5.0, 3.0, 0.0]]]]), torch.tensor([[[[True, True, True, True, False]]]])
    found = agreement(one.requires_grad_(), other, depth, valid)
    # 1 - 0 + 0.001 is cut at 1; 1 - 1/4 + 0.001; 1 - 4/5 + 0.001; below 0: 0.001; no depth to compare with: 1
    assert_close(found, torch.tensor([[[[1.0, 0.751, 0.201, 0.001, 1.0]]]]))
    assert not found.requires_grad


@pytest.mark.usefixtures("float64")
def test_agreement_does_not_depend_on_the_unit() -> None:
    one, other, depth = (torch.rand(2, 1, 3, 4, generator=torch.Generator().manual_seed(i)) + 0.1 for i in range(3))
    valid = torch.ones_like(depth).bool()
    assert_close(agreement(65 * one, 65 * other, 65 * depth, valid), agreement(one, other, depth, valid))


def test_the_mean_absolute_difference_of_hand_worked_errors() -> None:
    predicted = torch.tensor([[[[1.0, 5.0, 9.0]]]], requires_grad=True)
    valid = torch.tensor([[[[True, True, False]]]])
    loss = mean_absolute(predicted, torch.tensor([[[[3.0, 1.0, 0.0]]]]), valid)
    loss.backward()
    assert loss == (2 + 4) / 2
    assert predicted.grad is not None
    assert predicted.grad.flatten().tolist() == [-0.5, 0.5, 0]
    assert mean_absolute(predicted, predicted + 1, torch.zeros_like(valid)) == 0
