"""Self-training while adapting: an averaged teacher labels the target, a student learns from mixed images.

Classes of the source are pasted on target images, whose other pixels have the teacher's labels; each of those counts by
the share of the target's pixels that the teacher is sure of. dacs is this alone; the others build on it.

Sources: Tranheden et al., DACS, WACV 2021, arxiv.org/abs/2007.08702; Hoyer, Dai & Van Gool, DAFormer, CVPR 2022,
arxiv.org/abs/2111.14887; Tarvainen & Valpola, Mean Teachers, NeurIPS 2017, arxiv.org/abs/1703.01780.
"""

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from dadist.config.methods.self_training import Hyperparameters
from dadist.data.loader import Source, Target
from dadist.losses.segmentation import weighed_cross_entropy
from dadist.methods.averaging import average
from dadist.methods.base import Context, Supervised, Term
from dadist.methods.mixing import paste
from dadist.model.segmenter import Outputs, Segmenter, upsample
from dadist.runtime import distributed

BLUR_SHARE = 0.1  # of the image's side: how far a blur reaches


class Taught(NamedTuple):
    """The teacher's labels of a batch of the target."""

    labels: Tensor  # (B, H, W) int64
    trust: Tensor  # (B, H, W) how much each counts, 0 to 1
    confidence: Tensor  # (B, H, W) probability that the teacher gives each


class Teacher(Supervised):
    """What has a teacher: the average of the student's weights, which can label the target as it comes.

    It stays in training mode for good: it predicts by the statistics of its own batches, if a method says nothing else.
    """

    TARGET_IMAGES = True

    def __init__(self, segmenter: Segmenter, hyperparameters: Any, context: Context) -> None:
        super().__init__(segmenter, hyperparameters, context)
        self.teacher = copy.deepcopy(segmenter).train().requires_grad_(False)

    @torch.no_grad()
    def pseudo_labels(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The teacher's labels ``(B, H, W)``, and the probability ``(B, H, W)`` that it gives each."""
        confidence, labels = self.probabilities(images).max(1)
        return labels, confidence

    def probabilities(self, images: Tensor) -> Tensor:
        """The teacher's, of each class, ``(B, C, H, W)``."""
        return probabilities_of(self.teacher(images).logits, images.shape[-2:])

    def sure(self, confidence: Tensor) -> Tensor:
        """Share of the batch's pixels ``(B, H, W)`` that the teacher is sure of, a scalar."""
        return distributed.mean((confidence >= self.hyperparameters.confidence).float().mean())

    def trusted(self, logits: Tensor, labels: Tensor, trust: Tensor) -> Tensor:
        """Cross-entropy of logits ``(B, C, h, w)`` at the labels' size, each pixel as far as trusted."""
        weights = self.context.class_weights
        return weighed_cross_entropy(upsample(logits, labels.shape[-2:]), labels, trust, weights=weights)

    def kept(self, step: int) -> float:
        """How much the teacher keeps of itself after a step: min(teacher, 1 - 1 / (step + 2))."""
        return min(1 - 1 / (step + 2), float(self.hyperparameters.teacher))

    def after_step(self, step: int) -> None:
        """Average the weights: those that are learned, not the statistics."""
        average(self.teacher, self.segmenter, keep=self.kept(step), buffers="own")

    def networks(self) -> dict[str, nn.Module]:
        """The teacher too."""
        return {**super().networks(), "teacher": self.teacher}


class SelfTraining(Teacher):
    """A pass over the source, then one over the mixed images, then what a method adds."""

    @staticmethod
    def layout(hyperparameters: Hyperparameters) -> str:
        """With a detail, two resolutions."""
        return "parallel" if hyperparameters.detail is None else "two_resolutions"

    @staticmethod
    def margins(hyperparameters: Hyperparameters) -> tuple[float, float, float, float]:
        """Of the target's images, where no label is trusted."""
        return hyperparameters.margins

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """Source labels on source images; mixed labels on mixed images; the same labels wherever else they are used."""
        assert target is not None
        yield self.source_terms(self.segmenter(source.images), source)
        taught = self.teach(target)
        seed, augment = (self.context.seed, 2, step), self.augmentation(4, step, target.images.shape[-2:])
        given = self.to_paste(source, target, taught, step)
        mixed = paste(
            given,
            target.images,
            taught.labels,
            augment=augment,
            seed=seed,
            of_batch=True,
            where=self.pasted_where(given, target),
        )
        trust = torch.where(mixed.pasted[:, 0], 1.0, taught.trust)
        value = self.shared(self.segmenter(mixed.images), self.trusted, mixed.labels, trust)
        yield [Term("mixed", value, 1.0)]
        yield from self.further_terms(target, taught, step)

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Cross-entropy."""
        return [Term("segmentation", self.shared(outputs, self.labelled, source.labels), 1.0)]

    def shared(self, outputs: Outputs, loss: Callable[..., Tensor], *maps: Tensor) -> Tensor:
        """A loss of logits and maps ``(B, H, W)``; of two resolutions the detail's own logits have a share of it."""
        whole = loss(outputs.logits, *maps)
        if outputs.crop is None:
            return whole
        (top, left, height, width), share = outputs.crop, float(self.hyperparameters.detail)
        parts = [one[:, top : top + height, left : left + width] for one in maps]
        return (1 - share) * whole + share * loss(outputs.extra["detail"], *parts)

    def teach(self, target: Target) -> Taught:
        """The teacher's labels of a batch, and how much each counts."""
        labels, confidence = self.pseudo_labels(target.images)
        return Taught(labels, self.trust(target, confidence), confidence)

    def trust(self, target: Target, confidence: Tensor) -> Tensor:
        """How much labels count by the teacher's confidence ``(B, H, W)``: all alike, or the sure ones alone."""
        if self.hyperparameters.trust == "batch":
            return self.inside(target) * self.sure(confidence)
        return self.inside(target) * (confidence >= float(self.hyperparameters.confidence)).float()

    def inside(self, target: Target) -> Tensor:
        """Where a label of the target may count, ``(B, H, W)`` bool."""
        size = (len(target.images), *target.images.shape[-2:])
        return target.images.new_ones(size, dtype=torch.bool) if target.trusted is None else target.trusted

    def to_paste(self, source: Source, target: Target, taught: Taught, step: int) -> Source:
        """What classes are cut out of: the source as it is."""
        return source

    def pasted_where(self, source: Source, target: Target) -> Tensor | None:
        """Where the source may be pasted, ``(B, 1, H, W)`` bool; everywhere."""
        return None

    def further_terms(self, target: Target, taught: Taught, step: int) -> Iterator[list[Term]]:
        """None of its own."""
        return iter(())

    def augmentation(self, stream: int, step: int, size: torch.Size) -> Callable[[Tensor], Tensor]:
        """What is done to the colours of a step's images ``(3, H, W)`` in 0..1: to each by itself, or to none.

        Args:
            stream: Tells this use of random numbers from others.
            step: Of the training.
            size: (H, W) of the images, which says how far a blur reaches.
        """
        chosen: Hyperparameters = self.hyperparameters
        jittered, blurred = np.random.default_rng((self.context.seed, stream, step)).random(2)
        found = list[nn.Module]()
        if jittered < chosen.jitter_share:
            found.append(v2.ColorJitter(*[chosen.jitter] * 4))
        if blurred < chosen.blur_share:
            kernel = [_odd(BLUR_SHARE * side) for side in (size[1], size[0])]
            found.append(v2.GaussianBlur(kernel, (chosen.blur_least, chosen.blur_most)))
        return nn.Sequential(*found)


def probabilities_of(logits: Tensor, size: torch.Size) -> Tensor:
    """Of each class, ``(B, C, H, W)`` float32, of logits ``(B, C, h, w)``."""
    return upsample(logits, size).float().softmax(1)


def _odd(reach: float) -> int:
    """The greatest odd number of pixels that is not above the reach, rounded up."""
    whole = math.ceil(reach)
    return max(whole - 1 + whole % 2, 1)
