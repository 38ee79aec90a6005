"""Images of one domain in the colours and textures of another, and the critic that tells them from real ones."""

import torch.nn.functional as F
from torch import Tensor, nn

INIT_STD = 0.02  # of every convolution's weights, as in CycleGAN
STRIDE = 4  # of the residual blocks' grid


class Translator(nn.Module):
    """CycleGAN's residual generator: 7x7, two strides of 2, residual blocks, two steps back, 7x7, tanh.

    Instance normalisation and ReLU after every convolution but the last; borders are mirrored where the size is kept.

    Args:
        width: Channels after the first convolution; the blocks have four times as many.
        blocks: Residual blocks of two 3x3 convolutions.

    Source: Zhu et al., CycleGAN, ICCV 2017, after Johnson et al., ECCV 2016: width 64, 9 blocks.
    """

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_normalised(_same(3, width, 7)),
            *_normalised(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)),
            *_normalised(nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1)),
            *(_Residual(4 * width) for _ in range(blocks)),
            *_normalised(nn.ConvTranspose2d(4 * width, 2 * width, 3, stride=2, padding=1, output_padding=1)),
            *_normalised(nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1)),
            _same(width, 3, 7),
            nn.Tanh(),
        )
        self.apply(init_convolution)

    def forward(self, images: Tensor) -> Tensor:
        """RGB in -1..1 to the same, ``(B, 3, H, W)`` from 8x8 on: mirrored up to a multiple of four, and cut again."""
        height, width = images.shape[-2:]
        padded = F.pad(images, (0, -width % STRIDE, 0, -height % STRIDE), mode="reflect")
        translated: Tensor = self.layers(padded)
        return translated[..., :height, :width]


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_normalised(_same(channels, channels, 3)), *_normalised(_same(channels, channels, 3))[:-1]
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.layers(x)
        return out


def image_critic(width: int = 64) -> nn.Sequential:
    """Four 4x4 convolutions to width, 2 width, 4 width (of stride 2) and 8 width, then one to an answer; LeakyReLU 0.2.

    All but the first and the last are normalised by instance. An answer sees 70x70 pixels of an image of RGB,
    ``(B, 3, H, W)``, and there are ``(B, 1, H / 8 - 2, W / 8 - 2)`` of them.

    Source: the PatchGAN of Isola et al., CVPR 2017, as CycleGAN uses it (width 64).
    """
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
    for inputs, outputs, stride in ((width, 2 * width, 2), (2 * width, 4 * width, 2), (4 * width, 8 * width, 1)):
        layers += [
            nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1),
            nn.InstanceNorm2d(outputs),
            nn.LeakyReLU(0.2, inplace=True),
        ]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, padding=1)).apply(init_convolution)


def to_unit(images: Tensor) -> Tensor:
    """RGB in 0..255 to -1..1."""
    return images / 127.5 - 1


def to_rgb(images: Tensor) -> Tensor:
    """RGB in -1..1 to 0..255, which a segmenter takes."""
    return (images + 1) * 127.5


def init_convolution(module: nn.Module) -> None:
    """Normal weights of standard deviation ``INIT_STD`` for a convolution; leaves anything else alone."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, INIT_STD)


def _same(channels_in: int, channels_out: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, padding_mode="reflect")


def _normalised(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [convolution, nn.InstanceNorm2d(convolution.out_channels), nn.ReLU(inplace=True)]
