"""SPIGAN: train on source images in the target's colours, where depth that was lost in translation is a loss.

A translator makes source images look like the target's to a critic of images. The segmenter learns from an image and
from its translation. So does a privileged network, which regresses the depth that the source alone has. A frozen
network keeps the two alike. Target images go to the critic and nowhere else. At test time the segmenter is alone.

Source: Lee et al., SPIGAN: Privileged Adversarial Learning from Simulation, ICLR 2019, arxiv.org/abs/1810.03756. The
authors released no code, so numbers are those that its two public reimplementations agree on. What differs here, for
one table of all methods:

* The segmenter is that of every method, not FCN8s of VGG16. ("SPIGAN" in tables; this would be called SPIGAN-R101.) It
  keeps the optimiser of `adapt`; theirs is Adam for all.
* The privileged network has a backbone like the segmenter's, and DADA's depth head.
* The frozen network, VGG19 there, is the backbone that the training starts from.
* Depth is inverse, divided by `depth_scale`. Images are not cropped.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from dadist.config.methods.spigan import Hyperparameters
from dadist.data.loader import Source, Target
from dadist.losses.adversarial import SOURCE, TARGET, squared_domain_loss
from dadist.losses.depth import mean_absolute
from dadist.losses.perception import perceptual_distance
from dadist.methods.base import Context, Supervised, Term
from dadist.model.segmenter import Segmenter, upsample
from dadist.model.translator import Translator, image_critic, to_rgb, to_unit
from dadist.model.trunk import DepthNetwork, Trunk


class Spigan(Supervised):
    """Segmentation and depth of the source, as it is and translated; likeness of the two; a critic of images."""

    TARGET_IMAGES = True

    def __init__(self, segmenter: Segmenter, hyperparameters: Hyperparameters, context: Context) -> None:
        super().__init__(segmenter, hyperparameters, context)
        if not hyperparameters.realism:
            raise ValueError("spigan.realism: expected more than 0, got 0.0; without it no translation is asked for")
        self.companion_lr, self.critic_lr, self.betas = (
            hyperparameters.companion_lr,
            hyperparameters.critic_lr,
            (hyperparameters.beta, 0.999),
        )
        self.companions["translator"] = Translator(hyperparameters.translator_width, hyperparameters.translator_blocks)
        if hyperparameters.privileged:
            self.companions["privileged"] = DepthNetwork(segmenter)
        self.critics["adversarial"] = image_critic(hyperparameters.critic_width)
        self.perception = Trunk(segmenter).requires_grad_(False).eval() if hyperparameters.perceptual else None
        self.seen: dict[int, Tensor] = {}  # what the critic learns from, by domain, of one step

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """Passes over the source, then over its translation, one network at a time.

        The passes over the translation begin at an image that gathers their gradients. Then the translator makes it
        again, the critic sees it, and on the way back what was gathered goes along. So at most one network's pass is
        held beside the critic's, for one pass more of the translator.
        """
        assert target is not None
        yield self.supervised(source.images, source, "")
        yield from self.privileged(source.images, source, "")

        with torch.no_grad():
            shown = self.translated(source.images)
        shown.requires_grad_()
        self.seen = {SOURCE: to_unit(shown.detach()), TARGET: to_unit(target.images)}
        yield self.supervised(shown, source, "_translated")
        yield from self.privileged(shown, source, "_translated")
        if self.perception is not None:
            with torch.no_grad():
                before = self.perception(source.images)
            likeness = perceptual_distance(before, self.perception(shown))
            yield [Term("perceptual", likeness, self.hyperparameters.perceptual)]

        translated = self.translated(source.images)

        def gathered(gradient: Tensor) -> Tensor:
            # None where no pass has gone back, as when terms are only looked at.
            return gradient if shown.grad is None else gradient + shown.grad

        translated.register_hook(gathered)  # type: ignore[no-untyped-call]
        answers = self.critics["adversarial"](to_unit(translated))
        yield [Term("adversarial", squared_domain_loss(answers, TARGET), self.hyperparameters.realism)]

    def translated(self, images: Tensor) -> Tensor:
        """Images of 0..255, ``(B, 3, H, W)``, as the translator sees them, in 0..255."""
        return to_rgb(self.companions["translator"](to_unit(images)))

    def supervised(self, images: Tensor, source: Source, name: str) -> list[Term]:
        """The segmenter on images ``(B, 3, H, W)`` that have the source's labels."""
        loss = self.labelled(self.segmenter(images).logits, source.labels)
        return [Term(f"segmentation{name}", loss, self.hyperparameters.task)]

    def privileged(self, images: Tensor, source: Source, name: str) -> Iterator[list[Term]]:
        """The privileged network on images ``(B, 3, H, W)`` that have the source's depth; none for weight 0."""
        if not self.hyperparameters.privileged:
            return
        depth = upsample(self.companions["privileged"](images), source.labels.shape[-2:])
        # A single pixel at the camera, or one of raw depth 0, would outweigh all others: 1 is the most.
        expected = (source.inverse_depth / self.hyperparameters.depth_scale).clamp_max(1)
        yield [Term(f"privileged{name}", mean_absolute(depth, expected, source.valid), self.hyperparameters.privileged)]

    def critic_terms(self) -> Iterator[list[Term]]:
        """The critic on translations, which are none of the target's, and on the target's images."""
        for domain, seen in self.seen.items():
            loss = squared_domain_loss(self.critics["adversarial"](seen), domain)
            yield [Term(("critic_source", "critic_target")[domain], loss, self.hyperparameters.critic_scale)]
        self.seen.clear()

    def networks(self) -> dict[str, nn.Module]:
        """The frozen one too: a state put back brings the weights that it started from."""
        frozen: dict[str, nn.Module] = {} if self.perception is None else {"perception": self.perception}
        return {**super().networks(), **frozen}


METHOD = Spigan
