from typing import Any

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


@pytest.mark.parametrize(("buffers", "statistics"), [("own", 0.0), ("student's", 1.0), ("averaged", 0.625)])
def test_the_average_of_hand_worked_weights(buffers: Any, statistics: float) -> None:
    teacher, student = network(0.0), network(1.0)
    student.num_batches_tracked.fill_(5)  # type: ignore[union-attr]
    for keep, expected in ((0.75, 0.25), (0.5, 0.625), (1.0, 0.625)):
        average(teacher, student, keep=keep, buffers=buffers)
        assert_close(teacher.weight, torch.full((2,), expected))
    assert_close(teacher.running_mean, torch.full((2,), statistics))
    assert teacher.num_batches_tracked == (0 if buffers == "own" else 5)
    average(teacher, student, keep=0.0, buffers=buffers)
    assert (teacher.weight == 1).all()
    assert (student.weight == 1).all()
    assert teacher.weight.grad_fn is None
