"""What methods with a critic share."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from dadist.data.loader import Source, Target
from dadist.losses.adversarial import SOURCE, TARGET, domain_loss
from dadist.methods.base import Context, Supervised, Term
from dadist.model.critic import critic
from dadist.model.segmenter import Outputs, Segmenter


class Adversarial(Supervised):
    """A critic tells source from target by a feature; the segmenter makes the target's look like the source's.

    Binary cross-entropy with source = 0 and target = 1 (ADVENT, CVPR 2019, and its descendants). A subclass says what
    the critic sees (`features`); its hyperparameters have `adversarial`, `critic_lr`, `critic_scale` and
    `critic_width`. It may have further critics (`adversaries`). A critic whose term has weight 0 is not there.
    """

    TARGET_IMAGES = True

    def __init__(self, segmenter: Segmenter, hyperparameters: Any, context: Context) -> None:
        super().__init__(segmenter, hyperparameters, context)
        self.weights = {name: weight for name, weight in self.adversaries().items() if weight}
        self.critics.update({name: self.critic(name) for name in self.weights})
        self.critic_lr = hyperparameters.critic_lr
        self.seen: dict[tuple[str, int], Tensor] = {}  # by critic and domain, of one step

    def adversaries(self) -> dict[str, float]:
        """Weight of the segmenter's term against each critic, by the term's name."""
        return {"adversarial": self.hyperparameters.adversarial}

    def critic(self, name: str) -> nn.Module:
        """A critic with random weights; by default of one map per class."""
        return critic(self.context.classes, width=self.hyperparameters.critic_width)

    def features(self, outputs: Outputs, size: tuple[int, int]) -> dict[str, Tensor]:
        """What each critic sees, by name, ``(B, channels, H, W)`` at the input's size (H, W)."""
        raise NotImplementedError

    def critic_loss(self, name: str, feature: Tensor, domain: int) -> Tensor:
        """What a critic's answers cost if they are of this domain, a scalar."""
        return domain_loss(self.critics[name](feature), domain)

    def weight(self, name: str, step: int) -> float:
        """Weight of the segmenter's term against a critic at a step; the same at all by default."""
        return self.weights[name]

    def outputs(self, images: Tensor, domain: int, step: int) -> Outputs:
        """A pass of the network over images ``(B, 3, H, W)`` of a domain."""
        outputs: Outputs = self.segmenter(images)
        return outputs

    def uses_target(self) -> bool:
        """Whether the target pass has any term; it is not made for none, so no statistics see the target then."""
        return bool(self.weights)

    def target_terms(self, outputs: Outputs, target: Target) -> list[Term]:
        """Terms of the target pass beside the adversarial ones; none by default."""
        return []

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """A pass over the source, then one over the target."""
        assert target is not None, "the trainer gives target images to a method whose TARGET_IMAGES is True"
        outputs = self.outputs(source.images, SOURCE, step)
        self._features(outputs, source.images, SOURCE)
        yield self.source_terms(outputs, source)

        if not self.uses_target():
            return
        outputs = self.outputs(target.images, TARGET, step)
        terms = self.target_terms(outputs, target)
        for name, feature in self._features(outputs, target.images, TARGET).items():
            terms.append(Term(name, self.critic_loss(name, feature, SOURCE), self.weight(name, step)))
        yield terms

    def critic_terms(self) -> Iterator[list[Term]]:
        """Each critic on what both passes showed."""
        for (name, domain), feature in self.seen.items():
            term = f"{name.replace('adversarial', 'critic')}_{('source', 'target')[domain]}"
            yield [Term(term, self.critic_loss(name, feature, domain), self.hyperparameters.critic_scale)]
        self.seen.clear()

    def _features(self, outputs: Outputs, images: Tensor, domain: int) -> dict[str, Tensor]:
        """The features of the critics that there are; what they are to learn from is kept, detached."""
        if not self.weights:
            return {}
        found = self.features(outputs, (images.shape[-2], images.shape[-1]))
        self.seen |= {(name, domain): feature.detach() for name, feature in found.items() if name in self.weights}
        return {name: feature for name, feature in found.items() if name in self.weights}
