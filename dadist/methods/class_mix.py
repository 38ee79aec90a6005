"""Self-training with class-mix and an averaged network: an addition of this project to the paper's method.

Half of a source image's classes are pasted, with their labels, on a target image with its pseudo-labels; colours are
jittered; the network kept at the end is the running average of the trained one.

Source: Tranheden et al., DACS, WACV 2021 (mixing); Tarvainen & Valpola, Mean Teachers, NeurIPS 2017 (average).
"""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torchvision.transforms import v2

from dadist import parallel
from dadist.data.loader import Source, Target
from dadist.data.transforms import class_mask
from dadist.losses.segmentation import cross_entropy
from dadist.methods.base import Ingredients, Supervised, Term
from dadist.model.segmenter import Segmenter, upsample


class ClassMix(Supervised):
    """A pass over the source, then one over the mixed images."""

    TARGET_IMAGES = True

    def __init__(self, segmenter: Segmenter, knobs: Any, ingredients: Ingredients) -> None:
        super().__init__(segmenter, knobs, ingredients)
        self.teacher = copy.deepcopy(segmenter)
        jitter = knobs.jitter
        self.jitter = v2.ColorJitter(jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """Source labels on source images; mixed labels on mixed images."""
        assert target is not None
        assert target.labels is not None
        yield from super().segmenter_terms(source, target, step)
        seed = (self.ingredients.seed, 2, step)
        generator = np.random.default_rng(seed)
        mine = parallel.share(len(source.labels) * parallel.processes())
        mask = class_mask(parallel.gather(source.labels), generator)[mine]  # (B, 1, H, W)
        images = torch.where(mask, source.images, target.images)
        labels = torch.where(mask[:, 0], source.labels, target.labels)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(generator.integers(2**31)))
            for _ in range(mine.start):
                self.jitter(images.new_zeros(3, 1, 1))  # draws what the images before those of this process take
            images = torch.stack([self.jitter(image / 255) for image in images]) * 255
        logits = upsample(self.segmenter(images).logits, labels.shape[-2:])
        yield [Term("mixed", cross_entropy(logits, labels, weights=self.ingredients.class_weights), 1.0)]

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        """Average the weights: teacher = a teacher + (1 - a) student, with a = min(teacher, 1 - 1 / (step + 2))."""
        keep = min(self.knobs.teacher, 1 - 1 / (step + 2))
        for mine, new in zip(self.teacher.parameters(), self.segmenter.parameters(), strict=True):
            mine.lerp_(new, 1 - keep)
        for kept, latest in zip(self.teacher.buffers(), self.segmenter.buffers(), strict=True):
            kept.copy_(latest)  # the statistics of BatchNorm are averages already

    def result(self) -> Segmenter:
        """The average."""
        return self.teacher

    def networks(self) -> dict[str, nn.Module]:
        """The average too."""
        return {**super().networks(), "teacher": self.teacher}


METHOD = ClassMix
