"""Two classifiers of the same features: where they disagree, and how alike their weights are."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor


def disagreement(first: Tensor, second: Tensor) -> Tensor:
    """M = 1 - cos(P1, P2) of every pixel, over the classes, with P = softmax(logits), in float32.

    Args:
        first: Logits, ``(B, C, H, W)``.
        second: Logits of the other classifier, same shape.

    Returns:
        ``(B, 1, H, W)`` float32 in [0, 1]: 0 where both say the same, 1 where they are sure of different classes.

    Source: Luo et al., CLAN, CVPR 2019.
    """
    probabilities = F.softmax(first.float(), dim=1), F.softmax(second.float(), dim=1)
    return 1 - F.cosine_similarity(*probabilities, dim=1)[:, None]


def likeness(first: Iterable[Tensor], second: Iterable[Tensor]) -> Tensor:
    """2 (cos(w1, w2) + 1), with w all weights and biases of a classifier in one row: what makes two views of one.

    Args:
        first: Parameters of a classifier, of any shapes.
        second: Those of the other, in the same order.

    Returns:
        Scalar in [0, 4]: 4 for equal classifiers, 2 for unrelated ones, 0 for opposite ones.

    Source: the weight discrepancy of Luo et al., CLAN, CVPR 2019; the factor 2 is their code's.
    """
    one, other = (torch.cat([weight.flatten() for weight in weights]) for weights in (first, second))
    return 2 * (F.cosine_similarity(one, other, dim=0) + 1)
