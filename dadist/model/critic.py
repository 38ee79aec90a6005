"""The critics: stacks of convolutions that name the domain, patch by patch or place by place."""

import itertools

from torch import nn


def critic(channels: int, width: int = 64) -> nn.Sequential:
    """Five 4x4 convolutions of stride 2, to width, 2 width, 4 width, 8 width, 1; LeakyReLU 0.2 between, no norm.

    Its answers are logits ``(B, 1, H / 32, W / 32)`` (rounded down at each stride) for a map ``(B, channels, H, W)``;
    ``losses.adversarial`` says what they mean. Initialisation is PyTorch's default.

    Source: Radford et al., DCGAN, 2016, as AdaptSegNet, ADVENT, DADA and the authors' code use it (width 64).
    """
    widths = [channels, width, 2 * width, 4 * width, 8 * width, 1]
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(widths):
        layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers[:-1])


def place_critic(channels: int) -> nn.Sequential:
    """Three layers of 256, 512 and 1 that see one place at a time: 1x1 convolutions, LeakyReLU 0.2 between.

    One answer per place, ``(B, 1, H, W)`` for a map ``(B, channels, H, W)``: where something is has no say.
    Initialisation is PyTorch's default.

    Source: the patch discriminator of AdaptPatch, ICCV 2019, arxiv.org/abs/1901.05427.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise((channels, 256, 512, 1)):
        layers += [nn.Conv2d(inputs, outputs, 1), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers[:-1])
