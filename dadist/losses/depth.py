"""The reverse Huber distance, which trains depth heads and density heads alike, and how far two depths agree."""

import torch
from torch import Tensor

from dadist.runtime import distributed


def berhu(predicted: Tensor, target: Tensor, valid: Tensor, *, ratio: float = 0.2) -> Tensor:
    """Mean reverse Huber distance over the valid pixels.

    With e = |predicted - target| and c = ratio * max(e), a pixel costs e where
    e <= c and (e^2 + c^2) / (2c) beyond: linear near zero, quadratic for large
    errors, continuous at c. c carries no gradient. Of several processes that
    train together the largest error and the number of pixels are those of all.

    Args:
        predicted: Inverse depth, ``(B, 1, H, W)``.
        target: Inverse depth, same shape and unit as ``predicted``.
        valid: Bool, same shape; False where the target has no depth.
        ratio: c as a share of the largest error; 0.2 in the definition.

    Returns:
        Scalar in the unit of ``predicted``; 0 if no pixel is valid.

    Source: Laina et al., Deeper Depth Prediction, 3DV 2016; used by DADA, ICCV 2019.
    """
    # Pixels are masked, not picked: how many a choice has is known to the device alone, and the host would wait for it.
    error = (predicted - target).abs().where(valid, 0.0)
    largest = error.detach().max() if error.numel() else error.new_zeros(())
    c = (ratio * distributed.largest(largest)).clamp_min(1e-12)
    return torch.where(error <= c, error, (error**2 + c**2) / (2 * c)).sum() / distributed.denominator(valid.sum(), 1)


def agreement(one: Tensor, other: Tensor, depth: Tensor, valid: Tensor) -> Tensor:
    """How far two predictions of a depth agree, pixel by pixel: r = min(max(1 - |one - other| / depth, 0) + 1e-3, 1).

    Args:
        one: Inverse depth, ``(B, 1, H, W)``.
        other: Inverse depth, same shape and unit.
        depth: Inverse depth that the difference is a share of, above 0 where ``valid``.
        valid: Bool; False where there is no such depth: there r = 1.

    Returns:
        ``(B, 1, H, W)`` float32 in 0.001 to 1, without a gradient.

    Source: Wang et al., CorDA, ICCV 2021.
    """
    difference = (one - other).detach().abs().float() / depth.where(valid, 1.0)
    return (torch.relu(1 - difference) + 1e-3).clamp(0, 1).where(valid, 1.0)


def mean_absolute(predicted: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Mean absolute difference over the valid pixels.

    Args:
        predicted: Inverse depth, ``(B, 1, H, W)``.
        target: Inverse depth, same shape and unit as ``predicted``.
        valid: Bool, same shape; False where the target has no depth.

    Returns:
        Scalar in the unit of ``predicted``; 0 if no pixel is valid.

    Source: SPIGAN, ICLR 2019.
    """
    return ((predicted - target).abs() * valid).sum() / distributed.denominator(valid.sum(), 1)
