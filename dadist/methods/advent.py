"""AdvEnt: align the maps of weighted self-information, so that the target is predicted as surely as the source.

Source: Vu et al., ADVENT, CVPR 2019.
"""

from dataclasses import dataclass

from torch import Tensor

from dadist.losses.information import self_information
from dadist.methods.adversarial import Adversarial
from dadist.model.segmenter import Outputs, upsample


@dataclass(frozen=True)
class Knobs:
    """Weights of the objective."""

    adversarial: float
    critic_lr: float
    critic_scale: float
    critic_width: int


class Advent(Adversarial):
    """Source cross-entropy, and a critic on I(P)."""

    def features(self, outputs: Outputs, size: tuple[int, int]) -> dict[str, Tensor]:
        """I(P), ``(B, C, H, W)``."""
        return {"adversarial": self_information(upsample(outputs.logits, size))}


METHOD = Advent
