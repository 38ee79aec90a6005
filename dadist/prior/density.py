"""Density maps: how likely a class is to be at a place and depth, under the mixtures of the source."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dadist.classes import IGNORE
from dadist.prior.mixtures import Mixtures
from dadist.prior.place import place

RULES = ("exponential", "median", "none")
BLOCK = 16384  # cells at once on a processor, whose cache then holds what is between the tables and p


class Density(nn.Module):
    """p(x, y, z), or that of the mixtures' features among these, of each cell under the mixture of the cell's class.

    p is a density over the mixtures' scaled features: over cells, as in the authors' code, for coordinates "cells";
    for "height" it is a density over the scaled space, 1 / (sx sy) times the one over cells.

    The place of a cell is known before any image is (place.py), so tables hold, per class, component and cell, the log
    of weight and place, and where z is expected.
    What is left is one exponential per component and pixel, for diagonal and full covariances alike. Mixtures over
    the place alone are tables whole: depth has no say.
    """

    log_weight: Tensor  # (K, (C + 1) cells), class by class; the last class is for ignored pixels, of density 0
    location: Tensor  # (K, (C + 1) cells) mean of z given the cell; (K, C + 1) where it is the same in all cells
    precision: Tensor  # (K, C + 1) 1 / standard deviation of z given the cell; 0 where z is no feature
    cells: Tensor  # (cells,) 0, 1, and so on

    def __init__(self, mixtures: Mixtures) -> None:
        super().__init__()
        self.grid, self.features = mixtures.grid, mixtures.features
        log_weight, location, deviation = place(mixtures)
        if "z" in mixtures.features:
            log_weight = log_weight - np.log(deviation * math.sqrt(2 * math.pi))[..., None, None]
        precision = 1 / deviation
        location = location.reshape(*precision.shape, -1)
        self.leans = bool((location != location[..., :1]).any())  # z with x or y: not where covariances are diagonal
        self._table("log_weight", log_weight.reshape(*precision.shape, -1), -math.inf)
        self._table("location", location if self.leans else location[..., :1], 0)
        self._table("precision", precision, 0)
        self.register_buffer("cells", torch.arange(math.prod(mixtures.grid), dtype=torch.int32), persistent=False)

    def forward(self, labels: Tensor, z: Tensor, *, positive: bool) -> Tensor:
        """Density of each cell's depth under its class.

        Args:
            labels: Train ids on the mixtures' grid, ``(B, h, w)`` int64; ``IGNORE`` gives 0.
            z: Inverse depth, ``(B, 1, h, w)``.
            positive: Whether z <= 0 gives 0, as the authors do for the target's estimates; their source maps
                evaluate the mixture at z = 0 instead. Of no effect where z is no feature.

        Returns:
            ``(B, 1, h, w)`` float32.
        """
        batch, height, width = labels.shape
        if (width, height) != self.grid or z.shape != (batch, 1, height, width):
            expected = f"labels (B, {self.grid[1]}, {self.grid[0]}) and z (B, 1, {self.grid[1]}, {self.grid[0]})"
            raise ValueError(f"expected {expected}, got {tuple(labels.shape)} and {tuple(z.shape)}")
        of_class = labels.masked_fill(labels == IGNORE, self.precision.shape[1] - 1).int().reshape(batch, -1)
        at = (of_class * len(self.cells) + self.cells).flatten()  # columns of log_weight
        of_class, block = of_class.flatten(), BLOCK if labels.is_cpu else at.numel()
        parts = zip(*(torch.split(one, block) for one in (at, of_class, z.float().flatten())), strict=True)
        p = torch.cat([self._block(*part) for part in parts]).view(z.shape)
        return p.masked_fill(~(z > 0), 0) if positive and "z" in self.features else p

    def _block(self, at: Tensor, of_class: Tensor, z: Tensor) -> Tensor:
        """Density of cells ``(n,)``; their columns, classes and depths likewise."""
        location = self.location.index_select(1, at if self.leans else of_class)  # (K, n), as all below
        deviation = (z - location) * self.precision.index_select(1, of_class)
        return torch.addcmul(self.log_weight.index_select(1, at), deviation, deviation, value=-0.5).exp().sum(0)

    def _table(self, name: str, values: NDArray[np.float64], ignored: float) -> None:
        """A float32 table ``(K, (C + 1) n)`` of values ``(C, K)`` or ``(C, K, n)``; kept out of checkpoints."""
        padded = np.concatenate((values, np.full_like(values[:1], ignored))).swapaxes(0, 1)
        table = torch.tensor(padded.reshape(len(padded), -1)).float()
        self.register_buffer(name, table, persistent=False)


def squash(p: Tensor, *, rule: str, median: float) -> Tensor:
    """Regression target of the density head.

    Args:
        p: Density, any shape.
        rule: "exponential" for 255 (1 - exp(-1e6 p)), in [0, 255), the authors' code; its 1e6 fits densities over the
            cells of their grids. "median" for 1 - 2^(-p / median), in [0, 1), free of grid and unit. "none" for p
            itself, which the paper calls the density value.
        median: The mixtures' typical density, which the second rule takes to 1/2.
    """
    if rule == "exponential":
        return -255 * torch.expm1(-1e6 * p)
    if rule == "median":
        return -torch.expm1(-math.log(2) / median * p)
    if rule == "none":
        return p
    raise ValueError(f"rule: expected one of {', '.join(RULES)}, got {rule!r}")
