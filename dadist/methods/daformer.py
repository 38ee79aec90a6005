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


class Anchored(SelfTraining):
    """What compares the student's features with those of the network that it started from."""

    def __init__(self, segmenter: Segmenter, hyperparameters: Any, context: Context) -> None:
        super().__init__(segmenter, hyperparameters, context)
        self.features: Tensor | None = None  # of the student's last pass
        self.start: Trunk | None = None
        if self.anchor:
            self.start = Trunk(segmenter).eval().requires_grad_(False)
            # A network is called as a whole where several processes train it, so its features are overheard.
            segmenter.backbone.register_forward_hook(self._overhear)

    @property
    def anchor(self) -> float:
        """Weight of the comparison; 0: there is none."""
        raise NotImplementedError

    @torch.no_grad()
    def before(self, images: Tensor) -> Tensor:
        """The start's features of what the student's last features are of."""
        assert self.start is not None
        features: Tensor = self.start(self.segmenter.context(images))["last"]
        return features

    def networks(self) -> dict[str, nn.Module]:
        """The start's features too."""
        return {**super().networks(), **({} if self.start is None else {"start": self.start})}

    def _overhear(self, module: nn.Module, inputs: Any, outputs: tuple[Tensor, ...]) -> None:
        self.features = outputs[-1]


class DAFormer(Anchored):
    """The terms of dacs, and the distance of the source's features of things from those of the start."""

    @property
    def anchor(self) -> float:
        """Of the distance."""
        chosen: Hyperparameters = self.hyperparameters
        return chosen.feature_distance

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Cross-entropy, and the distance of the features."""
        terms = super().source_terms(outputs, source)
        if self.start is None:
            return terms
        assert self.features is not None
        before, share = self.before(source.images), self.hyperparameters.feature_share
        things = dominated(source.labels, before.shape[-2:], self.context.things, share=share)
        return [*terms, Term("feature_distance", distance(self.features, before, things), self.anchor)]


METHOD = DAFormer
