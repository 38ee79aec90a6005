"""DADA: depth of the source as privileged knowledge, in the features and in what the critic sees.

A depth head regresses inverse depth on the source; its features gate those of the segmentation; the critic sees the
self-information weighted by the predicted depth, so that near pixels count more.

Source: Vu et al., DADA, ICCV 2019, arxiv.org/abs/1904.01886.
"""

from typing import Any

from torch import Tensor

from dadist.data.loader import Source
from dadist.losses.information import self_information
from dadist.methods.adversarial import Adversarial
from dadist.methods.base import Term
from dadist.methods.depth import depth_terms
from dadist.model.segmenter import Outputs, upsample


class Dada(Adversarial):
    """Source cross-entropy and berHu on depth, and a critic on I(P) times depth."""

    @staticmethod
    def layout(hyperparameters: Any) -> str:
        """The classifier looks through a gate of depth."""
        return "gated"

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Segmentation and depth."""
        return [*super().source_terms(outputs, source), *depth_terms(outputs, source, self.hyperparameters.depth)]

    def features(self, outputs: Outputs, size: tuple[int, int]) -> dict[str, Tensor]:
        """I(P) times inverse depth, ``(B, C, H, W)``."""
        assert outputs.depth is not None
        return {"adversarial": self_information(upsample(outputs.logits, size)) * upsample(outputs.depth, size)}


METHOD = Dada
