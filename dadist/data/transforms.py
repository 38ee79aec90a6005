"""Changes to batches: mirroring, class-mix, the centres of cells."""

import functools
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dadist.data.resize import centres


def flip(batch: Tensor, which: Tensor | NDArray[np.bool_]) -> Tensor:
    """Mirror the chosen items left to right.

    Args:
        batch: ``(B, ..., W)``, any dtype.
        which: ``(B,)`` bool; True mirrors.
    """
    chosen = torch.as_tensor(which).view(-1, *[1] * (batch.ndim - 1))
    return torch.where(chosen.to(batch.device), batch.flip(-1), batch)


def class_mask(labels: Tensor, generator: np.random.Generator, *, of_batch: bool = False) -> Tensor:
    """Pixels of half of the classes of each image, drawn at random.

    Args:
        labels: ``(B, H, W)`` int64; 255 counts as a class, as in the authors' code of DACS.
        generator: Draws the classes.
        of_batch: Whether half of the classes of the whole batch are drawn for each image.

    Returns:
        Bool, ``(B, 1, H, W)``; True on ceil(n / 2) of n classes.

    Sources: Olsson et al., ClassMix, WACV 2021; Tranheden et al., DACS, WACV 2021; DAFormer, CVPR 2022 (of the batch).
    """
    masks = []
    for image in labels:
        present = (labels if of_batch else image).unique()
        count = (len(present) + 1) // 2
        chosen = present[torch.from_numpy(generator.permutation(len(present))[:count]).to(image.device)]
        masks.append(torch.isin(image, chosen))
    return torch.stack(masks)[:, None]


def at_centres(maps: Tensor, grid: Sequence[int]) -> Tensor:
    """The pixels of maps ``(..., H, W)`` under the centres of cells, ``(..., h, w)``, for a grid (h, w); any dtype."""
    rows, columns = (_centres(size, cells, maps.device) for size, cells in zip(maps.shape[-2:], grid, strict=True))
    return maps[..., rows[:, None], columns]


@functools.cache
def _centres(size: int, cells: int, device: torch.device) -> Tensor:
    """As `centres`, on a device; kept there, since sending them at every step would keep the host waiting."""
    return torch.from_numpy(centres(size, cells)).to(device)
