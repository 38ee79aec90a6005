import math

import oracles
import pytest
import torch
from torch.testing import assert_close

from dadist.losses.adversarial import SOURCE, TARGET, domain_loss


@pytest.mark.parametrize("domain", [SOURCE, TARGET])
def test_a_critic_that_cannot_tell_loses_ln_two(domain: int) -> None:
    assert_close(domain_loss(torch.zeros(2, 1, 3, 4), domain), torch.tensor(math.log(2)))


@pytest.mark.parametrize("domain", [SOURCE, TARGET])
def test_domain_loss_equals_the_loop_over_the_map(domain: int) -> None:
    logits = 4 * torch.randn(2, 1, 3, 4, generator=torch.Generator().manual_seed(4))
    expected = oracles.domain_loss(logits.numpy(), domain)
    assert_close(domain_loss(logits, domain).item(), expected, rtol=1e-6, atol=0)


def test_a_positive_answer_means_target() -> None:
    answer = torch.full((1, 1, 2, 2), 5.0)
    assert domain_loss(answer, TARGET) < 0.01
    assert_close(domain_loss(answer, SOURCE), torch.tensor(5.0 + math.log1p(math.exp(-5))))


def test_an_extreme_answer_in_half_precision_stays_finite() -> None:
    loss = domain_loss(torch.full((1, 1, 2, 2), -300.0, dtype=torch.float16), TARGET)
    assert_close(loss, torch.tensor(300.0))
