"""EfficientNet-Lite0; the weights of its package are converted by published.py."""

import bisect
import itertools

import torch.nn.functional as F
from torch import Tensor, nn

from dadist.model.backbones import Backbone, he_normal, in_stages, stage_number

TF_EPS = 1e-3  # of BatchNorm


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
        self.strides = (4, 8, min(stride, 16), stride)
        self.stem = nn.Sequential(SameConv2d(3, 32, 3, stride=2), nn.BatchNorm2d(32, TF_EPS), nn.ReLU6(inplace=True))
        blocks, channels, reached, dilation = list[nn.Module](), 32, 2, 1
        for expansion, width, count, kernel, step in self.stages:
            for index in range(count):
                wanted = step if index == 0 else 1
                taken = wanted if reached * wanted <= stride else 1
                blocks.append(InvertedResidual(channels, width, kernel, expansion, stride=taken, dilation=dilation))
                channels, reached, dilation = width, reached * taken, dilation * wanted // taken
        self.blocks = nn.Sequential(*blocks)
        self.apply(he_normal)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features of the second, the third, the fifth stage and the seventh."""
        parts = [self.blocks[begin:end] for begin, end in itertools.pairwise((0, *self.ends))]
        return in_stages(self.stem(images), *parts)

    def layers(self) -> dict[str, int]:
        """0 of the stem, then one more for each of the four parts."""
        blocks = {
            name: stage_number(name.replace("blocks.", "blocks"), "blocks", -1) for name, _ in self.named_parameters()
        }
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
