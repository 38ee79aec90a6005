"""Backbones: an image to features on coarser grids. dadist/config/grid.py says how large these are."""

import bisect
import importlib
import itertools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from dadist.config.timm_models import PREFIX
from dadist.registry import BACKBONES

TF_EPS = 1e-3  # of BatchNorm


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
        return {name: _number(name, "layer") for name, _ in self.named_parameters()}

    def positions(self) -> set[str]:
        """Names of the weights that are learnt positions or tokens."""
        return set()

    def published(self, weights: Mapping[str, Tensor]) -> Published | None:
        """Weights of a file that only the backbone itself can name; None: there are none such."""
        return None


def backbone(name: str, stride: int | None = None) -> Backbone:
    """One of BACKBONES, or one of timm at an output stride, with random weights."""
    if name.startswith(PREFIX):
        from dadist.model.timm_backbone import TimmBackbone  # here, since timm takes seconds

        return TimmBackbone(name, stride)
    module, _, kind = BACKBONES[name].partition(":")
    found: Backbone = getattr(importlib.import_module(module), kind)()
    return found


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
        return _stages(x, self.layer1, self.layer2, self.layer3, self.layer4)


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
        self.apply(_init)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features of the four layers."""
        return _stages(self.stem(images), self.layer1, self.layer2, self.layer3, self.layer4)


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


class EfficientNetLite0(Backbone):
    """EfficientNet-Lite0 up to the last of its 16 blocks; its weights come as a package, see published.py.

    ImageNet's classifier and the 1x1 convolution before it are left out. Trained with an output stride of 32; each
    stride beyond ``stride`` is traded for dilation from the next convolution on, so that the same weights give the
    same features at the places that both grids have, and more between.

    Args:
        stride: Output stride: 8, 16 or 32.

    Source: Tan & Le, EfficientNet, ICML 2019, Table 1; the Lite variant has ReLU6 in place of swish and no squeeze
    and excitation. Padding and BatchNorm's constant are those of TensorFlow, where the weights were trained; the
    momentum of the statistics is PyTorch's, as in the other backbones.
    """

    widths = (24, 40, 112, 320)
    ends = (3, 5, 11, 16)  # blocks up to each of the four
    # One row per stage: expansion, channels, blocks, kernel, stride of the first block.
    stages = (
        (1, 16, 1, 3, 1),
        (6, 24, 2, 3, 2),
        (6, 40, 2, 5, 2),
        (6, 80, 3, 3, 2),
        (6, 112, 3, 5, 1),
        (6, 192, 4, 5, 2),
        (6, 320, 1, 3, 1),
    )

    def __init__(self, stride: int = 8) -> None:
        super().__init__()
        self.stem = nn.Sequential(SameConv2d(3, 32, 3, stride=2), nn.BatchNorm2d(32, TF_EPS), nn.ReLU6(inplace=True))
        blocks, channels, reached, dilation = list[nn.Module](), 32, 2, 1
        for expansion, width, count, kernel, step in self.stages:
            for index in range(count):
                wanted = step if index == 0 else 1
                taken = wanted if reached * wanted <= stride else 1
                blocks.append(InvertedResidual(channels, width, kernel, expansion, stride=taken, dilation=dilation))
                channels, reached, dilation = width, reached * taken, dilation * wanted // taken
        self.blocks = nn.Sequential(*blocks)
        self.apply(_init)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features of the second, the third, the fifth stage and the seventh."""
        parts = [self.blocks[begin:end] for begin, end in itertools.pairwise((0, *self.ends))]
        return _stages(self.stem(images), *parts)

    def layers(self) -> dict[str, int]:
        """0 of the stem, then one more for each of the four parts."""
        blocks = {name: _number(name.replace("blocks.", "blocks"), "blocks", -1) for name, _ in self.named_parameters()}
        return {name: 0 if block < 0 else bisect.bisect(self.ends, block) + 1 for name, block in blocks.items()}


class InvertedResidual(nn.Module):
    """1x1 to a wider map, depthwise, 1x1 to a narrow one without activation.

    Source: Sandler et al., MobileNetV2, CVPR 2018.
    """

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, expansion: int, *, stride: int, dilation: int
    ) -> None:
        super().__init__()
        wide = expansion * channels_in
        self.expand = nn.Sequential()
        if expansion > 1:
            self.expand = nn.Sequential(
                nn.Conv2d(channels_in, wide, 1, bias=False), nn.BatchNorm2d(wide, TF_EPS), nn.ReLU6(inplace=True)
            )
        self.depthwise = nn.Sequential(
            SameConv2d(wide, wide, kernel, stride=stride, dilation=dilation, groups=wide),
            nn.BatchNorm2d(wide, TF_EPS),
            nn.ReLU6(inplace=True),
        )
        self.project = nn.Sequential(nn.Conv2d(wide, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out, TF_EPS))
        self.shortcut = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        """``(B, channels_in, h, w)`` to ``(B, channels_out, h / stride, w / stride)``, rounded up."""
        out: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + out if self.shortcut else out


class SameConv2d(nn.Conv2d):
    """A convolution without bias whose padding is TensorFlow's SAME: an odd pixel of it goes right and below."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, *, stride: int, dilation: int = 1, groups: int = 1
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, stride, dilation=dilation, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, channels_in, h, w)`` to ``(B, channels_out, h / stride, w / stride)``, rounded up."""
        (kernel, _), (stride, _), (dilation, _) = self.kernel_size, self.stride, self.dilation
        padding = []
        for size in (x.shape[-1], x.shape[-2]):
            # So that ceil(size / stride) cells come out. No negative number is divided: ONNX rounds those otherwise.
            missing = (kernel - 1) * dilation - (size - 1) % stride
            padding += [missing // 2, missing - missing // 2]
        return super().forward(F.pad(x, padding))


def _number(name: str, part: str, otherwise: int = 0) -> int:
    """3 of ``layer3.0.weight`` and part "layer"."""
    first = name.partition(".")[0]
    return int(first.removeprefix(part)) if first.startswith(part) else otherwise


def _stages(x: Tensor, *layers: nn.Module) -> tuple[Tensor, ...]:
    """What each layer makes of what the one before made."""
    return tuple(itertools.accumulate(layers, lambda features, layer: layer(features), initial=x))[1:]


def _init(module: nn.Module) -> None:
    """He's normal weights for a convolution; leaves anything else alone."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
