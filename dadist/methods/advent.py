"""AdvEnt: align the maps of weighted self-information, so that the target is predicted as surely as the source.

Of the paper, two things are not here, nor in its authors' code: the prior on the classes' ratio, and AdvEnt+MinEnt,
which is no method but the average, at test time, of the two networks' logits.

Source: Vu et al., ADVENT, CVPR 2019, arxiv.org/abs/1811.12833.
"""

from torch import Tensor

from dadist.losses.information import self_information
from dadist.methods.levels import AdversarialLevels


class Advent(AdversarialLevels):
    """Source cross-entropy, and a critic on I(P), on one level or two."""

    def feature(self, logits: Tensor) -> Tensor:
        """I(P), ``(B, C, H, W)``."""
        return self_information(logits)


METHOD = Advent
