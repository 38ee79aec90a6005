"""DAFormer's training: dacs, rare classes drawn more often, and features of things that stay near the start's.

Its network is another matter: any backbone and decoder here can be trained so.

Source: Hoyer, Dai & Van Gool, DAFormer, CVPR 2022, arxiv.org/abs/2111.14887.
"""

from typing import Any

import torch
from torch import Tensor, nn

from dadist.config.methods.daformer import Hyperparameters
from dadist.data.loader import Source
from dadist.losses.features import distance, dominated
from dadist.methods.base import Context, Term
from dadist.methods.self_training import SelfTraining
from dadist.model.segmenter import Outputs, Segmenter
from dadist.model.trunk import Trunk


class DAFormer(SelfTraining):
    """The terms of dacs, and the distance of the source's features of things from those of the start."""

    def __init__(self, segmenter: Segmenter, hyperparameters: Hyperparameters, context: Context) -> None:
        super().__init__(segmenter, hyperparameters, context)
        self.features: Tensor | None = None  # of the student's last pass
        self.start: Trunk | None = None
        if hyperparameters.feature_distance:
            self.start = Trunk(segmenter).eval().requires_grad_(False)
            # A network is called as a whole where several processes train it, so its features are overheard.
            segmenter.backbone.register_forward_hook(self._overhear)

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Cross-entropy, and the distance of the features."""
        terms = super().source_terms(outputs, source)
        if self.start is None:
            return terms
        assert self.features is not None
        with torch.no_grad():
            before = self.start(source.images)["last"]
        things = dominated(
            source.labels, before.shape[-2:], self.context.things, share=self.hyperparameters.feature_share
        )
        value = distance(self.features, before, things)
        return [*terms, Term("feature_distance", value, self.hyperparameters.feature_distance)]

    def networks(self) -> dict[str, nn.Module]:
        """The start's features too."""
        return {**super().networks(), **({} if self.start is None else {"start": self.start})}

    def _overhear(self, module: nn.Module, inputs: Any, outputs: tuple[Tensor, ...]) -> None:
        self.features = outputs[-1]


METHOD = DAFormer
