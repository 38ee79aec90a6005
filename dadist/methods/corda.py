"""CorDA: a mean teacher with class-mix, and depth of both domains as a second task that tells where to trust it.

Features of segmentation and depth learn from each other; the teacher labels target images that the source is pasted on;
a mixed pixel counts by how far a decoder of the source's depth and one of the target's agree there.

Source: Wang et al., Domain Adaptive Semantic Segmentation with Self-Supervised Depth Estimation, ICCV 2021,
arxiv.org/abs/2104.13613. The mean teacher and the mixing are those of Tranheden et al., DACS, WACV 2021,
arxiv.org/abs/2007.08702.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torchvision.transforms import v2

from dadist.config.methods.corda import Hyperparameters
from dadist.data.loader import Source, Target
from dadist.data.readers.base import FAR_CM
from dadist.losses.depth import agreement, berhu
from dadist.methods.base import Context, Term
from dadist.methods.mixing import Mixed, paste
from dadist.methods.self_training import Teacher
from dadist.model.segmenter import Outputs, Segmenter, upsample
from dadist.runtime import distributed

BLUR = 9  # pixels across: all but 1e-4 of the widest blur


class Corda(Teacher):
    """A pass over the source, then one over the mixed images; depth on both, where the target has any."""

    def __init__(self, segmenter: Segmenter, hyperparameters: Hyperparameters, context: Context) -> None:
        super().__init__(segmenter, hyperparameters, context)
        jitter = v2.ColorJitter(*[hyperparameters.jitter] * 4)
        blur = v2.GaussianBlur(BLUR, (hyperparameters.blur_least, hyperparameters.blur_most))
        shares = ((jitter, hyperparameters.jitter_share), (blur, hyperparameters.blur_share))
        self.augment = v2.Compose([v2.RandomApply([one], p) for one, p in shares])

    @staticmethod
    def layout(hyperparameters: Hyperparameters) -> str:
        """Features for each task, which learn from each other."""
        return "distilled"

    @staticmethod
    def heads(hyperparameters: Hyperparameters) -> tuple[str, ...]:
        """A decoder of the target's own depth, if there is such depth to learn from."""
        return ("depth",) if hyperparameters.target_depth else ()

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """Source labels on source images; mixed labels, and depth, on mixed images."""
        assert target is not None
        yield self.source_terms(self.segmenter(source.images), source)
        labels, confidence = self.pseudo_labels(target.images)
        seed = (self.context.seed, 2, step)
        mixed = paste(source, target.images, labels, augment=self.augment, seed=seed)
        yield self.mixed_terms(self.segmenter(mixed.images), mixed, source, target, self.sure(confidence))

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Both segmentations, and both predictions of the source's depth."""
        first = Term("initial_segmentation", self.labelled(outputs.extra["initial_segmentation"], source.labels), 1.0)
        terms = [*super().source_terms(outputs, source), first]
        if self.hyperparameters.depth:
            valid = self.counts(source.inverse_depth, source.valid)
            for name, of in (("depth", "source_depth"), ("initial_depth", "initial_source_depth")):
                depth = upsample(outputs.extra[of], source.labels.shape[-2:])
                terms.append(Term(name, berhu(depth, source.inverse_depth, valid), self.hyperparameters.depth))
        return terms

    def mixed_terms(self, outputs: Outputs, mixed: Mixed, source: Source, target: Target, sure: Tensor) -> list[Term]:
        """Both segmentations, pixel by pixel as far as trusted, and both depths.

        Args:
            outputs: Of the mixed images.
            mixed: They, with labels and where the source is pasted.
            source: What was pasted.
            target: What on.
            sure: Share of the target's pixels that the teacher is sure of, a scalar.
        """
        size, pasted = mixed.labels.shape[-2:], mixed.pasted
        trust, terms = torch.where(pasted, 1.0, sure), []
        if self.hyperparameters.target_depth:
            assert outputs.depth is not None
            assert target.inverse_depth is not None
            assert target.valid is not None
            truth = torch.where(pasted, source.inverse_depth, target.inverse_depth)
            valid = self.counts(truth, torch.where(pasted, source.valid, target.valid))
            own, other = upsample(outputs.depth, size), upsample(outputs.extra["source_depth"], size)
            r = agreement(other, own, truth, valid)
            trust = trust * r / distributed.mean(r.mean())
            first = (upsample(outputs.extra[name], size) for name in ("initial_depth", "initial_source_depth"))
            for name, (mine, sources) in (("mixed_depth", (own, other)), ("mixed_initial_depth", first)):
                value = berhu(torch.where(pasted, sources, mine), truth, valid)
                terms.append(Term(name, value, self.hyperparameters.target_depth))
        found = (("mixed", outputs.logits), ("mixed_initial", outputs.extra["initial_segmentation"]))
        return [*(Term(name, self.trusted(logits, mixed.labels, trust[:, 0]), 1.0) for name, logits in found), *terms]

    def counts(self, inverse_depth: Tensor, valid: Tensor) -> Tensor:
        """Where a depth counts: not where it is as far as a file can say, if these are to be left out."""
        if self.hyperparameters.far_depth == "keep":
            return valid
        return valid & (inverse_depth > self.context.numerator / (FAR_CM + 0.5))

    def kept(self, step: int) -> float:
        """How much the teacher keeps of itself after a step: min(teacher, 1 - 1 / (step + 1))."""
        return min(1 - 1 / (step + 1), float(self.hyperparameters.teacher))


METHOD = Corda
