"""Self-training with class-mix and an averaged network: an addition of this project to the paper's method.

Half of a source image's classes are pasted, with their labels, on a target image with its pseudo-labels; colours are
jittered; the network kept at the end is the running average of the trained one.

Sources: Tranheden et al., DACS, WACV 2021, arxiv.org/abs/2007.08702 (mixing); Tarvainen & Valpola, Mean Teachers,
NeurIPS 2017, arxiv.org/abs/1703.01780 (average).
"""

from collections.abc import Iterator
from typing import Any

from torchvision.transforms import v2

from dadist.data.loader import Source, Target
from dadist.methods.averaging import average
from dadist.methods.base import Context, Term
from dadist.methods.mixing import paste
from dadist.methods.self_training import Teacher
from dadist.model.segmenter import Segmenter


class ClassMix(Teacher):
    """A pass over the source, then one over the mixed images; the teacher labels nothing here, and is what is kept."""

    def __init__(self, segmenter: Segmenter, hyperparameters: Any, context: Context) -> None:
        super().__init__(segmenter, hyperparameters, context)
        jitter = hyperparameters.jitter
        self.jitter = v2.ColorJitter(jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """Source labels on source images; mixed labels on mixed images."""
        assert target is not None
        assert target.labels is not None
        yield from super().segmenter_terms(source, target, step)
        seed = (self.context.seed, 2, step)
        mixed = paste(source, target.images, target.labels, augment=self.jitter, seed=seed)
        yield [Term("mixed", self.labelled(self.segmenter(mixed.images).logits, mixed.labels), 1.0)]

    def after_step(self, step: int) -> None:
        """Average the weights, and take over the statistics, which only the student has seen images for."""
        average(self.teacher, self.segmenter, keep=self.kept(step), buffers="student's")

    def result(self) -> Segmenter:
        """The average."""
        return self.teacher


METHOD = ClassMix
