"""Bayes: what a network says of a pixel, and what the mixtures say of a class at its place and measured depth.

    fused_c = log softmax(logits)_c + t_depth max(log p_c(z | x, y), L) + t_place max(log p_c(x, y), L)

The place is known before any image is, so all that depends on it stands in tables; the depth of an image is compared
with all classes and components at once. The noise of an estimated depth widens each component: its variance of z given
the place grows by (s0 + s1 m)^2, where m is the z that it expects there.

Source: this project (docs/results.md has what it gains). The mixtures are those of Wu & Liu, NeurIPS 2022, who let the
network's own depth head ask them.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dadist.config.prior_sections import Prior
from dadist.prior.camera import SAME, View
from dadist.prior.mixtures import Mixtures
from dadist.prior.place import place


class Given(nn.Module):
    """What p_c(z | x, y) and p_c(x, y) of every class c are made of, before any image is seen.

    Args:
        mixtures: Of the source.
        grid: Cells across and down of the maps; None for the mixtures' own.
        view: Where the images of the maps stand in the source's.
    """

    share: Tensor  # (C, K, cells) log of each component's share of its class, given the place
    expected: Tensor  # (C, K, cells) mean of z given the place, or (C, K, 1) where it is the same in all cells
    variance: Tensor  # (C, K, 1) of z given the place
    place: Tensor  # (C, cells) log p_c(x, y), nats
    fitted: Tensor  # (C,) whether a class has a mixture

    def __init__(self, mixtures: Mixtures, grid: tuple[int, int] | None = None, view: View = SAME) -> None:
        super().__init__()
        self.grid, self.with_depth = grid or mixtures.grid, "z" in mixtures.features
        log, expected, deviation = place(mixtures, self.grid, view)
        fitted = mixtures.weights.sum(1) > 0
        log, expected = (one.reshape(*deviation.shape, -1) for one in (log, expected))
        total = np.where(fitted[:, None], np.logaddexp.reduce(log, axis=1), 0)
        self._table("share", np.where(fitted[:, None, None], log - total[:, None], 0))
        self._table("expected", expected if (expected != expected[..., :1]).any() else expected[..., :1])
        self._table("variance", deviation[..., None] ** 2)
        self._table("place", total)
        self.register_buffer("fitted", torch.from_numpy(fitted), persistent=False)

    def widened(self, noise: tuple[float, float]) -> Tensor:
        """Variance of z given the place, ``(C, K, cells)`` or ``(C, K, 1)``, of depth that is known up to noise.

        Args:
            noise: s0 and s1 of its standard deviation s0 + s1 |z|, with the z that a component expects.
        """
        return self.variance + (noise[0] + noise[1] * self.expected.abs()) ** 2

    def _table(self, name: str, values: NDArray[np.float64]) -> None:
        self.register_buffer(name, torch.from_numpy(values).to(torch.get_default_dtype()), persistent=False)


class Fusion(nn.Module):
    """The network's log-probabilities with the prior's terms added, on the network's grid.

    A class without a mixture gets the mean of the others' terms, which neither favours nor bars it; a cell without
    depth has the place's term alone.

    Args:
        given: Of the mixtures.
        prior: Weights, of which that of the place is a number, and floor.
        noise: s0 and s1 of the depth, s0 in units of z.

    Raises:
        ValueError: Depth has a weight, and the mixtures know none.
    """

    constant: Tensor  # (C, K, cells) of the logarithm of p_c(z | x, y)
    slope: Tensor  # (C, K, cells or 1) what the squared distance of z is multiplied by

    def __init__(self, given: Given, prior: Prior, noise: tuple[float, float]) -> None:
        super().__init__()
        if prior.depth and not given.with_depth:
            raise ValueError("prior.depth: expected mixtures over z, which know depth, got some over the place alone")
        assert not isinstance(prior.place, str)
        self.given, self.prior, self.weight_of_place = given, prior, prior.place
        variance = given.widened(noise)
        self.register_buffer("constant", given.share - 0.5 * torch.log(2 * math.pi * variance), persistent=False)
        self.register_buffer("slope", -0.5 / variance, persistent=False)

    @torch.no_grad()
    def forward(self, logits: Tensor, z: Tensor | None) -> Tensor:
        """Log-probabilities of the fused posterior.

        Args:
            logits: Of the network, ``(B, C, h, w)``.
            z: Inverse depth, ``(B, 1, h, w)``; not above 0, or nan, where there is none. None: there is none at all.

        Returns:
            ``(B, C, h, w)``, nats; its exponentials sum to 1 over the classes.

        Raises:
            ValueError: The maps are not on the grid.
        """
        height, width = logits.shape[2:]
        if (width, height) != self.given.grid or (z is not None and z.shape != (len(logits), 1, height, width)):
            expected = f"logits (B, C, {self.given.grid[1]}, {self.given.grid[0]}) and z likewise with one channel"
            raise ValueError(f"expected {expected}, got {tuple(logits.shape)} and {None if z is None else z.shape}")
        fused = logits.log_softmax(1).flatten(2)
        if self.weight_of_place:
            fused = fused + self.weight_of_place * self._levelled(self.given.place)
        if self.prior.depth and z is not None:
            z = z.flatten(1)
            known = z > 0  # nan is not
            term = self._levelled(self.of_depth(torch.where(known, z, 1)))
            fused = fused + self.prior.depth * torch.where(known[:, None], term, 0)
        return fused.log_softmax(1).view(logits.shape)

    def of_depth(self, z: Tensor) -> Tensor:
        """log p_c(z | x, y).

        Args:
            z: Inverse depth of each cell, ``(B, cells)``.

        Returns:
            ``(B, C, cells)``, nats; anything for a class without a mixture.
        """
        away = z[:, None, None] - self.given.expected  # (B, C, K, cells)
        return torch.addcmul(self.constant, away * self.slope, away).logsumexp(2)

    def _levelled(self, term: Tensor) -> Tensor:
        """A term ``(..., C, cells)``, not below the floor; of a class without a mixture, the mean of the others."""
        term, fitted = term.clamp(min=self.prior.floor), self.given.fitted[:, None]
        mean = torch.where(fitted, term, 0).sum(-2, keepdim=True) / fitted.sum()
        return torch.where(fitted, term, mean)
