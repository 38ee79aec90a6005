"""The depth prior inside self-training: what the mixtures say of place and measured depth corrects the teacher.

    teacher  log p_c = log softmax(logits)_c + t_depth log p_c(z | x, y) + t_place log p_c(x, y)
    doubt    a label of the teacher's own counts by its probability above over the one without the prior, at most 1
    paste    a class of the source is pasted where log p_c(z | x, y) of the target's depth is usual for the class

z is that of the target's depth files; the first two exclude each other. All else is mic's, or daformer's or dacs's
with weights of 0.

Source: this project. The mixtures are those of Wu & Liu, NeurIPS 2022; CorDA weighs labels by depth, and DCF what is
pasted, in other ways.
"""

import torch
from torch import Tensor

from dadist.classes import IGNORE
from dadist.config.methods.depth_prior import Hyperparameters
from dadist.data.loader import Source, Target
from dadist.data.transforms import at_centres, flip
from dadist.methods.base import Context
from dadist.methods.mic import Mic
from dadist.methods.self_training import Taught, probabilities_of
from dadist.model.segmenter import Segmenter
from dadist.prior.alignment import Alignment
from dadist.prior.fusion import Fusion, Given
from dadist.prior.mixtures import Mixtures
from dadist.prior.use import found, noise_of
from dadist.prior.usual import usual


class DepthPrior(Mic):
    """The terms of mic, with labels and pastes that depth has its say in."""

    def __init__(self, segmenter: Segmenter, hyperparameters: Hyperparameters, context: Context) -> None:
        super().__init__(segmenter, hyperparameters, context)
        mixtures: Mixtures = context.artefacts["mixtures"]
        self.alignment: Alignment = context.artefacts["alignment"]
        weights = found(hyperparameters.prior, self.alignment)
        noise = noise_of(weights, self.alignment, mixtures.numerator)
        self.fusion = Fusion(Given(mixtures, view=self.alignment.view), weights, noise)
        self.least = usual(self.fusion, hyperparameters.paste, seed=context.seed) if hyperparameters.paste else None

    def teach(self, target: Target) -> Taught:
        """The teacher's labels, fused with the prior or doubted by it."""
        size = target.images.shape[-2:]
        with torch.no_grad():
            logits = self.teacher(target.images).logits.float()
            fused = self.fused(logits, target)
            if self.hyperparameters.prior.use == "labels":
                confidence, labels = probabilities_of(fused, size).max(1)
                return Taught(labels, self.trust(target, confidence), confidence)
            confidence, labels = probabilities_of(logits, size).max(1)
            left = probabilities_of(fused, size).gather(1, labels[:, None])[:, 0]
            return Taught(labels, self.trust(target, confidence) * (left / confidence).clamp(max=1), confidence)

    def fused(self, logits: Tensor, target: Target) -> Tensor:
        """Log-probabilities ``(B, C, h, w)`` of the teacher and the prior, for which streets are mirrored back."""
        fusion = self.fusion.to(logits.device)
        return flip(fusion(flip(logits, target.mirrored), self.z(target)), target.mirrored)

    def pasted_where(self, source: Source, target: Target) -> Tensor | None:
        """Where the target's depth is usual for the source's class; anywhere where one of the two is not known."""
        z = self.z(target)
        if self.least is None or z is None:
            return None
        usual_there = self.fusion.to(z.device).of_depth(z.flatten(1)) >= self.least.to(z)[:, None]
        may = (usual_there | ~(z.flatten(2) > 0)).view(len(z), -1, *z.shape[-2:])
        grid = flip(may, target.mirrored).float()
        at_pixels = torch.nn.functional.interpolate(grid, size=source.labels.shape[-2:], mode="nearest") > 0
        known = source.labels != IGNORE
        of_class = at_pixels.gather(1, torch.where(known, source.labels, 0)[:, None])
        return of_class | ~known[:, None]

    def z(self, target: Target) -> Tensor | None:
        """Inverse depth ``(B, 1, h, w)`` of the street as it is, not mirrored; nan where there is none."""
        if target.depth is None:
            return None
        across, down = self.fusion.given.grid
        depth = at_centres(flip(target.depth, target.mirrored), (down, across))
        return self.alignment.z(depth, self.context.numerator)[:, None]


METHOD = DepthPrior
