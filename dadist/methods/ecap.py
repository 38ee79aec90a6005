"""ECAP: mic, and objects that the teacher is surest of are cut out of target images and pasted on the source's.

Source: Brorsson et al., ECAP: Extensive Cut-and-Paste Augmentation, arxiv.org/abs/2403.03854.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dadist.config.methods.ecap import Hyperparameters
from dadist.data.loader import Source, Target
from dadist.methods.base import Context
from dadist.methods.mic import Mic
from dadist.methods.mixing import placed
from dadist.methods.self_training import Taught
from dadist.model.segmenter import Segmenter
from dadist.runtime import distributed


class Draw(NamedTuple):
    """Of one class on one image, each uniform from 0 to 1."""

    whether: float
    member: float
    scale: float
    down: float
    across: float
    mirror: float


class Bank(nn.Module):
    """Per class the images whose pixels of that class the teacher is surest of, each image once per class.

    All of it is buffers, of a fixed size: it is saved with the training, and a step never waits for it.

    Args:
        classes: C.
        members: N, the most of each class.
        size: (width, height) of the images.
    """

    images: Tensor  # (C * N, 3, H, W) uint8
    masks: Tensor  # (C * N, H, W) bool, where the class is
    confidence: Tensor  # (C, N), 0 where nothing is kept
    rows: Tensor  # (C, N) int64, which image of the split it is; -1 where nothing is kept

    def __init__(self, classes: int, members: int, size: tuple[int, int]) -> None:
        super().__init__()
        width, height = size
        self.register_buffer("images", torch.zeros(classes * members, 3, height, width, dtype=torch.uint8))
        self.register_buffer("masks", torch.zeros(classes * members, height, width, dtype=torch.bool))
        self.register_buffer("confidence", torch.zeros(classes, members))
        self.register_buffer("rows", torch.full((classes, members), -1))

    def enter(self, row: Tensor, image: Tensor, labels: Tensor, confidence: Tensor) -> None:
        """Keep an image for each class of which it is among the N surest; of one image only the surest labels stay.

        Args:
            row: Which image of the split it is, a scalar.
            image: ``(3, H, W)`` uint8.
            labels: ``(H, W)``, -1 where none counts.
            confidence: ``(H, W)`` probability of each label; a class has the mean over its pixels.
        """
        each = torch.arange(len(self.rows), device=labels.device)
        masks = labels == each[:, None, None]  # (C, H, W)
        given = (masks * confidence.to(self.confidence)).sum((1, 2)) / masks.sum((1, 2)).clamp_min(1)
        same = self.rows == row
        slot = torch.where(same.any(1), same.int().argmax(1), self.confidence.argmin(1))
        better, place = given > self.confidence[each, slot], each * self.rows.shape[1] + slot
        self.images[place] = torch.where(better[:, None, None, None], image, self.images[place])
        self.masks[place] = torch.where(better[:, None, None], masks, self.masks[place])
        self.confidence[each, slot] = torch.where(better, given, self.confidence[each, slot])
        self.rows[each, slot] = torch.where(better, row, self.rows[each, slot])

    def mean(self) -> Tensor:
        """Mean confidence of what is kept of each class, ``(C,)``; 0 where nothing is."""
        return self.confidence.sum(1) / (self.rows >= 0).sum(1).clamp_min(1)

    def member(self, name: int, share: float) -> tuple[Tensor, Tensor]:
        """Image and mask of the one that is a share of the way through what is kept of a class, from the surest on."""
        surest = self.confidence[name].argsort(descending=True, stable=True)
        number = ((self.rows[name] >= 0).sum() * share).long()
        place = name * len(surest) + surest.gather(0, number[None])  # of one dimension: so that nobody waits
        return self.images[place][0], self.masks[place][0]


class Ecap(Mic):
    """The terms of mic, whose classes to paste are cut out of source images with objects of the bank on them."""

    def __init__(self, segmenter: Segmenter, hyperparameters: Hyperparameters, context: Context) -> None:
        super().__init__(segmenter, hyperparameters, context)
        self.bank = Bank(context.classes, hyperparameters.bank, context.size)

    def to_paste(self, source: Source, target: Target, taught: Taught, step: int) -> Source:
        """The source with objects of the bank, which the target's images enter first."""
        assert target.rows is not None
        counted = taught.labels if target.trusted is None else taught.labels.where(target.trusted, -1)
        whole = (target.rows, target.images.byte(), counted, taught.confidence)  # images came as bytes
        for row, image, labels, confidence in zip(*map(distributed.gather, whole), strict=True):
            self.bank.enter(row, image, labels, confidence)
        chances, (batch, classes) = self.chances(), (len(source.labels) * distributed.processes(), self.context.classes)
        random, mine = np.random.default_rng((self.context.seed, 8, step)), distributed.share(batch)
        order = random.permuted(np.tile(np.arange(classes), (batch, 1)), axis=1)[mine].tolist()
        draws = random.random((batch, classes, len(Draw._fields)))[mine].tolist()
        images, labels = source.images.clone(), source.labels.clone()
        for index, names in enumerate(order):
            for name in names:
                draw = Draw(*draws[index][name])
                scale = draw.scale + (1 - draw.scale) * self.hyperparameters.object_least
                where, mirrored = (draw.down, draw.across), draw.mirror < 0.5
                image, mask = placed(*self.bank.member(name, draw.member), scale=scale, where=where, mirrored=mirrored)
                mask &= chances[name] > draw.whether
                images[index] = torch.where(mask, image, images[index])
                labels[index] = torch.where(mask, name, labels[index])
        return source._replace(images=images, labels=labels)

    def chances(self) -> Tensor:
        """How likely an object of each class is pasted on an image, ``(C,)``: p / C, p = p0 sigmoid((E - b) / g)."""
        chosen: Hyperparameters = self.hyperparameters
        sure = self.bank.mean()
        objects = chosen.objects * torch.sigmoid((sure.mean() - chosen.sure_from) / chosen.sure_width)
        return torch.where(sure > chosen.bank_least, objects / len(sure), 0)

    def networks(self) -> dict[str, nn.Module]:
        """The bank too."""
        return {**super().networks(), "bank": self.bank}


METHOD = Ecap
