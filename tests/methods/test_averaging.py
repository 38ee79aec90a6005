import pytest
import torch
from torch import nn
from torch.testing import assert_close

from dadist.methods.averaging import average


def network(value: float) -> nn.BatchNorm1d:
    norm = nn.BatchNorm1d(2)
    nn.init.constant_(norm.weight, value)
    norm.running_mean.fill_(value)  # type: ignore[union-attr]
    return norm


@pytest.mark.parametrize("buffers", [True, False])
def test_the_average_of_hand_worked_weights(buffers: bool) -> None:
    teacher, student = network(0.0), network(1.0)
    for keep, expected in ((0.75, 0.25), (0.5, 0.625), (1.0, 0.625), (0.0, 1.0)):
        average(teacher, student, keep=keep, buffers=buffers)
        assert_close(teacher.weight, torch.full((2,), expected))
    assert_close(teacher.running_mean, torch.full((2,), 1.0 if buffers else 0.0))
    assert (student.weight == 1).all()
    assert teacher.weight.grad_fn is None
