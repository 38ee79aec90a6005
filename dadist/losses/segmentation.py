"""Cross-entropy of the segmentation, and the class weights that go with it."""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from dadist.classes import IGNORE
from dadist.runtime import distributed

TINY = torch.finfo(torch.float32).tiny


def cross_entropy(logits: Tensor, labels: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Mean cross-entropy over the labelled pixels (of all processes that train together), in float32.

    With weights it is the weighted mean Σ w l / Σ w, where w is the weight of a pixel's own class.

    Args:
        logits: ``(B, C, H, W)``.
        labels: Train ids, ``(B, H, W)`` int64; ``IGNORE`` where there is none.
        weights: One weight per class, ``(C,)``; None counts every labelled pixel once.

    Returns:
        Scalar in nats; 0, with zero gradients, if no pixel is labelled.

    Source: the weighted mean is the authors' code (16 classes: weights of 0.2 to 155); their paper shows none.
    """
    total = F.cross_entropy(logits.float(), labels, weight=weights, ignore_index=IGNORE, reduction="sum")
    if weights is None:
        return total / distributed.denominator((labels != IGNORE).sum(), 1)
    return total / distributed.denominator(_shares(labels, weights).sum(), TINY)


def focal_loss(logits: Tensor, labels: Tensor, *, gamma: float, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy whose pixels count the less the surer they are of their class, in float32.

    The mean over the labelled pixels of (1 - p)^gamma (-log p), with p the probability of a pixel's own class; with
    weights the weighted mean Σ w (1 - p)^gamma (-log p) / Σ w. gamma 0 is cross-entropy.

    Args:
        logits: ``(B, C, H, W)``.
        labels: Train ids, ``(B, H, W)`` int64; ``IGNORE`` where there is none.
        gamma: At least 0.
        weights: One weight per class, ``(C,)``; None counts every labelled pixel once.

    Returns:
        Scalar in nats; 0, with zero gradients, if no pixel is labelled.

    Source: Lin et al., Focal Loss, ICCV 2017; CLAN's code has it with gamma 2.
    """
    surprise = F.cross_entropy(logits.float(), labels, ignore_index=IGNORE, reduction="none")  # (B, H, W)
    doubt = -torch.expm1(-surprise)  # 1 - p
    shares = (labels != IGNORE).float() if weights is None else _shares(labels, weights)
    # A root of 0 would have an endless slope.
    costs = doubt.clamp_min(TINY) ** gamma * surprise * shares
    return costs.sum() / distributed.denominator(shares.sum(), TINY)


def _shares(labels: Tensor, weights: Tensor) -> Tensor:
    """The weight of each pixel's own class, ``(B, H, W)``; 0 where there is no label."""
    return weights[labels.clamp_max(len(weights) - 1)] * (labels != IGNORE)


def weighed_cross_entropy(logits: Tensor, labels: Tensor, trust: Tensor, *, weights: Tensor | None = None) -> Tensor:
    """Mean over all pixels of trust times cross-entropy, in float32; pixels without a label count, and cost nothing.

    With weights it is Σ t w l / Σ w times the share of labelled pixels, where w is the weight of a pixel's own class:
    with equal weights the same number, and with trust 1 and all pixels labelled that of ``cross_entropy``.

    Args:
        logits: ``(B, C, H, W)``.
        labels: Train ids, ``(B, H, W)`` int64; ``IGNORE`` where there is none.
        trust: How much a pixel counts, ``(B, H, W)``.
        weights: One weight per class, ``(C,)``; None counts every class alike.

    Returns:
        Scalar in nats.

    Source: the mean over all pixels is that of Tranheden et al., DACS, WACV 2021, and of CorDA, ICCV 2021.
    """
    each = F.cross_entropy(logits.float(), labels, weight=weights, ignore_index=IGNORE, reduction="none")
    mean = (trust * each).mean()
    if weights is None:
        return mean
    labelled = distributed.mean((labels != IGNORE).float().mean())
    return mean * labelled / distributed.mean(_shares(labels, weights).mean()).clamp_min(TINY)


def class_weights(pixels: NDArray[np.int64], *, power: float, cap: float | None) -> Tensor:
    """One weight per class from how often it occurs: (1 / (C f_c)) ** power.

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
    return torch.from_numpy(weights).float()
