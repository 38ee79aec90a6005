"""MIC: daformer, and a student that completes target images of which most is hidden.

Source: Hoyer, Dai, Wang & Van Gool, MIC: Masked Image Consistency, CVPR 2023, arxiv.org/abs/2212.01322.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from dadist.data.loader import Target
from dadist.methods.base import Term
from dadist.methods.daformer import DAFormer
from dadist.methods.mixing import changed
from dadist.methods.self_training import SelfTraining, Taught
from dadist.runtime import distributed


class Masked(SelfTraining):
    """The terms of a method, then the teacher's labels on masked images."""

    def further_terms(self, target: Target, taught: Taught, step: int) -> Iterator[list[Term]]:
        """The labels of the whole images, asked of what is left of them."""
        if not self.hyperparameters.masked:
            return
        augment = self.augmentation(5, step, target.images.shape[-2:])
        seed = int(np.random.default_rng((self.context.seed, 6, step)).integers(2**31))
        images = self.hidden(changed(target.images, augment, seed), step)
        value = self.shared(self.segmenter(images), self.trusted, taught.labels, taught.trust)
        yield [Term("masked", value, self.hyperparameters.masked)]

    def hidden(self, images: Tensor, step: int) -> Tensor:
        """The images ``(B, 3, H, W)`` with the mean colour in blocks: what is 0 to a network."""
        height, width = images.shape[-2:]
        side = max(self.hyperparameters.mask_block * min(height, width), 1.0)
        cells = max(round(height / side), 1), max(round(width / side), 1)
        batch = len(images) * distributed.processes()
        drawn = np.random.default_rng((self.context.seed, 7, step)).random((batch, 1, *cells))
        shown = torch.from_numpy(drawn[distributed.share(batch)] > self.hyperparameters.mask_ratio)
        shown = torch.nn.functional.interpolate(shown.to(images), size=(height, width), mode="nearest") > 0
        mean = self.segmenter.mean.flip(1) if self.segmenter.reversed else self.segmenter.mean
        return torch.where(shown, images, mean)


class Mic(Masked, DAFormer):
    """The terms of daformer, then those on masked images."""


METHOD = Mic
