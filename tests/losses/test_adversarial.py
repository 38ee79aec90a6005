import math
from collections.abc import Callable

import oracles
import pytest
import torch
from torch.testing import assert_close

from dadist.losses.adversarial import SOURCE, TARGET, domain_loss, printed_domain_loss, squared_domain_loss


@pytest.mark.parametrize("domain", [SOURCE, TARGET])
def test_a_critic_that_cannot_tell_loses_ln_two(domain: int) -> None:
    assert_close(domain_loss(torch.zeros(2, 1, 3, 4), domain), torch.tensor(math.log(2)))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("domain", [SOURCE, TARGET])
def test_domain_loss_equals_the_loop_over_the_map(domain: int) -> None:
    logits = 4 * torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(4))
    expected = oracles.domain_loss(logits.numpy(), domain)
    assert_close(domain_loss(logits, domain).item(), expected, rtol=1e-9, atol=0)


def test_a_positive_answer_means_target() -> None:
    answer = torch.full((1, 1, 2, 2), 5.0)
    assert domain_loss(answer, TARGET) < 0.01
    assert_close(domain_loss(answer, SOURCE), torch.tensor(5.0 + math.log1p(math.exp(-5))))


def test_a_weight_multiplies_what_its_own_answer_costs_before_the_plain_mean() -> None:
    answers = torch.tensor([0.0, 2.0]).view(1, 1, 1, 2)
    weights = torch.tensor([3.0, 0.5]).view(1, 1, 1, 2).requires_grad_()
    loss = domain_loss(answers, SOURCE, weights=weights)
    loss.backward()
    costs = torch.tensor([math.log(2), math.log1p(math.exp(2))])
    assert_close(loss.detach(), (3 * costs[0] + 0.5 * costs[1]) / 2)  # not divided by 3.5
    assert weights.grad is not None
    assert_close(weights.grad.flatten(), costs / 2)


@pytest.mark.parametrize(("domain", "costs"), [(SOURCE, [0, 1, 0.25, 1]), (TARGET, [1, 0, 0.25, 4])])
def test_the_squared_loss_of_hand_worked_answers(domain: int, costs: list[float]) -> None:
    answers = torch.tensor([0.0, 1.0, 0.5, -1.0]).view(1, 1, 2, 2)
    assert_close(squared_domain_loss(answers, domain), torch.tensor(costs).mean())
    assert squared_domain_loss(answers.half(), domain).dtype == torch.float32


def test_an_extreme_answer_in_half_precision_stays_finite() -> None:
    loss = domain_loss(torch.full((1, 1, 2, 2), -300.0, dtype=torch.float16), TARGET)
    assert_close(loss, torch.tensor(300.0))


@pytest.mark.parametrize(("domain", "costs"), [(SOURCE, [0.25, 0.5, 0.9]), (TARGET, [0.75, 0.5, 0.1])])
def test_the_printed_loss_is_the_logarithm_of_hand_worked_probabilities(domain: int, costs: list[float]) -> None:
    answers = torch.tensor([0.25, 0.5, 0.9]).logit().view(1, 1, 1, 3)  # D, the probability of the target
    expected = torch.tensor(costs).log().mean()  # of D on the source, of 1 - D on the target
    assert_close(printed_domain_loss(answers, domain), expected)


@pytest.mark.parametrize("domain", [SOURCE, TARGET])
def test_both_losses_push_an_answer_the_same_way_and_hardest_at_opposite_ends(domain: int) -> None:
    def slope(loss: Callable[[torch.Tensor, int], torch.Tensor], answer: float) -> float:
        logits = torch.full((1, 1, 1, 1), answer, requires_grad=True)
        loss(logits, domain).backward()
        assert logits.grad is not None
        return logits.grad.item()

    wrong = 3.0 if domain == SOURCE else -3.0
    assert slope(domain_loss, wrong) == pytest.approx(slope(printed_domain_loss, -wrong))
    assert slope(domain_loss, wrong) / slope(printed_domain_loss, wrong) > 15  # 0.95 to 0.05
