"""What methods share that have a critic a level."""

from torch import Tensor

from dadist.methods.adversarial import Adversarial
from dadist.methods.multi_level import MultiLevel
from dadist.model.segmenter import Outputs, upsample


class AdversarialLevels(MultiLevel, Adversarial):
    """Each critic sees the same of its level's logits (`feature`); `adversarial_auxiliary` weighs the second one."""

    def adversaries(self) -> dict[str, float]:
        """One a level."""
        return {"adversarial": self.knobs.adversarial, "adversarial_auxiliary": self.knobs.adversarial_auxiliary}

    def features(self, outputs: Outputs, size: tuple[int, int]) -> dict[str, Tensor]:
        """``feature`` of each level's logits, enlarged, ``(B, C, H, W)``."""
        levels = self.levels(outputs).items()
        return {f"adversarial{level}": self.feature(upsample(logits, size)) for level, logits in levels}

    def feature(self, logits: Tensor) -> Tensor:
        """What a critic sees of logits ``(B, C, H, W)``, same shape."""
        raise NotImplementedError
