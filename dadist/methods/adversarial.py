"""What methods with a critic share."""

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from dadist.data.loader import Source, Target
from dadist.losses.adversarial import SOURCE, TARGET, domain_loss
from dadist.methods.base import Ingredients, Supervised, Term
from dadist.model.critic import critic
from dadist.model.segmenter import Outputs, Segmenter


class Adversarial(Supervised):
    """A critic tells source from target by a feature; the segmenter makes the target's look like the source's.

    Binary cross-entropy with source = 0 and target = 1 (ADVENT, CVPR 2019, and its descendants). A subclass says what
    the critic sees (`feature`, and `channels` if it is not a map a class), and sets `adversarial`, `critic_lr` and
    `critic_scale` among its knobs. With `adversarial` 0 there is no critic and no term of its.
    """

    TARGET_IMAGES = True

    def __init__(self, segmenter: Segmenter, knobs: Any, ingredients: Ingredients) -> None:
        super().__init__(segmenter, knobs, ingredients)
        if knobs.adversarial:
            self.critics.append(critic(self.channels(), width=knobs.critic_width))
        self.critic_lr = knobs.critic_lr
        self.seen: dict[int, Tensor] = {}

    def channels(self) -> int:
        """Channels of the feature."""
        return self.ingredients.classes

    def game(self, logits: Tensor, domain: int) -> Tensor:
        """What the critic's answers cost if they are of this domain."""
        return domain_loss(logits, domain)

    def feature(self, outputs: Outputs, size: tuple[int, int]) -> Tensor:
        """What the critic sees, ``(B, channels, H, W)`` at the input's size."""
        raise NotImplementedError

    def uses_target(self) -> bool:
        """Whether the target pass has any term; it is not made for none, so no statistics see the target then."""
        return bool(self.knobs.adversarial)

    def target_terms(self, outputs: Outputs, target: Target) -> list[Term]:
        """Terms of the target pass beside the adversarial one; none by default."""
        return []

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """A pass over the source, then one over the target."""
        assert target is not None, "the trainer gives target images to a method whose TARGET_IMAGES is True"
        size = (source.images.shape[-2], source.images.shape[-1])
        outputs = self.segmenter(source.images)
        if self.critics:
            self.seen[SOURCE] = self.feature(outputs, size).detach()
        yield self.source_terms(outputs, source)

        if not self.uses_target():
            return
        outputs = self.segmenter(target.images)
        terms = self.target_terms(outputs, target)
        if self.critics:
            feature = self.feature(outputs, (target.images.shape[-2], target.images.shape[-1]))
            self.seen[TARGET] = feature.detach()
            terms.append(Term("adversarial", self.game(self.critics[0](feature), SOURCE), self.knobs.adversarial))
        yield terms

    def critic_terms(self) -> Iterator[list[Term]]:
        """The critic on what both passes showed."""
        if not self.critics:
            return
        for domain, name in ((SOURCE, "critic_source"), (TARGET, "critic_target")):
            value = self.game(self.critics[0](self.seen[domain]), domain)
            yield [Term(name, value, self.knobs.critic_scale)]
