"""Cross-entropy of the segmentation, and the class weights that go with it."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from dadist import parallel
from dadist.classes import IGNORE


def cross_entropy(logits: Tensor, labels: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Mean cross-entropy over the labelled pixels (of all processes that train together), in float32.

    With weights it is the weighted mean Σ w l / Σ w, where w is the weight of a pixel's own class.

    Args:
        logits: ``(B, C, H, W)``.
        labels: Train ids, ``(B, H, W)`` int64; ``IGNORE`` where there is none.
        weights: One weight a class, ``(C,)``; None counts every labelled pixel once.

    Returns:
        Scalar in nats; 0, with zero gradients, if no pixel is labelled.

    Source: the weighted mean is the authors' code (16 classes: weights of 0.2 to 155); their paper shows none.
    """
    labelled = labels != IGNORE
    total = F.cross_entropy(logits.float(), labels, weight=weights, ignore_index=IGNORE, reduction="sum")
    if weights is None:
        return total / parallel.denominator(labelled.sum(), 1)
    share = weights[labels.clamp_max(len(weights) - 1)] * labelled
    return total / parallel.denominator(share.sum(), torch.finfo(share.dtype).tiny)


def class_weights(pixels: NDArray[np.int64], *, power: float, cap: float | None) -> Tensor:
    """One weight a class from how often it occurs: (1 / (C f_c)) ** power.

    Args:
        pixels: Labelled pixels of each class, ``(C,)``.
        power: 1 as the authors (then w_c f_c C = 1); 0.5 is milder; 0 weighs all classes alike.
        cap: No weight exceeds it; None for no limit.

    Returns:
        ``(C,)`` float32; 0 for a class that never occurs.

    Raises:
        ValueError: If no class has a pixel.
    """
    if not pixels.any():
        raise ValueError("class weights: expected labelled pixels, got none; check the source's labels and class set")
    present = pixels > 0
    share = np.where(present, pixels, 1) * (len(pixels) / pixels.sum())  # C f_c
    weights = np.where(present, share**-power, 0.0)
    if cap is not None:
        weights = weights.clip(max=cap)
    return torch.from_numpy(weights.astype(np.float32))
