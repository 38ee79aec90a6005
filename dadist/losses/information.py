"""The self-information map: what the critics of ADVENT, DADA and this method look at; and its sum, the entropy."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

# exp(-104) is 0 in float32: a smaller logarithm changes nothing but would make 0 * -inf.
_LEAST_LOG = -104.0


class _Information(torch.autograd.Function):
    """The formula and its slope, in as few passes over maps of the images' size as there can be.

    With k = -1 / ln C, I = k P ln P and h = k g P (1 + ln P), where g = dL/dI, dL/dlogits = h - P sum(h): the sum is
    over the classes.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Tensor:
        log = F.log_softmax(logits, dim=1).clamp_min_(_LEAST_LOG)
        p = log.exp()
        ctx.save_for_backward(log, p)
        return (p * log).mul_(-1 / math.log(logits.shape[1]))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        log, p = ctx.saved_tensors
        h: Tensor = (log + 1).mul_(p).mul_(gradients[0]).mul_(-1 / math.log(log.shape[1]))
        return h.addcmul_(p, h.sum(1, keepdim=True), value=-1)


def self_information(logits: Tensor) -> Tensor:
    """Weighted self-information of every class, I_c = -P_c log2(P_c) / log2(C) with P = softmax(logits).

    The channels of a pixel sum to its normalised entropy, in [0, 1]. The logarithm is taken of the softmax as a
    whole and in float32 whatever comes in: P log(P + 1e-30) is NaN in half precision, where 1e-30 is 0.

    Args:
        logits: ``(B, C, H, W)``, C at least 2.

    Returns:
        ``(B, C, H, W)`` float32.

    Source: Vu et al., ADVENT, CVPR 2019.
    """
    information: Tensor = _Information.apply(logits.float())
    return information


def mean_entropy(logits: Tensor) -> Tensor:
    """Normalised entropy of the prediction, averaged over all pixels, in float32.

    Args:
        logits: ``(B, C, H, W)``, C at least 2.

    Returns:
        Scalar in [0, 1]; 0 where every pixel is certain, 1 where all classes are equal everywhere.

    Source: the direct entropy minimisation (MinEnt) of Vu et al., ADVENT, CVPR 2019.
    """
    return self_information(logits).sum(dim=1).mean()
