"""Decoders: from the features of a backbone's stages to those that classifier and heads read."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dadist.model.heads import ASPP, init_head

FUSED = 256  # channels of DAFormer's
DROPPED = 0.1  # share of the channels that its classifier does not see in training


class Decoder(nn.Module, ABC):
    """What every decoder offers, for stages of ``widths`` channels and a classifier's dilations ``rates``."""

    KEEPS_GRID = False  # whether what it gives has the last stage's grid, whatever the backbone
    channels: int  # of what it gives

    @abstractmethod
    def __init__(self, widths: Sequence[int], rates: tuple[int, ...]) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        """Features of the stages, ``(B, width, h, w)`` each, to ``(B, channels, h, w)``."""

    @abstractmethod
    def classifier(self, channels: int, classes: int) -> nn.Module:
        """From features of so many channels to logits of so many classes."""


class DeepLab(Decoder):
    """DeepLab-v2's: the last stage as it is, and an ASPP that classifies it."""

    KEEPS_GRID = True

    def __init__(self, widths: Sequence[int], rates: tuple[int, ...]) -> None:
        super().__init__(widths, rates)
        self.channels, self.rates = widths[-1], rates

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        """The last stage."""
        return stages[-1]

    def classifier(self, channels: int, classes: int) -> ASPP:
        """The sum of dilated convolutions."""
        return ASPP(channels, classes, self.rates)


class Hypercolumns(Decoder):
    """All stages side by side on the grid of the second, eight pixels to a cell, and an ASPP that classifies them.

    Each stage is normalised first, as their features have unlike sizes. The grid is as fine as a dilated backbone's, at
    a fraction of the time, since the last stage is computed on its own coarse grid.

    Source: Hariharan et al., Hypercolumns for object segmentation, CVPR 2015, arxiv.org/abs/1411.5752.
    """

    def __init__(self, widths: Sequence[int], rates: tuple[int, ...]) -> None:
        super().__init__(widths, rates)
        self.channels, self.rates = sum(widths), rates
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths)

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        """Features of all stages on the grid of the second."""
        size = stages[1].shape[-2:]
        normed = [norm(features) for norm, features in zip(self.norms, stages, strict=True)]
        return torch.cat([F.interpolate(one, size=size, mode="bilinear") for one in normed], dim=1)

    def classifier(self, channels: int, classes: int) -> ASPP:
        """The sum of dilated convolutions."""
        return ASPP(channels, classes, self.rates)


class DAFormer(Decoder):
    """DAFormer's: all stages brought to 256 channels and to the grid of the first, fused by a depthwise-separable ASPP.

    A dilation of 1 is a 1x1 convolution there; the paper's are 1, 6, 12 and 18. Its BatchNorm learns.

    Source: Hoyer, Dai & Van Gool, DAFormer, CVPR 2022, arxiv.org/abs/2111.14887, section 3.2; channels, dropout of the
    classifier's inputs and the 3x3 convolution that ends it as in its code.
    """

    channels = FUSED

    def __init__(self, widths: Sequence[int], rates: tuple[int, ...]) -> None:
        super().__init__(widths, rates)
        wide = len(widths) * FUSED
        self.embeddings = nn.ModuleList(nn.Conv2d(width, FUSED, 1) for width in widths)
        self.branches = nn.ModuleList(
            _normed(wide, FUSED, 1)
            if rate == 1
            else nn.Sequential(*_normed(wide, wide, 3, dilation=rate, groups=wide), *_normed(wide, FUSED, 1))
            for rate in rates
        )
        self.bottleneck = _normed(len(rates) * FUSED, FUSED, 3)

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        """Fused features on the grid of the first stage."""
        size = stages[0].shape[-2:]
        embedded = [embed(features) for embed, features in zip(self.embeddings, stages, strict=True)]
        x = torch.cat([F.interpolate(one, size=size, mode="bilinear") for one in embedded], dim=1)
        fused: Tensor = self.bottleneck(torch.cat([branch(x) for branch in self.branches], dim=1))
        return fused

    def classifier(self, channels: int, classes: int) -> nn.Module:
        """A 1x1 convolution."""
        return nn.Sequential(nn.Dropout2d(DROPPED), nn.Conv2d(channels, classes, 1)).apply(init_head)


class VFMUDA(Decoder):
    """VFM-UDA's: two transposed convolutions take a transformer's last features to four times as fine a grid.

    Source: Englert et al., Exploring the Benefits of Vision Foundation Models for UDA, CVPR workshops 2024,
    arxiv.org/abs/2406.09896; widths, normalisation, the 3x3 convolution and the classifier's start as in its code.
    """

    def __init__(self, widths: Sequence[int], rates: tuple[int, ...]) -> None:
        super().__init__(widths, rates)
        wide = widths[-1]
        self.channels = narrow = wide // 4
        self.layers = nn.Sequential(
            *(nn.ConvTranspose2d(wide, wide // 2, 2, stride=2, bias=False), ChannelNorm(wide // 2), nn.GELU()),
            *(nn.ConvTranspose2d(wide // 2, narrow, 2, stride=2, bias=False), ChannelNorm(narrow)),
            *(nn.Conv2d(narrow, narrow, 3, padding=1, bias=False), ChannelNorm(narrow)),
        )

    def forward(self, stages: Sequence[Tensor]) -> Tensor:
        """Features on a grid of four times as many columns and rows as the last stage has."""
        x: Tensor = self.layers(stages[-1])
        return x

    def classifier(self, channels: int, classes: int) -> nn.Module:
        """A 1x1 convolution without bias."""
        found = nn.Conv2d(channels, classes, 1, bias=False)
        nn.init.normal_(found.weight, 0.0, 0.1)
        return found


class ChannelNorm(nn.LayerNorm):
    """LayerNorm over the channels of each place of a map ``(B, C, h, w)``."""

    def forward(self, x: Tensor) -> Tensor:
        """A map of the same shape."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def _normed(inputs: int, outputs: int, kernel: int, *, dilation: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution that keeps the size, BatchNorm, ReLU."""
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, groups=groups, bias=False)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def decoder(name: str, widths: Sequence[int], rates: tuple[int, ...]) -> Decoder:
    """One of DECODERS of dadist/config/grid.py, with random weights."""
    kinds: dict[str, type[Decoder]] = {
        "deeplab": DeepLab,
        "hypercolumns": Hypercolumns,
        "daformer": DAFormer,
        "vfm_uda": VFMUDA,
    }
    return kinds[name](widths, rates)
