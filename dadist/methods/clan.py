"""CLAN: where two classifiers of the same features disagree, the class is not aligned: push the adversarial loss there.

The weights of the two are driven apart, so that they are two views. The sum of their logits is what the network says
and what the critic sees. Each pixel of the target counts in the adversarial loss by how much the two disagree on it.
That loss and the weight discrepancy fade out with the training. That the rates rise at its beginning is the
optimiser's: `warm_up`.

Source: Luo et al., Taking a Closer Look at Domain Shift: Category-level Adversaries for Semantics Consistent Domain
Adaptation, CVPR 2019, arxiv.org/abs/1809.09478.
"""

import dataclasses
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dadist.config.methods.clan import Hyperparameters
from dadist.data.loader import Source, Target
from dadist.losses.adversarial import TARGET, domain_loss
from dadist.losses.disagreement import disagreement, likeness
from dadist.losses.segmentation import focal_loss
from dadist.methods.adversarial import Adversarial
from dadist.methods.base import Term
from dadist.model.segmenter import Outputs, upsample


class Clan(Adversarial):
    """Source focal loss of both classifiers, a critic on P of their sum, weighted by pixel, and how alike they are."""

    @staticmethod
    def heads(hyperparameters: Hyperparameters) -> tuple[str, ...]:
        """The second classifier."""
        return ("second",)

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """A pass over the source, one over the target, then the classifiers' weights, which need none."""
        yield from super().segmenter_terms(source, target, step)
        if self.hyperparameters.discrepancy:
            assert self.segmenter.second is not None
            alike = likeness(self.segmenter.segmentation.parameters(), self.segmenter.second.parameters())
            yield [Term("discrepancy", alike, self.hyperparameters.discrepancy * self.damping(step))]

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Each classifier by itself."""
        both = {"segmentation": outputs.extra["first"], "segmentation_second": outputs.extra["second"]}
        return [Term(name, self.labelled(logits, source.labels), 1.0) for name, logits in both.items()]

    def labelled(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Focal loss, weighted by class; cross-entropy for gamma 0."""
        logits, weights = upsample(logits, labels.shape[-2:]), self.context.class_weights
        return focal_loss(logits, labels, gamma=self.hyperparameters.gamma, weights=weights)

    def damping(self, step: int) -> float:
        """1 at the beginning, 0 at the horizon."""
        return max(0.0, 1 - step / self.context.horizon)

    def weight(self, name: str, step: int) -> float:
        """Damped."""
        return super().weight(name, step) * self.damping(step)

    def outputs(self, images: Tensor, domain: int, step: int) -> Outputs:
        """A pass over the rescaled images; ``extra["pixels"]``: what each pixel counts, ``(B, 1, H, W)`` unscaled.

        1 on the source and for the first `unweighted` share of the horizon; then, on the target, agreed + disagreed M.
        """
        outputs: Outputs = self.segmenter(self.rescaled(images, domain, step))
        pixels = torch.ones_like(images[:, :1])
        if domain == TARGET and step > self.hyperparameters.unweighted * self.context.horizon:
            both = (upsample(outputs.extra[name], images.shape[-2:]) for name in ("first", "second"))
            apart = disagreement(*both)
            pixels = self.hyperparameters.agreed + self.hyperparameters.disagreed * (
                apart.detach() if self.hyperparameters.detached else apart
            )
        return dataclasses.replace(outputs, extra={**outputs.extra, "pixels": pixels})

    def rescaled(self, images: Tensor, domain: int, step: int) -> Tensor:
        """The batch at its own size, smaller or larger, by chance; what is said of it is compared at its own size."""
        draw = np.random.default_rng((self.context.seed, 3, step, domain)).random()
        if draw < self.hyperparameters.shrink_share:
            factor = self.hyperparameters.shrink
        elif draw >= 1 - self.hyperparameters.enlarge_share:
            factor = self.hyperparameters.enlarge
        else:
            return images
        return upsample(images, [int(side * factor) for side in images.shape[-2:]])

    def features(self, outputs: Outputs, size: tuple[int, int]) -> dict[str, Tensor]:
        """P of the sum, and what each pixel counts as one channel more, ``(B, C + 1, H, W)``."""
        probabilities = F.softmax(upsample(outputs.logits, size).float(), dim=1)
        return {"adversarial": torch.cat([probabilities, outputs.extra["pixels"]], dim=1)}

    def critic_loss(self, name: str, feature: Tensor, domain: int) -> Tensor:
        """Cross-entropy of the answers, enlarged to the size of the feature, weighted by pixel."""
        probabilities, pixels = feature[:, :-1], feature[:, -1:]
        answers = upsample(self.critics[name](probabilities), feature.shape[-2:])
        return domain_loss(answers, domain, weights=pixels)


METHOD = Clan
