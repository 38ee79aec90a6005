"""What stands on a backbone: the classifier, and the heads that regress one number per pixel."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEAD_STD = 0.01  # of every new convolution's weights, as in the authors' code; biases keep PyTorch's default


# Inputs from which on a classifier multiplies once: at 2048 a third of the time of its convolutions, at 128 no less.
WIDE = 512


class ASPP(nn.Module):
    """Sum of parallel dilated 3x3 convolutions: the classifier of DeepLab v2.

    Few outputs of many inputs are far from what a convolution is made for. A wide one is a product of every tap's
    weights with every place, and then sums of its maps, shifted by each tap's offset: equal but for rounding.

    Source: Chen et al., DeepLab, TPAMI 2018 (rates 6, 12, 18, 24); AdaptSegNet's code returns after two of the
    four, ADVENT, DADA and the authors use all.
    """

    def __init__(self, channels_in: int, channels_out: int, rates: tuple[int, ...] = (6, 12, 18, 24)) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Conv2d(channels_in, channels_out, 3, padding=rate, dilation=rate) for rate in rates
        )
        self.branches.apply(init_head)
        self.at_once = channels_in >= WIDE

    def forward(self, x: Tensor) -> Tensor:
        """``(B, channels_in, h, w)`` to logits ``(B, channels_out, h, w)``."""
        if self.at_once:
            return self._product(x)
        first, *others = self.branches
        total: Tensor = first(x)
        for branch in others:
            total = total + branch(x)
        return total

    def _product(self, x: Tensor) -> Tensor:
        # A fold adds what each place says of its neighbours; a convolution asks the neighbours: so taps are mirrored.
        branches = [branch for branch in self.branches if isinstance(branch, nn.Conv2d)]
        taps = [branch.weight.flip(2, 3).permute(0, 2, 3, 1).flatten(0, 2) for branch in branches]
        maps = F.conv2d(x, torch.cat(taps)[:, :, None, None])  # (B, branches * channels_out * 9, h, w)
        total = x.new_zeros(())
        for branch, each in zip(branches, maps.float().flatten(2).chunk(len(branches), dim=1), strict=True):
            assert branch.bias is not None
            rate = branch.dilation[0]
            total = total + F.fold(each, x.shape[-2:], kernel_size=3, dilation=rate, padding=rate)
            total = total + branch.bias[:, None, None]
        return total


class MeanHead(nn.Module):
    """Regresses one unbounded number per pixel as the mean of c / 16 channels.

    1x1 c to c/4, ReLU, 3x3, ReLU, 1x1 to c/16, mean: the depth head of DADA (ICCV 2019), which the authors use twice,
    for depth and for density. A narrow backbone keeps at least 32 and 8 channels there.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 4, 32)
        self.width = max(channels // 16, 8)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, inner, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, inner, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(inner, self.width, 1),
        )
        self.layers.apply(init_head)

    def features(self, x: Tensor) -> Tensor:
        """The channels before the mean, ``(B, c / 16, h, w)``: what DADA's fusion reads."""
        features: Tensor = self.layers(x)
        return features

    def forward(self, x: Tensor) -> Tensor:
        """``(B, channels, h, w)`` to ``(B, 1, h, w)``."""
        return self.features(x).mean(dim=1, keepdim=True)


class Fusion(nn.Module):
    """Gates the segmentation's features by the depth features: x * ReLU(conv1x1(e)).

    Source: Vu et al., DADA, ICCV 2019. The authors of the depth distribution removed it from their network.
    """

    def __init__(self, channels_depth: int, channels: int) -> None:
        super().__init__()
        self.decode = nn.Conv2d(channels_depth, channels, 1)
        self.decode.apply(init_head)

    def forward(self, x: Tensor, depth_features: Tensor) -> Tensor:
        """``(B, channels, h, w)`` and ``(B, channels_depth, h, w)`` to ``(B, channels, h, w)``."""
        return x * torch.relu(self.decode(depth_features))


class Projection(nn.Module):
    """Features to another network's, cell by cell: linear to four times as many, LayerNorm, GELU, linear.

    Source: the head of VFM-UDA++'s feature distillation; its authors' code.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        inner = 4 * channels_in
        self.layers = nn.Sequential(
            nn.Linear(channels_in, inner), nn.LayerNorm(inner), nn.GELU(), nn.Linear(inner, channels_out)
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(B, channels_in, h, w)`` to ``(B, channels_out, h, w)``."""
        projected: Tensor = self.layers(x.movedim(1, -1))
        return projected.movedim(-1, 1)


class Bottleneck(nn.Module):
    """ResNet's residual block: 1x1 to a quarter of its outputs, 3x3, 1x1, each normalised; its BatchNorm learns.

    A narrow one keeps at least 8 channels inside. Where outputs differ from inputs the shortcut is a 1x1, normalised.
    Weights start as PyTorch's do.

    Source: He et al., Deep Residual Learning, CVPR 2016.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        inner = max(channels_out // 4, 8)
        self.layers = nn.Sequential(
            *(nn.Conv2d(channels_in, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(inplace=True)),
            *(nn.Conv2d(inner, inner, 3, padding=1, bias=False), nn.BatchNorm2d(inner), nn.ReLU(inplace=True)),
            *(nn.Conv2d(inner, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)),
        )
        self.shortcut = (
            nn.Identity()
            if channels_in == channels_out
            else nn.Sequential(nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out))
        )

    def forward(self, x: Tensor) -> Tensor:
        """``(B, channels_in, h, w)`` to ``(B, channels_out, h, w)``, none below 0."""
        return torch.relu(self.layers(x) + self.shortcut(x))


class Distillation(nn.Module):
    """What one task's features take from another's: x + sigmoid(conv3x3(a)) * conv3x3(a).

    Source: Xu et al., PAD-Net, CVPR 2018; used by CorDA, ICCV 2021.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.attention = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.message = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        """Two maps ``(B, channels, h, w)`` to one."""
        total: Tensor = x + torch.sigmoid(self.attention(other)) * self.message(other)
        return total


def init_head(module: nn.Module) -> None:
    """Normal weights of standard deviation ``HEAD_STD`` for a convolution; leaves anything else alone."""
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, HEAD_STD)
