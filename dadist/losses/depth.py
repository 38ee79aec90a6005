"""The reverse Huber distance, which trains the depth head and the density head alike."""

import torch
from torch import Tensor

from dadist import parallel


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
    error = (predicted - target).abs()[valid]
    largest = error.detach().max() if error.numel() else error.new_zeros(())
    c = (ratio * parallel.largest(largest)).clamp_min(1e-12)
    return torch.where(error <= c, error, (error**2 + c**2) / (2 * c)).sum() / parallel.denominator(valid.sum(), 1)
