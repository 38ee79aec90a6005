"""What keeps features near those of another network.

Sources: Hoyer, Dai & Van Gool, DAFormer, CVPR 2022, arxiv.org/abs/2111.14887 (thing-class feature distance); the
authors' code of VFM-UDA++ (distillation).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from dadist.classes import ClassSet
from dadist.runtime import distributed

# Classes of things that can be counted, of all class sets, as DAFormer has them for 19 classes.
THINGS = frozenset(
    ("light", "sign", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle", "human", "vehicle")
)


def things(classes: ClassSet) -> tuple[int, ...]:
    """Train ids of the classes of things."""
    return tuple(index for index, name in enumerate(classes.names) if name in THINGS)


def dominated(labels: Tensor, size: Sequence[int], classes: Sequence[int], *, share: float) -> Tensor:
    """Cells of a coarser grid that one of some classes fills.

    Args:
        labels: Train ids, ``(B, H, W)`` int64.
        size: (h, w) of the grid.
        classes: Train ids.
        share: Least share of a cell's pixels, above a half.

    Returns:
        Bool, ``(B, h, w)``.
    """
    if not classes:
        return torch.zeros(len(labels), *size, dtype=torch.bool, device=labels.device)
    each = torch.stack([labels == name for name in classes], 1).to(torch.get_default_dtype())
    shares = F.adaptive_avg_pool2d(each, (size[0], size[1]))  # (B, len(classes), h, w)
    return shares.amax(1) >= share


def distance(features: Tensor, others: Tensor, where: Tensor) -> Tensor:
    """Mean Euclidean distance of two maps ``(B, C, h, w)`` over the cells of a mask ``(B, h, w)``; 0 without any."""
    away = torch.linalg.vector_norm((features - others).float(), dim=1)
    # Of all processes' cells: each has its own number of them, and their gradients are averaged.
    count = distributed.mean(where.sum().to(away))
    return torch.where(where, away, 0).sum() / count.clamp_min(1)


def unlikeness(features: Tensor, others: Tensor, *, cosine: float) -> Tensor:
    """Mean over the cells of two maps ``(B, C, h, w)`` of cosine (1 - cos) + (1 - cosine) smooth-L1, in float32.

    Smooth-L1 is the mean over the channels of d^2 / 2 where |d| < 1, and |d| - 1/2 beyond.

    Args:
        features: Learn.
        others: To be like.
        cosine: Share of the angle's part, 0 to 1.
    """
    features, others = features.float(), others.float()
    angle = 1 - F.cosine_similarity(features, others, dim=1)
    return cosine * angle.mean() + (1 - cosine) * F.smooth_l1_loss(features, others)
