import math

import numpy as np
import oracles
import pytest
import torch
from torch.testing import assert_close

from dadist.classes import IGNORE
from dadist.losses.segmentation import class_weights, cross_entropy, focal_loss, weighed_cross_entropy

LABELS = torch.tensor([[[0, 1, IGNORE], [4, 4, 2]], [[IGNORE, 3, 3], [0, 0, 1]]])


def logits() -> torch.Tensor:
    return torch.randn(2, 5, 2, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()


def test_cross_entropy_of_one_labelled_pixel_is_worked_by_hand() -> None:
    scores = torch.tensor([0.0, math.log(3)]).view(1, 2, 1, 1).expand(1, 2, 1, 2)  # P = (1/4, 3/4)
    loss = cross_entropy(scores, torch.tensor([[[1, IGNORE]]]))
    assert_close(loss, torch.tensor(math.log(4 / 3)))


@pytest.mark.usefixtures("float64")
def test_cross_entropy_equals_the_loop_over_pixels() -> None:
    expected = oracles.cross_entropy(logits().detach().numpy(), LABELS.numpy(), IGNORE, np.ones(5))
    assert_close(cross_entropy(logits(), LABELS).item(), expected, rtol=1e-9, atol=0)


@pytest.mark.usefixtures("float64")
def test_weighted_cross_entropy_equals_the_loop_over_pixels() -> None:
    weights = np.array([0.3, 155.0, 1.0, 0.0, 2.5])
    expected = oracles.cross_entropy(logits().detach().numpy(), LABELS.numpy(), IGNORE, weights)
    loss = cross_entropy(logits(), LABELS, weights=torch.from_numpy(weights))
    assert_close(loss.item(), expected, rtol=1e-9, atol=0)


def test_focal_loss_of_hand_worked_probabilities() -> None:
    scores = torch.tensor([[0.25, 0.75], [0.5, 0.5]]).log().t().view(1, 2, 1, 2)  # two pixels
    loss = focal_loss(scores, torch.tensor([[[1, 0]]]), gamma=2.0)
    assert_close(loss, torch.tensor((0.25**2 * math.log(4 / 3) + 0.5**2 * math.log(2)) / 2))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("gamma", [0.5, 2.0])
@pytest.mark.parametrize("weights", [None, np.array([0.3, 155.0, 1.0, 0.0, 2.5])])
def test_focal_loss_equals_the_loop_over_pixels(gamma: float, weights: np.ndarray | None) -> None:
    shares = np.ones(5) if weights is None else weights
    expected = oracles.focal_loss(logits().detach().numpy(), LABELS.numpy(), IGNORE, shares, gamma)
    given = None if weights is None else torch.from_numpy(weights)
    assert_close(focal_loss(logits(), LABELS, gamma=gamma, weights=given).item(), expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("weights", [None, torch.tensor([0.3, 155.0, 1.0, 0.0, 2.5])])
def test_focal_loss_without_focus_is_cross_entropy(weights: torch.Tensor | None) -> None:
    focal, plain = logits(), logits()
    losses = focal_loss(focal, LABELS, gamma=0.0, weights=weights), cross_entropy(plain, LABELS, weights=weights)
    for loss in losses:
        loss.backward()
    assert_close(*losses)
    assert_close(focal.grad, plain.grad)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_focal_loss_of_certain_and_of_unlabelled_pixels_has_finite_gradients(gamma: float) -> None:
    scores = torch.tensor([[200.0, -200.0], [-200.0, 200.0], [1.0, 2.0]]).t().view(1, 2, 1, 3).requires_grad_()
    loss = focal_loss(scores, torch.tensor([[[0, 0, IGNORE]]]), gamma=gamma)  # right, wrong, unlabelled
    loss.backward()
    assert_close(loss, torch.tensor(400.0 / 2))
    assert scores.grad is not None
    assert scores.grad.isfinite().all()
    assert not scores.grad[..., 2].any()


@pytest.mark.parametrize("weights", [None, torch.ones(5)])
def test_focal_loss_without_any_label_is_zero_with_zero_gradients(weights: torch.Tensor | None) -> None:
    scores = logits()
    loss = focal_loss(scores, torch.full_like(LABELS, IGNORE), gamma=2.0, weights=weights)
    loss.backward()
    assert loss.item() == 0
    assert_close(scores.grad, torch.zeros_like(scores))


def test_equal_weights_change_nothing() -> None:
    assert_close(cross_entropy(logits(), LABELS, weights=torch.full((5,), 7.0)), cross_entropy(logits(), LABELS))


def test_ignored_pixels_get_no_gradient() -> None:
    scores = logits()
    cross_entropy(scores, LABELS).backward()
    assert scores.grad is not None
    ignored = (LABELS == IGNORE).unsqueeze(1).expand_as(scores)
    assert not scores.grad[ignored].any()
    assert scores.grad[~ignored].all()


@pytest.mark.parametrize("weights", [None, torch.ones(5), torch.zeros(5)])
def test_no_labelled_pixel_gives_zero_and_zero_gradients(weights: torch.Tensor | None) -> None:
    scores = logits()
    loss = cross_entropy(scores, torch.full_like(LABELS, IGNORE), weights=weights)
    loss.backward()
    assert loss.item() == 0
    assert_close(scores.grad, torch.zeros_like(scores))


def test_labels_of_a_weightless_class_alone_give_zero_and_zero_gradients() -> None:
    scores = logits()
    loss = cross_entropy(scores, torch.full_like(LABELS, 3), weights=torch.tensor([1.0, 1, 1, 0, 1]))
    loss.backward()
    assert loss.item() == 0
    assert_close(scores.grad, torch.zeros_like(scores))


def test_half_precision_logits_give_a_float32_loss() -> None:
    assert cross_entropy(logits().bfloat16(), LABELS).dtype == torch.float32


def test_a_label_outside_the_class_set_is_an_error() -> None:
    with pytest.raises(IndexError):
        cross_entropy(logits(), torch.full_like(LABELS, 5))


def test_weights_of_power_one_times_frequency_times_classes_are_one() -> None:
    pixels = np.array([1911, 2000, 3034, 28, 4], np.int64)
    weights = class_weights(pixels, power=1.0, cap=None)
    assert_close(weights.double() * torch.from_numpy(pixels / pixels.sum()) * 5, torch.ones(5).double())


def test_weights_are_worked_by_hand() -> None:
    pixels = np.array([8, 2, 0, 0], np.int64)  # C f_c = 3.2, 0.8
    assert_close(class_weights(pixels, power=1.0, cap=None), torch.tensor([0.3125, 1.25, 0.0, 0.0]))
    assert_close(class_weights(pixels, power=0.5, cap=None), torch.tensor([3.2**-0.5, 0.8**-0.5, 0.0, 0.0]))


def test_the_authors_frequencies_give_the_authors_weights() -> None:
    # Source shares of road, building and sky in 10^-4, and the rest of 16 classes in one: 0.327, 0.206, 0.882.
    pixels = np.array([1911, 3034, 709, 4346] + [0] * 12, np.int64)
    assert_close(class_weights(pixels, power=1.0, cap=None)[:3], torch.tensor([0.327, 0.206, 0.882]), rtol=1e-3, atol=0)


def test_power_zero_weighs_the_classes_present_alike() -> None:
    assert_close(class_weights(np.array([5, 0, 95]), power=0.0, cap=None), torch.tensor([1.0, 0.0, 1.0]))


def test_no_weight_exceeds_the_cap() -> None:
    weights = class_weights(np.array([10**9, 1, 0]), power=1.0, cap=20.0)
    assert_close(weights, torch.tensor([1 / 3, 20.0, 0.0]))


def test_weights_without_any_pixel_are_refused() -> None:
    with pytest.raises(ValueError, match="expected labelled pixels, got none"):
        class_weights(np.zeros(16, np.int64), power=1.0, cap=None)


def test_a_pixel_costs_as_far_as_it_is_trusted_and_the_mean_is_over_all_pixels() -> None:
    scores = torch.tensor([0.0, math.log(3)]).view(1, 2, 1, 1).expand(1, 2, 1, 4)  # P = (1/4, 3/4)
    labels, trust = torch.tensor([[[1, 0, IGNORE, 1]]]), torch.tensor([[[1.0, 0.5, 9.0, 0.0]]])
    expected = (math.log(4 / 3) + 0.5 * math.log(4)) / 4
    assert_close(weighed_cross_entropy(scores, labels, trust), torch.tensor(expected))


@pytest.mark.parametrize("weights", [None, torch.tensor([0.3, 4.0, 1.0, 0.0, 2.5])])
def test_full_trust_is_cross_entropy_but_for_the_pixels_without_a_label(weights: torch.Tensor | None) -> None:
    loss = weighed_cross_entropy(logits(), LABELS, torch.ones(2, 2, 3), weights=weights)
    assert_close(loss, cross_entropy(logits(), LABELS, weights=weights) * 10 / 12)


def test_equal_weights_change_no_trusted_loss() -> None:
    trust = torch.rand(2, 2, 3, generator=torch.Generator().manual_seed(2))
    plain = weighed_cross_entropy(logits(), LABELS, trust)
    assert_close(weighed_cross_entropy(logits(), LABELS, trust, weights=torch.full((5,), 7.0)), plain)


def test_trusted_labels_that_are_all_missing_cost_nothing() -> None:
    scores = logits()
    for weights in (None, torch.ones(5)):
        loss = weighed_cross_entropy(scores, torch.full_like(LABELS, IGNORE), torch.ones(2, 2, 3), weights=weights)
        loss.backward()
        assert loss == 0
    assert scores.grad is not None
    assert not scores.grad.any()
