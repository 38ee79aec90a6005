"""What methods share that may adapt on two levels: a second classifier, on the middle layer of the backbone.

It learns from the same labels, and a method treats what it says on the target as it treats the main classifier's, each
with a weight of its own. The network keeps it, and nothing reads it once the training is over.

Source: Tsai et al., AdaptSegNet, CVPR 2018, arxiv.org/abs/1802.10349.
"""

from typing import Any

from torch import Tensor

from dadist.data.loader import Source
from dadist.methods.adversarial import Adversarial
from dadist.methods.base import Supervised, Term
from dadist.model.segmenter import Outputs, upsample

AUXILIARY = "auxiliary"  # the head; what the names of its terms and weights end with


class MultiLevel(Supervised):
    """Cross-entropy of one classifier or of two; the hyperparameter `segmentation_auxiliary` weighs the second.

    The second classifier is there if any weight whose name ends with "_auxiliary" is not 0.
    """

    @staticmethod
    def heads(hyperparameters: Any) -> tuple[str, ...]:
        """The auxiliary classifier, where a weight asks for it."""
        asked = any(weight for name, weight in vars(hyperparameters).items() if name.endswith(f"_{AUXILIARY}"))
        return (AUXILIARY,) if asked else ()

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Cross-entropy of each level."""
        terms, weight = super().source_terms(outputs, source), self.hyperparameters.segmentation_auxiliary
        if weight:
            loss = self.labelled(outputs.extra[AUXILIARY], source.labels)
            terms.append(Term(f"segmentation_{AUXILIARY}", loss, weight))
        return terms

    @staticmethod
    def levels(outputs: Outputs) -> dict[str, Tensor]:
        """Logits ``(B, C, h, w)`` of each level that there is, by what the names of its terms end with."""
        found = {"": outputs.logits}
        if AUXILIARY in outputs.extra:
            found[f"_{AUXILIARY}"] = outputs.extra[AUXILIARY]
        return found


class AdversarialLevels(MultiLevel, Adversarial):
    """Each critic sees the same of its level's logits (`feature`); `adversarial_auxiliary` weighs the second one."""

    def adversaries(self) -> dict[str, float]:
        """One per level."""
        return {
            "adversarial": self.hyperparameters.adversarial,
            "adversarial_auxiliary": self.hyperparameters.adversarial_auxiliary,
        }

    def features(self, outputs: Outputs, size: tuple[int, int]) -> dict[str, Tensor]:
        """``feature`` of each level's logits, enlarged, ``(B, C, H, W)``."""
        levels = self.levels(outputs).items()
        return {f"adversarial{level}": self.feature(upsample(logits, size)) for level, logits in levels}

    def feature(self, logits: Tensor) -> Tensor:
        """What a critic sees of logits ``(B, C, H, W)``, same shape."""
        raise NotImplementedError
