"""What stands in the parts of a map: means over cells that tile it, and which typical label patch a patch is like."""

import torch
from torch import Tensor, nn

from dadist.classes import IGNORE
from dadist.prior.patches import QUARTERS, Patches


def cell_means(maps: Tensor, cells: tuple[int, int]) -> Tensor:
    """Mean over each of the cells that tile a map.

    The same as adaptive average pooling, as two products of matrices: these have a way back that is deterministic on
    a GPU. Where the cells do not divide the map, neighbours share a row or column.

    Args:
        maps: ``(B, C, H, W)`` float.
        cells: Across and down.

    Returns:
        ``(B, C, cells down, cells across)``.
    """
    across, down = _members(maps, cells)
    return down @ maps @ across.T / (down.sum(1)[:, None] * across.sum(1))


def cell_histograms(labels: Tensor, classes: int, cells: tuple[int, int]) -> Tensor:
    """Share of each class among the labelled pixels of each cell; 0 for all where none is labelled.

    Args:
        labels: Train ids, ``(B, H, W)`` int64; ``IGNORE`` counts for nothing.
        classes: How many there are.
        cells: Across and down.

    Returns:
        ``(B, classes, cells down, cells across)`` float32.
    """
    there = (labels[:, None] == torch.arange(classes, device=labels.device)[:, None, None]).float()  # (B, C, H, W)
    # Sums of ones are exact, so the shares are the same bits in any order of adding up, on any device.
    across, down = _members(there, cells)
    counts = down @ there @ across.T
    return counts / counts.sum(1, keepdim=True).clamp_min(1)


def describe(labels: Tensor, classes: int, patches: tuple[int, int]) -> Tensor:
    """What the patches that tile a label map hold: the class histograms of a patch's two by two cells.

    Args:
        labels: Train ids, ``(B, H, W)`` int64.
        classes: How many there are.
        patches: Across and down.

    Returns:
        ``(B, patches down, patches across, 4 classes)`` float32: upper left, upper right, lower left, lower right; all
        0 for a patch without a label.

    Source: Tsai et al., Domain Adaptation for Structured Output via Discriminative Patch Representations, ICCV 2019.
    """
    u, v = patches
    histograms = cell_histograms(labels, classes, (2 * u, 2 * v)).view(len(labels), classes, v, 2, u, 2)
    return histograms.permute(0, 2, 4, 3, 5, 1).reshape(len(labels), v, u, QUARTERS * classes)


class Clusters(nn.Module):
    """Which typical patch of the source each patch of a label map is like."""

    centroids: Tensor  # (K, 4 C)
    length: Tensor  # (K,) square of each centroid's; infinite for one without members, so that it is never the nearest

    def __init__(self, patches: Patches) -> None:
        super().__init__()
        self.classes = len(patches.classes)
        centroids = torch.from_numpy(patches.centroids).float()
        length = centroids.square().sum(1).masked_fill(torch.from_numpy(patches.members) == 0, torch.inf)
        self.register_buffer("centroids", centroids, persistent=False)
        self.register_buffer("length", length, persistent=False)

    def forward(self, labels: Tensor, patches: tuple[int, int]) -> Tensor:
        """Number of the nearest centroid, by Euclidean distance; ``IGNORE`` for a patch without a label.

        Args:
            labels: Train ids, ``(B, H, W)`` int64.
            patches: Across and down.

        Returns:
            ``(B, patches down, patches across)`` int64.
        """
        return self.nearest(describe(labels, self.classes, patches))

    def nearest(self, descriptors: Tensor) -> Tensor:
        """The same for descriptors ``(..., 4 C)`` as `describe` makes them."""
        # |x - c|^2 but for |x|^2, which is the same for all centroids.
        distance = self.length - 2 * descriptors @ self.centroids.T
        return distance.argmin(-1).where(descriptors.any(-1), IGNORE)


def _members(maps: Tensor, cells: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Which columns, and which rows, of maps ``(B, C, H, W)`` belong to which cell: 1 or 0, ``(cells, W or H)``.

    A cell holds every pixel that it has a part of.
    """
    found = []
    for size, count in zip((maps.shape[3], maps.shape[2]), cells, strict=True):
        cell, pixel = torch.arange(count, device=maps.device)[:, None], torch.arange(size, device=maps.device)
        found.append(((pixel * count < (cell + 1) * size) & ((pixel + 1) * count > cell * size)).to(maps.dtype))
    return found[0], found[1]
