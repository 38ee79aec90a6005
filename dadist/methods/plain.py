"""Self-training as the paper has it: plain cross-entropy on the target's pseudo-labels, no source, no critic.

Source: Wu & Liu, NeurIPS 2022, and the authors' code.
"""

from collections.abc import Iterator

from dadist.data.loader import Source, Target
from dadist.losses.segmentation import cross_entropy
from dadist.methods.base import Supervised, Term
from dadist.model.segmenter import upsample


class Plain(Supervised):
    """One pass over the target per step."""

    TARGET_IMAGES = True

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """Mean over the labelled pixels; an image without any contributes nothing."""
        assert target is not None
        assert target.labels is not None
        logits = upsample(self.segmenter(target.images).logits, target.labels.shape[-2:])
        yield [Term("pseudo", cross_entropy(logits, target.labels), 1.0)]


METHOD = Plain
