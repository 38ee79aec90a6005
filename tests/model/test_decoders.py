import builders
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from dadist.config.grid import DECODERS
from dadist.model.decoders import ChannelNorm, DAFormer, DeepLab, decoder
from dadist.model.layouts import build
from dadist.model.segmenter import LAYOUTS

BACKBONES = ("street", "efficientnet_lite0", "resnet101", "mit_b0")
WIDTHS = (4, 6, 8, 12)
STAGES = [torch.rand(2, width, *size) for width, size in zip(WIDTHS, ((12, 16), (6, 8), (3, 4), (3, 4)), strict=True)]


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_a_network_has_the_grid_that_is_promised_of_its_decoder(backbone: str, name: str) -> None:
    with torch.device("meta"):
        network = build(builders.architecture(("depth", "density", "auxiliary"), backbone=backbone, decoder=name))
        for width, height in ((192, 96), (133, 75)):
            found, grid = network(torch.empty(1, 3, height, width)), network.grid(width, height)
            for one in (found.logits, found.depth, found.density, found.extra["auxiliary"]):
                assert one.shape[2:] == grid[::-1]


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_stands_on_every_decoder(layout: str, name: str) -> None:
    torch.manual_seed(0)
    network = build(builders.architecture(layout=layout, decoder=name))
    found = network(255 * torch.rand(2, 3, 32, 64))
    assert found.logits.shape == (2, 7, *network.grid(64, 32)[::-1])
    found.logits.square().mean().backward()
    assert builders.gradients(network.backbone)


def test_deeplab_has_no_weights_and_gives_the_last_stage() -> None:
    found = decoder("deeplab", WIDTHS, (1,))
    assert isinstance(found, DeepLab)
    assert not found.state_dict()
    assert found(STAGES) is STAGES[-1]
    assert found.channels == 12


def test_hypercolumns_are_the_normalised_stages_side_by_side_on_the_grid_of_the_second() -> None:
    found = decoder("hypercolumns", WIDTHS, (1, 2)).eval()
    assert found.channels == sum(WIDTHS)
    parts = found(STAGES).split(WIDTHS, dim=1)
    scale = 1 / (1 + 1e-5) ** 0.5  # of BatchNorm, which has seen nothing: mean 0, variance 1
    assert_close(parts[1], scale * STAGES[1])
    assert_close(parts[0], scale * F.avg_pool2d(STAGES[0], 2))  # halved without corners: the mean of four cells
    # Three cells to six: the second cell lies a quarter on from the first.
    assert_close(parts[3][:, :, 1, 0], scale * (0.75 * STAGES[3][:, :, 0, 0] + 0.25 * STAGES[3][:, :, 1, 0]))


@pytest.mark.parametrize(("stride", "cells"), [(None, (24, 12)), (8, (24, 12)), (16, (12, 6)), (32, (6, 3))])
def test_efficientnet_has_the_stride_that_it_is_asked_for(stride: int | None, cells: tuple[int, int]) -> None:
    architecture = builders.architecture(("auxiliary",), backbone="efficientnet_lite0", stride=stride)
    network = build(architecture).eval()
    found = network(torch.zeros(1, 3, 96, 192))
    assert network.grid(192, 96) == cells
    assert found.logits.shape[2:] == found.extra["auxiliary"].shape[2:] == cells[::-1]


def test_all_four_stages_are_fused_on_the_grid_of_the_first() -> None:
    torch.manual_seed(0)
    found, stages = decoder("daformer", WIDTHS, (1, 6)), [one.clone().requires_grad_() for one in STAGES]
    fused = found(stages)
    assert fused.shape == (2, 256, 12, 16)
    fused.square().sum().backward()
    assert all(one.grad is not None and one.grad.any() for one in stages)


def test_the_fused_features_are_the_papers_by_hand() -> None:
    torch.manual_seed(0)
    found = decoder("daformer", WIDTHS, (1, 2)).eval()
    assert isinstance(found, DAFormer)
    with torch.no_grad():
        maps = [
            torch.nn.functional.interpolate(embed(one), size=(12, 16), mode="bilinear", align_corners=False)
            for embed, one in zip(found.embeddings, STAGES, strict=True)
        ]
        x = torch.cat(maps, 1)
        plain, separable = found.branches
        scale = (1 + 1e-5) ** -0.5  # BatchNorm as it starts: mean 0, variance 1
        first = (torch.nn.functional.conv2d(x, plain[0].weight) * scale).relu()
        deep = (torch.nn.functional.conv2d(x, separable[0].weight, padding=2, dilation=2, groups=1024) * scale).relu()
        second = (torch.nn.functional.conv2d(deep, separable[3].weight) * scale).relu()
        last = torch.nn.functional.conv2d(torch.cat([first, second], 1), found.bottleneck[0].weight, padding=1)
        assert_close(found(STAGES), (last * scale).relu())


def test_two_transposed_convolutions_give_a_grid_four_times_as_fine() -> None:
    found = decoder("vfm_uda", WIDTHS, (1,))
    assert found.channels == 3
    assert found(STAGES).shape == (2, 3, 12, 16)
    kinds = [type(layer).__name__ for layer in found.layers]
    finer, norm = "ConvTranspose2d", "ChannelNorm"
    assert kinds == [finer, norm, "GELU", finer, norm, "Conv2d", norm]
    assert found.classifier(3, 7).bias is None


def test_a_norm_over_channels_sees_each_place_by_itself() -> None:
    x = torch.tensor([1.0, 3.0, 2.0, 6.0]).view(1, 2, 1, 2)  # places (1, 2) and (3, 6)
    assert_close(ChannelNorm(2, eps=0.0)(x), torch.tensor([-1.0, -1.0, 1.0, 1.0]).view(1, 2, 1, 2))


@pytest.mark.parametrize("name", ["daformer", "vfm_uda"])
def test_a_fine_decoders_classifier_is_one_convolution(name: str) -> None:
    network = build(builders.architecture(decoder=name))
    shapes = [tuple(one.shape) for one in network.segmentation.state_dict().values()]
    assert shapes[0] == (7, network.decoder.channels, 1, 1)
