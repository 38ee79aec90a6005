"""Depth distribution: one mixture a class over (x, y, inverse depth), made on the source, has to explain the target.

Three heads read one feature map: segmentation, depth, density. The density head regresses how likely a pixel's place
and depth are under the mixture of its predicted class: with true depth on the source, with the network's own on the
target. The critic sees self-information times density.

Source: Wu & Liu, Unsupervised Domain Adaptation for Semantic Segmentation using Depth Distribution, NeurIPS 2022, and
the authors' code where the paper is silent.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from dadist.data.loader import Source, Target
from dadist.data.transforms import flip
from dadist.density import Density, squash
from dadist.losses.depth import berhu
from dadist.losses.information import self_information
from dadist.methods.adversarial import Adversarial
from dadist.methods.base import Ingredients, Term
from dadist.model.segmenter import Outputs, Segmenter, upsample
from dadist.points import centres

NEEDS = ("mixtures",)


@dataclass(frozen=True)
class Knobs:
    """Weights of the objective and the two readings of the density."""

    depth: float
    balance_source: float
    balance_target: float
    adversarial: float
    critic_lr: float
    critic_scale: float
    critic_width: int
    squash: Literal["exponential", "median"]
    source_density: Literal["ground_truth", "masked"]


class DepthDistribution(Adversarial):
    """Source: segmentation, depth, balance. Target: balance, and a critic on I(P) times density."""

    HEADS = ("depth", "density")

    def __init__(self, segmenter: Segmenter, knobs: Any, ingredients: Ingredients) -> None:
        super().__init__(segmenter, knobs, ingredients)
        if ingredients.mixtures is None:
            raise ValueError("depth_distribution: expected mixtures, got none; fit_gmm makes them")
        self.mixtures = ingredients.mixtures
        self.density = Density(ingredients.mixtures)

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Segmentation, depth, and balance under the true depth and the predicted class."""
        assert outputs.depth is not None
        assert outputs.density is not None
        depth = upsample(outputs.depth, source.labels.shape[-2:])
        expected = self.source_density(outputs.logits, source)
        return [
            *super().source_terms(outputs, source),
            Term("depth", berhu(depth, source.inverse_depth, source.valid), self.knobs.depth),
            Term("balance_source", _balance(outputs.density, expected), self.knobs.balance_source),
        ]

    def target_terms(self, outputs: Outputs, target: Target) -> list[Term]:
        """Balance under the network's own depth and class."""
        assert outputs.density is not None
        expected = self.target_density(outputs, target.mirrored)
        return [Term("balance_target", _balance(outputs.density, expected), self.knobs.balance_target)]

    def feature(self, outputs: Outputs, size: tuple[int, int]) -> Tensor:
        """I(P) times density, ``(B, C, H, W)``."""
        assert outputs.density is not None
        return self_information(upsample(outputs.logits, size)) * upsample(outputs.density, size)

    @torch.no_grad()
    def source_density(self, logits: Tensor, source: Source) -> Tensor:
        """Squashed density of the true depth under the predicted class, ``(B, 1, h, w)``.

        The paper says just that (`ground_truth`). The authors' code evaluates the mixture at z = 0 wherever the
        prediction differs from the label (`masked`). The mixtures are of streets as they are: what was mirrored is
        mirrored back before it is asked where it stands.
        """
        grid, mirrored = logits.shape[-2:], source.mirrored
        depth = _on_grid(flip(source.inverse_depth, mirrored), grid)
        predicted = flip(logits.argmax(1), mirrored)
        if self.knobs.source_density == "masked":
            labels = _on_grid(flip(source.labels[:, None], mirrored), grid)
            depth = torch.where(labels == predicted[:, None], depth, 0.0)
        return flip(self._squashed(predicted, depth, positive=False), mirrored)

    @torch.no_grad()
    def target_density(self, outputs: Outputs, mirrored: Tensor) -> Tensor:
        """Squashed density of the network's own depth under its own class, ``(B, 1, h, w)``; 0 where depth <= 0.

        ``mirrored`` ``(B,)``: whose maps have to be mirrored back first, as in ``source_density``.
        """
        assert outputs.depth is not None
        predicted, depth = flip(outputs.logits.argmax(1), mirrored), flip(outputs.depth.detach(), mirrored)
        return flip(self._squashed(predicted, depth, positive=True), mirrored)

    def _squashed(self, labels: Tensor, depth: Tensor, *, positive: bool) -> Tensor:
        density = self.density.to(labels.device)(labels, depth, positive=positive)
        return squash(density, rule=self.knobs.squash, median=self.mixtures.median)


def _balance(predicted: Tensor, expected: Tensor) -> Tensor:
    return berhu(predicted, expected, torch.ones_like(expected, dtype=torch.bool))


def _on_grid(maps: Tensor, grid: torch.Size) -> Tensor:
    """Nearest by cell centres, ``(B, 1, H, W)`` to ``(B, 1, h, w)``; keeps the dtype."""
    rows, columns = (
        torch.from_numpy(centres(size, cells)).to(maps.device)
        for size, cells in zip(maps.shape[-2:], grid, strict=True)
    )
    return maps[..., rows[:, None], columns]


METHOD = DepthDistribution
