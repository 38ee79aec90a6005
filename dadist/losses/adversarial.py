"""Adversarial losses of segmenter and critic: which domain does an output come from?"""

import torch
import torch.nn.functional as F
from torch import Tensor

SOURCE = 0
TARGET = 1


def domain_loss(logits: Tensor, domain: int, *, weights: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of the critic's answers with one domain, averaged over the map, in float32.

    The critic learns with an output's own domain; the segmenter learns with ``SOURCE`` on target outputs.

    Args:
        logits: The critic's answers, ``(B, 1, h, w)``; positive means target.
        domain: ``SOURCE`` or ``TARGET``.
        weights: What each answer's cost is multiplied by before the plain mean, same shape; None for 1.

    Returns:
        Scalar in nats; without weights ln 2 where the critic cannot tell.

    Source: the labels of ADVENT, DADA and the authors' code (source 0, target 1); the weights are CLAN's.
    """
    logits = logits.float()
    costs = F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, domain), reduction="none")
    return (costs if weights is None else weights * costs).mean()  # the library's own weights carry no gradient


def printed_domain_loss(logits: Tensor, domain: int) -> Tensor:
    """The adversarial loss as the poster prints it: log D on source outputs, log(1 - D) on target ones.

    D = sigmoid(logits) is the probability of the target, so both push where `domain_loss` pushes. But they have no
    lower bound, and push least where the critic is wrong: cross-entropy pushes by how wrong it is, this by how right.

    Args:
        logits: The critic's answers, ``(B, 1, h, w)``; positive means target.
        domain: ``SOURCE`` or ``TARGET``.

    Returns:
        Scalar in nats, averaged over the map, in float32; -ln 2 where the critic cannot tell.

    Source: Wu & Liu, NeurIPS 2022, poster: min_D E_s[log D(F_s)] + E_t[log(1 - D(F_t))]; min_net E_t[log D(F_t)].
    """
    logits = logits.float()
    return F.logsigmoid(logits if domain == SOURCE else -logits).mean()


def squared_domain_loss(logits: Tensor, domain: int) -> Tensor:
    """Mean squared difference of the critic's answers from one domain's number, 0 or 1, in float32.

    Args:
        logits: The critic's answers, ``(B, 1, h, w)``, taken as they are: no sigmoid.
        domain: ``SOURCE`` or ``TARGET``.

    Returns:
        Scalar; 0.25 where the critic answers halfway between the two.

    Source: Mao et al., Least Squares GAN, ICCV 2017, as AdaptSegNet's code has it.
    """
    return ((logits.float() - domain) ** 2).mean()


# What a configuration may call them.
ADVERSARIAL_LOSSES = {"bce": domain_loss, "log": printed_domain_loss, "least_squares": squared_domain_loss}
