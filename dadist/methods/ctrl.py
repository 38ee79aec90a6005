"""CTRL: align segmentation and depth jointly, with the depth as a distribution over bins.

A second segmentation looks through the predicted depth; one critic sees the self-information of both segmentations and
of the depth's distribution.

Source: Saha et al., Learning to Relate Depth and Semantics for Unsupervised Domain Adaptation, CVPR 2021,
arxiv.org/abs/2105.07830.
"""

from typing import Any

import torch
from torch import Tensor, nn

from dadist.data.loader import Source
from dadist.losses.bins import SPACINGS, bin_scores
from dadist.losses.information import self_information
from dadist.methods.adversarial import Adversarial
from dadist.methods.base import Term
from dadist.methods.depth import depth_terms
from dadist.model.critic import critic
from dadist.model.segmenter import Outputs, upsample


class Ctrl(Adversarial):
    """Source: both segmentations and depth. Target: a critic on their joint self-information."""

    @staticmethod
    def layout(hyperparameters: Any) -> str:
        """The gate, and a second classifier that looks through the depth."""
        return "joint"

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Segmentation, the refined one, and depth."""
        refined = Term("refined", self.labelled(outputs.extra["refined"], source.labels), self.hyperparameters.refined)
        return [
            *super().source_terms(outputs, source),
            refined,
            *depth_terms(outputs, source, self.hyperparameters.depth),
        ]

    def critic(self, name: str) -> nn.Module:
        """Of two maps per class and one per bin."""
        return critic(2 * self.context.classes + self.hyperparameters.bins, width=self.hyperparameters.critic_width)

    def features(self, outputs: Outputs, size: tuple[int, int]) -> dict[str, Tensor]:
        """I of the segmentation, of the depth's distribution and of the refined segmentation, ``(B, 2C + K, H, W)``."""
        assert outputs.depth is not None
        scores = bin_scores(
            upsample(outputs.depth, size),
            metres=SPACINGS[self.hyperparameters.spacing](self.hyperparameters.bins),
            sigma=self.hyperparameters.sigma,
            numerator=self.context.numerator,
        )
        maps = (upsample(outputs.logits, size), scores, upsample(outputs.extra["refined"], size))
        return {"adversarial": torch.cat([self_information(one) for one in maps], dim=1)}


METHOD = Ctrl
