"""MinEnt: the source is predicted with confidence and the target is not, so make the target's entropy small.

Of the paper, three things are not here, nor in its authors' code: the prior on the classes' ratio, the entropy of the
most uncertain pixels alone, and AdvEnt+MinEnt, the average of two networks' logits at test time.

Source: Vu et al., ADVENT, CVPR 2019, arxiv.org/abs/1811.12833.
"""

from collections.abc import Iterator

from dadist.data.loader import Source, Target
from dadist.losses.information import mean_entropy
from dadist.methods.base import Term
from dadist.methods.levels import MultiLevel
from dadist.model.segmenter import upsample


class MinEnt(MultiLevel):
    """Source cross-entropy and target entropy, on one level or two."""

    TARGET_IMAGES = True

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """A pass over the source, then one over the target."""
        assert target is not None
        yield from super().segmenter_terms(source, target, step)
        weights = {"": self.hyperparameters.entropy, "_auxiliary": self.hyperparameters.entropy_auxiliary}
        if not any(weights.values()):
            return
        levels, size = self.levels(self.segmenter(target.images)), target.images.shape[-2:]
        yield [
            Term(f"entropy{level}", mean_entropy(upsample(levels[level], size)), weight)
            for level, weight in weights.items()
            if weight
        ]


METHOD = MinEnt
