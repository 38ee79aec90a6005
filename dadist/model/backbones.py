"""Backbones: an image to features on coarser grids. dadist/config/grid.py says how large these are."""

import importlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from dadist.config.timm_models import PREFIX
from dadist.registry import BACKBONES


class Published(NamedTuple):
    """Weights of a backbone that others published."""

    tensors: dict[str, Tensor]  # by the segmenter's names; those without a place in it keep their own
    origin: str  # whose they are, for messages
    pixels: str | None  # a key of PIXELS: what they were trained with; None: the file does not say


class Backbone(nn.Module, ABC):
    """What every backbone offers: features of four stages, the last what heads read, the one before the middle."""

    widths: tuple[int, ...]  # channels of the four
    strides: tuple[int, ...] = (4, 8, 8, 8)  # pixels between the cells of the four
    least = 16  # pixels of the shortest side that it takes

    @property
    def channels(self) -> int:
        """Channels of the last stage."""
        return self.widths[-1]

    @property
    def middle(self) -> int:
        """Channels of the stage before, which an auxiliary classifier reads."""
        return self.widths[-2]

    @abstractmethod
    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Images ``(B, 3, H, W)`` to the features of each stage, ``(B, width, h, w)``."""

    def layers(self) -> dict[str, int]:
        """How deep each weight lies, by name: 0 of the stem, then one more for each stage."""
        return {name: stage_number(name, "layer") for name, _ in self.named_parameters()}

    def positions(self) -> set[str]:
        """Names of the weights that are learnt positions or tokens."""
        return set()

    def published(self, weights: Mapping[str, Tensor]) -> Published | None:
        """Weights of a file that only the backbone itself can name; None: there are none such."""
        return None


def backbone(name: str, stride: int | None = None) -> Backbone:
    """One of BACKBONES, or one of timm, with random weights; those with several output strides at the one asked for."""
    if name.startswith(PREFIX):
        from dadist.model.timm_backbone import TimmBackbone  # here, since timm takes seconds

        return TimmBackbone(name, stride)
    module, _, kind = BACKBONES[name].partition(":")
    made: type[Backbone] = getattr(importlib.import_module(module), kind)
    return made() if stride is None else made(stride)


class ResNet101(Backbone):
    """ResNet-101 in the layout of Caffe and DeepLab v2, output stride 8; the backbone of the paper.

    From torchvision's network to this one: the max-pool rounds up, the stride of layer 2 sits in its first 1x1
    convolution, layers 3 and 4 trade theirs for dilation 2 and 4 in every block, and the classifier is gone. Names of
    parameters stay torchvision's, which published Caffe conversions share. Weights start normal with deviation 0.01
    as in the authors' code: only a start from pretrained weights is of use.
    """

    widths = (256, 512, 1024, 2048)

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import resnet101  # here, since the import takes seconds

        network = resnet101(weights=None, replace_stride_with_dilation=[False, True, True])
        self.conv1, self.bn1, self.relu = network.conv1, network.bn1, network.relu
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.layer1, self.layer2 = network.layer1, network.layer2
        self.layer3, self.layer4 = network.layer3, network.layer4
        self.layer2[0].conv1.stride, self.layer2[0].conv2.stride = (2, 2), (1, 1)
        for layer, dilation in ((self.layer3, 2), (self.layer4, 4)):
            for block in layer:  # torchvision leaves the first block of each at the dilation before
                block.conv2.dilation = block.conv2.padding = (dilation, dilation)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, 0.01)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features of the four layers."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        return in_stages(x, self.layer1, self.layer2, self.layer3, self.layer4)


class Street(Backbone):
    """A small residual network that learns the rendered scenes from scratch on a CPU; output stride 8.

    Strides 2, 4, 8 and then dilation 2 and 4, like the large one.
    """

    widths = (32, 64, 96, 128)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)
        )
        self.layer1 = nn.Sequential(Block(16, 32, stride=2), Block(32, 32))
        self.layer2 = nn.Sequential(Block(32, 64, stride=2), Block(64, 64))
        self.layer3 = Block(64, 96, dilation=2)
        self.layer4 = Block(96, 128, dilation=4)
        self.apply(he_normal)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features of the four layers."""
        return in_stages(self.stem(images), self.layer1, self.layer2, self.layer3, self.layer4)


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut, each with BatchNorm (He et al., CVPR 2016)."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )
        self.second = nn.Sequential(
            nn.Conv2d(channels_out, channels_out, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out)
            )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, channels_in, h, w)`` to ``(B, channels_out, h / stride, w / stride)``, rounded up."""
        out: Tensor = self.relu(self.second(self.first(x)) + self.shortcut(x))
        return out


def stage_number(name: str, part: str, otherwise: int = 0) -> int:
    """3 of ``layer3.0.weight`` and part "layer"."""
    first = name.partition(".")[0]
    return int(first.removeprefix(part)) if first.startswith(part) else otherwise


def in_stages(x: Tensor, *layers: nn.Module) -> tuple[Tensor, ...]:
    """What each layer makes of what the one before made."""
    return tuple(itertools.accumulate(layers, lambda features, layer: layer(features), initial=x))[1:]


def he_normal(module: nn.Module) -> None:
    """He's normal weights for a convolution; leaves anything else alone."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
