"""VFM-UDA's training: dacs and masked images, labels by an image and its mirror image, features like the start's.

For a backbone with weights of a foundation model, whose features are worth keeping; any can be trained so. VFM-UDA
hides tokens of the backbone in place of blocks of the image, and jitters the source's colours; its network is not here.
The distillation is VFM-UDA++'s, from the start in place of a second foundation model. That the teacher predicts in
evaluation mode, by averaged statistics, is this project's reading.

Sources: Englert et al., VFM-UDA, 2024, arxiv.org/abs/2406.09896; Englert & Dubbelman, VFM-UDA++, 2025,
arxiv.org/abs/2503.10685; the constants are those of their code.
"""

from collections.abc import Iterator

from torch import Tensor

from dadist.config.methods.vfm_uda import Hyperparameters
from dadist.data.loader import Source, Target
from dadist.losses.features import unlikeness
from dadist.methods.averaging import average
from dadist.methods.base import Context, Term
from dadist.methods.daformer import Anchored
from dadist.methods.mic import Masked
from dadist.model.heads import Projection
from dadist.model.segmenter import Outputs, Segmenter


class VfmUda(Masked, Anchored):
    """The terms of dacs and those on masked images; the features of both domains are to be like the start's."""

    def __init__(self, segmenter: Segmenter, hyperparameters: Hyperparameters, context: Context) -> None:
        super().__init__(segmenter, hyperparameters, context)
        self.teacher.eval()
        if self.anchor:
            channels = segmenter.backbone.channels
            self.companions["projection"] = Projection(channels, channels)

    @property
    def anchor(self) -> float:
        """Of the distillation."""
        chosen: Hyperparameters = self.hyperparameters
        return chosen.distillation

    def source_terms(self, outputs: Outputs, source: Source) -> list[Term]:
        """Cross-entropy, and the distillation."""
        return [*super().source_terms(outputs, source), *self.distilled("source", source.images, outputs)]

    def segmenter_terms(self, source: Source, target: Target | None, step: int) -> Iterator[list[Term]]:
        """One pass more, over the target's images, for the distillation."""
        assert target is not None
        yield from super().segmenter_terms(source, target, step)
        if self.anchor:
            yield self.distilled("target", target.images, self.segmenter(target.images))

    def distilled(self, domain: str, images: Tensor, outputs: Outputs) -> list[Term]:
        """How unlike the start's the student's last features are, which are of these images."""
        if not self.anchor:
            return []
        assert self.features is not None
        projected = self.companions["projection"](self.features)
        value = unlikeness(projected, self.before(images), cosine=self.hyperparameters.distillation_cosine)
        # Several processes wait for the gradient of each weight that an output depends on, so logits are there, as 0.
        return [Term(f"distillation_{domain}", value + 0 * outputs.logits.sum(), self.anchor)]

    def probabilities(self, images: Tensor) -> Tensor:
        """The mean of those of the images and of their mirror images."""
        return (super().probabilities(images) + super().probabilities(images.flip(-1)).flip(-1)) / 2

    def after_step(self, step: int) -> None:
        """Average the weights and the statistics."""
        average(self.teacher, self.segmenter, keep=self.kept(step), buffers="averaged")


METHOD = VfmUda
