"""The running average of a network's weights: the teacher of the methods that have one."""

import torch
from torch import nn


@torch.no_grad()
def average(teacher: nn.Module, student: nn.Module, *, keep: float, buffers: bool) -> None:
    """Move the teacher towards the student: weight = keep * its own + (1 - keep) * the student's.

    Args:
        teacher: Changed in place.
        student: A network of the same architecture.
        keep: 0 to 1.
        buffers: Whether the teacher takes over the student's statistics of BatchNorm, which are averages already. A
            teacher that predicts in training mode has statistics of its own.

    Source: Tarvainen & Valpola, Mean Teachers, NeurIPS 2017, arxiv.org/abs/1703.01780.
    """
    for mine, new in zip(teacher.parameters(), student.parameters(), strict=True):
        mine.lerp_(new, 1 - keep)
    if buffers:
        for kept, latest in zip(teacher.buffers(), student.buffers(), strict=True):
            kept.copy_(latest)
