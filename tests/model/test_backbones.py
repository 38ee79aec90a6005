import subprocess
import sys

import builders
import pytest
import torch
from torch import nn

from dadist.config.grid import grid
from dadist.model.backbones import Backbone, backbone
from dadist.registry import BACKBONES

SIZES = [(1280, 760), (192, 96), (191, 97), (133, 75)]  # the published one, and odd ones


def cells(name: str, size: tuple[int, int], decoder: str = "deeplab") -> tuple[int, int]:
    """What the plan says of a backbone."""
    return grid(builders.architecture(backbone=name, decoder=decoder), *size)


@pytest.fixture(scope="module")
def networks() -> dict[str, Backbone]:
    """Every backbone on the meta device: shapes without arithmetic."""
    with torch.device("meta"):
        return {name: backbone(name) for name in BACKBONES}


@pytest.fixture
def resnet(networks: dict[str, Backbone]) -> Backbone:
    return networks["resnet101"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", BACKBONES)
def test_the_grid_a_backbone_promises_is_the_one_it_makes(
    networks: dict[str, Backbone], name: str, size: tuple[int, int]
) -> None:
    width, height = size
    network = networks[name]
    columns, rows = cells(name, size)
    stages = network(torch.empty(1, 3, height, width, device="meta"))
    assert [stage.shape[1] for stage in stages] == [*network.widths]
    assert stages[-1].shape == (1, network.channels, rows, columns)
    if network.strides[-2] == network.strides[-1]:
        assert stages[-2].shape == (1, network.middle, rows, columns)
    columns, rows = cells(name, size, "daformer")
    assert stages[0].shape[2:] == (rows, columns)


@pytest.mark.parametrize(("size", "grid"), [((1280, 760), (161, 96)), ((640, 320), (81, 41)), ((1024, 512), (129, 65))])
def test_the_large_backbone_has_the_grids_of_the_paper(size: tuple[int, int], grid: tuple[int, int]) -> None:
    assert cells("resnet101", size) == grid


def test_the_small_backbone_has_24_by_12_cells_of_the_demo() -> None:
    assert cells("street", (192, 96)) == (24, 12)


def test_the_large_backbone_has_the_parameters_of_the_published_one(resnet: Backbone) -> None:
    counts = {nn.Conv2d: 0, nn.BatchNorm2d: 0}
    for module in resnet.modules():
        for kind in counts:
            if isinstance(module, kind):
                counts[kind] += sum(p.numel() for p in module.parameters())
    assert counts == {nn.Conv2d: 42_394_816, nn.BatchNorm2d: 105_344}
    assert sum(p.numel() for p in resnet.parameters()) == 42_394_816 + 105_344


def test_the_large_backbone_strides_in_the_first_convolution_of_layer_2(resnet: Backbone) -> None:
    strided = [
        name
        for name, module in resnet.named_modules()
        if isinstance(module, nn.Conv2d | nn.MaxPool2d) and module.stride in (2, (2, 2))
    ]
    assert strided == ["conv1", "maxpool", "layer2.0.conv1", "layer2.0.downsample.0"]


def test_the_large_backbone_dilates_every_block_of_its_last_layers(resnet: Backbone) -> None:
    for layer, blocks, dilation in (("layer1", 3, 1), ("layer2", 4, 1), ("layer3", 23, 2), ("layer4", 3, 4)):
        for block in range(blocks):
            convolution = resnet.get_submodule(f"{layer}.{block}.conv2")
            assert isinstance(convolution, nn.Conv2d)
            assert convolution.dilation == convolution.padding == (dilation, dilation)
            assert convolution.stride == (1, 1)


@pytest.mark.parametrize("name", [name for name in BACKBONES if not name.startswith("mit_")])
def test_batch_norms_have_the_constants_of_the_published_network(networks: dict[str, Backbone], name: str) -> None:
    norms = [module for module in networks[name].modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    eps = {"efficientnet_lite0": 1e-3}.get(name, 1e-5)
    assert {(norm.eps, norm.momentum) for norm in norms} == {(eps, 0.1)}


def test_the_large_backbone_starts_normal_with_deviation_one_hundredth() -> None:
    torch.manual_seed(0)
    network = backbone("resnet101")
    for name in ("conv1", "layer2.0.downsample.0", "layer4.2.conv3"):
        assert network.get_parameter(f"{name}.weight").std().item() == pytest.approx(0.01, rel=0.05)


def test_the_small_backbone_stays_small(networks: dict[str, Backbone]) -> None:
    assert sum(p.numel() for p in networks["street"].parameters()) == 581_328


def test_importing_the_backbones_leaves_torchvision_alone() -> None:
    code = "import sys, dadist.model.backbones; sys.exit('torchvision' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
