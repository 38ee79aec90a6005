"""Depth as a distribution over bins: what makes the self-information of a depth a thing to align."""

import functools
import math

import torch
from torch import Tensor

_NUMERATOR = 65536.0  # of the inverse depth that the published bins and their width are made for
_FAR_M = 655.36  # depth of the last bin's end, where 16 bits of centimetres end


def sid(count: int) -> list[float]:
    """Depth in metres of ``count`` bins: ceil(655.36^(k / count)), the lower edges of spacing-increasing bins.

    Source: CTRL, CVPR 2021, its released code; spacing-increasing discretisation is Fu et al., DORN, CVPR 2018.
    """
    return [math.ceil(math.exp(math.log(_FAR_M) * k / count)) for k in range(count)]


def middles(count: int) -> list[float]:
    """Depth in metres of ``count`` bins: 655.36^((2k + 1) / (2 count)), the geometric middles.

    Source: what the released code of CTRL calls the paper's.
    """
    return [_FAR_M ** ((2 * k + 1) / (2 * count)) for k in range(count)]


# What a configuration may call them.
SPACINGS = {"sid": sid, "paper": middles}


def bin_scores(depth: Tensor, *, metres: list[float], sigma: float, numerator: float) -> Tensor:
    """How near a depth is to each bin, -(z - b_k)^2 / sigma; their softmax is the distribution over the bins.

    With sigma = 1 bins nearer than about 75 m are much farther apart than sigma: there the distribution is one-hot, and
    it is soft for far depths alone. Squares reach 4e5, so all is float32.

    Args:
        depth: Inverse depth numerator / (cm + 1), ``(B, 1, H, W)``.
        metres: Depth of each bin.
        sigma: Width of the bins, in units of z^2 with z = 65536 / (cm + 1), whatever the numerator: the same depths in
            metres have the same scores.
        numerator: Of ``depth``.

    Returns:
        ``(B, K, H, W)`` float32.

    Source: Saha et al., CTRL, CVPR 2021.
    """
    z = depth.float() * (_NUMERATOR / numerator)
    return -((z - _depths(tuple(metres), z.device, z.dtype)) ** 2) / sigma


@functools.cache
def _depths(metres: tuple[float, ...], device: torch.device, dtype: torch.dtype) -> Tensor:
    """65536 / (cm + 1), ``(1, K, 1, 1)``; sent to the device once, since the host waits for it."""
    bins = torch.tensor(metres, dtype=dtype, device=device)
    return (_NUMERATOR / (100 * bins + 1)).view(1, -1, 1, 1)
