"""The game between segmenter and critic: which domain does an output come from?"""

import torch
import torch.nn.functional as F
from torch import Tensor

SOURCE = 0
TARGET = 1


def domain_loss(logits: Tensor, domain: int) -> Tensor:
    """Binary cross-entropy of the critic's answers with one domain, averaged over the map, in float32.

    The critic learns with an output's own domain; the segmenter learns with ``SOURCE`` on target outputs.

    Args:
        logits: The critic's answers, ``(B, 1, h, w)``; positive means target.
        domain: ``SOURCE`` or ``TARGET``.

    Returns:
        Scalar in nats; ln 2 where the critic cannot tell.

    Source: the labels of ADVENT, DADA and the authors' code (source 0, target 1).
    """
    logits = logits.float()
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, domain))
