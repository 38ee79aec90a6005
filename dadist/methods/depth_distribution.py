"""Depth distribution: one mixture per class over (x, y, inverse depth), made on the source, has to explain the target.

Three heads read one feature map: segmentation, depth, density. The density head regresses how likely a pixel's place
and depth are under the mixture of its predicted class: with true depth on the source, with the network's own on the
target. The critic sees self-information times density. A weight of 0 takes its term out of the objective; the three
heads are there all the same, and one that no term reaches keeps its random weights.

Source: Wu & Liu, Unsupervised Domain Adaptation for Semantic Segmentation using Depth Distribution, NeurIPS 2022,
openreview.net/forum?id=SLA4t66xln9; where the paper is silent, the authors' code, github.com/depdis/Depth_Distribution.
"""

import functools

import torch
from torch import Tensor, nn

from dadist.config.methods.depth_distribution import Hyperparameters
from dadist.data.loader import Source, Target
from dadist.data.transforms import at_centres, flip
from dadist.losses.adversarial import ADVERSARIAL_LOSSES
from dadist.losses.depth import berhu
from dadist.losses.information import self_information
from dadist.methods.adversarial import Adversarial
from dadist.methods.base import Context, Term
from dadist.methods.depth import depth_terms
from dadist.model.critic import critic
from dadist.model.segmenter import Outputs, Segmenter, upsample
from dadist.prior.density import Density, squash
from dadist.prior.mixtures import Mixtures


class DepthDistribution(Adversarial):
    """Source: segmentation, depth, balance. Target: balance, and a critic on I(P) times density, or another feature."""

    def __init__(self, segmenter: Segmenter, hyperparameters: Hyperparameters, context: Context) -> None:
        super().__init__(segmenter, hyperparameters, context)
        if "mixtures" not in context.artefacts:
            raise ValueError("depth_distribution: expected mixtures, got none; fit_gmm makes them")
        self.mixtures: Mixtures = context.artefacts["mixtures"]
        self.density = Density(self.mixtures)

    @staticmethod
    def heads(hyperparameters: Hyperparameters) -> tuple[str, ...]:
        """Both, whatever the weights."""
        return ("depth", "density")

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Segmentation, depth, and balance under the true depth and the predicted class."""
        assert outputs.density is not None
        terms = [*super().source_terms(outputs, source), *depth_terms(outputs, source, self.hyperparameters.depth)]
        if self.hyperparameters.balance_source:
            expected = self.source_density(outputs.logits, source)
            terms.append(
                Term("balance_source", _balance(outputs.density, expected), self.hyperparameters.balance_source)
            )
        return terms

    def uses_target(self) -> bool:
        """For the critic or the balance."""
        return super().uses_target() or bool(self.hyperparameters.balance_target)

    def target_terms(self, outputs: Outputs, target: Target) -> list[Term]:
        """Balance under the network's own depth and class."""
        assert outputs.density is not None
        if not self.hyperparameters.balance_target:
            return []
        expected = self.target_density(outputs, target.mirrored)
        return [Term("balance_target", _balance(outputs.density, expected), self.hyperparameters.balance_target)]

    def critic(self, name: str) -> nn.Module:
        """Of one map per class where the segmentation is part of the feature, else of a single one."""
        channels = self.context.classes if "segmentation" in self.hyperparameters.feature else 1
        return critic(channels, width=self.hyperparameters.critic_width)

    def critic_loss(self, name: str, feature: Tensor, domain: int) -> Tensor:
        """Cross-entropy as in the authors' code, or the poster's logarithms."""
        return ADVERSARIAL_LOSSES[self.hyperparameters.adversarial_loss](self.critics[name](feature), domain)

    def features(self, outputs: Outputs, size: tuple[int, int]) -> dict[str, Tensor]:
        """The product of the maps that its name lists, ``(B, C, H, W)``, or ``(B, 1, H, W)`` without segmentation.

        Segmentation is the self-information I(P), ``(B, C, H, W)``; depth and density are what their heads say,
        ``(B, 1, H, W)``, neither rescaled nor detached.
        """
        assert outputs.depth is not None
        assert outputs.density is not None
        parts, maps = self.hyperparameters.feature.split("_"), []
        if "segmentation" in parts:
            maps.append(self_information(upsample(outputs.logits, size)))
        if "depth" in parts:
            maps.append(upsample(outputs.depth, size))
        if "density" in parts:
            maps.append(upsample(outputs.density, size))
        return {"adversarial": functools.reduce(torch.mul, maps)}

    @torch.no_grad()
    def source_density(self, logits: Tensor, source: Source) -> Tensor:
        """Squashed density of the true depth under the predicted class, ``(B, 1, h, w)``.

        The paper says just that (`ground_truth`). The authors' code evaluates the mixture at z = 0 wherever the
        prediction differs from the label (`masked`). The mixtures are of streets as they are: what was mirrored is
        mirrored back before it is asked where it stands.
        """
        grid, mirrored = logits.shape[-2:], source.mirrored
        depth = at_centres(flip(source.inverse_depth, mirrored), grid)
        predicted = flip(logits.argmax(1), mirrored)
        if self.hyperparameters.source_density == "masked":
            labels = at_centres(flip(source.labels[:, None], mirrored), grid)
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
        return squash(density, rule=self.hyperparameters.squash, median=self.mixtures.median)


def _balance(predicted: Tensor, expected: Tensor) -> Tensor:
    return berhu(predicted, expected, torch.ones_like(expected, dtype=torch.bool))


METHOD = DepthDistribution
