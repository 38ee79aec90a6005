"""The running average of a network's weights: the teacher of the methods that have one."""

from typing import Literal

import torch
from torch import nn


@torch.no_grad()
def average(
    teacher: nn.Module, student: nn.Module, *, keep: float, buffers: Literal["own", "student's", "averaged"]
) -> None:
    """Move the teacher towards the student: weight = keep * its own + (1 - keep) * the student's.

    Args:
        teacher: Changed in place.
        student: A network of the same architecture.
        keep: 0 to 1.
        buffers: Statistics of BatchNorm: the teacher's own, as of one that predicts in training mode; the student's,
            which are averages already; or averaged as weights are.

    Source: Tarvainen & Valpola, Mean Teachers, NeurIPS 2017, arxiv.org/abs/1703.01780.
    """
    for mine, new in zip(teacher.parameters(), student.parameters(), strict=True):
        mine.lerp_(new, 1 - keep)
    if buffers == "own":
        return
    for kept, latest in zip(teacher.buffers(), student.buffers(), strict=True):
        if buffers == "averaged" and kept.is_floating_point():
            kept.lerp_(latest, 1 - keep)
        else:  # numbers of batches too
            kept.copy_(latest)
