"""AdaptSegNet: where things stand in a street looks alike in both domains, so align the softmax output itself.

A critic tells source from target by the probabilities of all classes; in the multi-level variant a second critic does
so by those of an auxiliary classifier on the middle layer.

Source: Tsai et al., Learning to Adapt Structured Output Space for Semantic Segmentation, CVPR 2018,
arxiv.org/abs/1802.10349.
"""

import torch.nn.functional as F
from torch import Tensor

from dadist.losses.adversarial import ADVERSARIAL_LOSSES
from dadist.methods.levels import AdversarialLevels


class AdaptSegNet(AdversarialLevels):
    """Source cross-entropy, and a critic on P, on one level or two."""

    def feature(self, logits: Tensor) -> Tensor:
        """P, ``(B, C, H, W)`` float32."""
        return F.softmax(logits.float(), dim=1)

    def critic_loss(self, name: str, feature: Tensor, domain: int) -> Tensor:
        """Cross-entropy or least squares."""
        return ADVERSARIAL_LOSSES[self.hyperparameters.adversarial_loss](self.critics[name](feature), domain)


METHOD = AdaptSegNet
