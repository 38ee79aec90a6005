"""The self-information map: what the critics of ADVENT, DADA and this method look at; and its sum, the entropy."""

import math

import torch.nn.functional as F
from torch import Tensor

# exp(-104) is 0 in float32: a smaller logarithm changes nothing but would make 0 * -inf.
_LEAST_LOG = -104.0


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
    log = F.log_softmax(logits.float(), dim=1).clamp_min(_LEAST_LOG)
    return log.exp() * log / -math.log(logits.shape[1])


def mean_entropy(logits: Tensor) -> Tensor:
    """Normalised entropy of the prediction, averaged over all pixels, in float32.

    Args:
        logits: ``(B, C, H, W)``, C at least 2.

    Returns:
        Scalar in [0, 1]; 0 where every pixel is certain, 1 where all classes are equal everywhere.

    Source: the direct entropy minimisation (MinEnt) of Vu et al., ADVENT, CVPR 2019.
    """
    return self_information(logits).sum(dim=1).mean()
