import oracles
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from dadist.model.heads import ASPP, WIDE, Fusion, MeanHead


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def image(channels: int) -> Tensor:
    return torch.randn(1, channels, 5, 7, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(("classes", "expected"), [(16, 1_179_712), (7, 516_124)])
def test_the_classifier_has_the_parameters_of_the_published_one(classes: int, expected: int) -> None:
    with torch.device("meta"):
        assert parameters(ASPP(2048, classes)) == expected


@pytest.mark.usefixtures("float64")
def test_the_classifier_sums_all_its_branches() -> None:
    aspp = ASPP(3, 4, rates=(1, 2, 6))
    x = image(3)
    expected = torch.zeros(4, 5, 7)
    for branch, rate in zip(aspp.branches, (1, 2, 6), strict=True):
        kernel, bias = (tensor.detach().numpy() for tensor in branch.parameters())
        expected += torch.from_numpy(oracles.dilated_convolution(x[0].numpy(), kernel, bias, rate))
    assert_close(aspp(x)[0].detach(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("rates", [(1, 2, 6), (6, 12, 18, 24)])
def test_a_wide_classifier_multiplies_once_and_says_and_learns_the_same(rates: tuple[int, ...]) -> None:
    aspp, x = ASPP(WIDE, 3, rates), image(WIDE).requires_grad_()
    found = []
    for aspp.at_once in (True, False):
        aspp.zero_grad()
        x.grad = None
        answer = aspp(x)
        answer.square().sum().backward()
        found.append([answer.detach(), x.grad, *(weight.grad for weight in aspp.parameters())])
    for one, other in zip(*found, strict=True):
        assert_close(one, other, rtol=0, atol=1e-12 * float(other.abs().max()))
    assert ASPP(WIDE, 3).at_once
    assert not ASPP(WIDE - 1, 3).at_once


def test_the_mean_head_has_the_parameters_of_the_published_one() -> None:
    with torch.device("meta"):
        head = MeanHead(2048)
    assert parameters(head) == 3_474_560
    assert head.width == 128


def test_a_mean_head_on_a_narrow_backbone_keeps_its_least_widths() -> None:
    head = MeanHead(64)
    assert [layer.out_channels for layer in head.layers if isinstance(layer, nn.Conv2d)] == [32, 32, 8]


def test_a_mean_head_averages_its_features_without_bounding_them() -> None:
    head = MeanHead(16)
    features = head.features(image(16))
    assert features.shape == (1, 8, 5, 7)
    assert_close(head(image(16)), features.mean(dim=1, keepdim=True))
    nn.init.constant_(head.layers[4].bias, -300.0)
    assert head(image(16)).mean() < -200  # linear at its end


def test_fusion_multiplies_by_the_rectified_depth_features() -> None:
    fusion = Fusion(1, 2)
    with torch.no_grad():
        fusion.decode.weight.copy_(torch.tensor([2.0, -2.0]).view(2, 1, 1, 1))
        fusion.decode.bias.copy_(torch.tensor([1.0, 1.0]))
    x = torch.tensor([3.0, 5.0]).view(1, 2, 1, 1)
    e = torch.tensor([4.0]).view(1, 1, 1, 1)
    assert_close(fusion(x, e).flatten(), torch.tensor([27.0, 0.0]))  # 3 (2*4 + 1), 5 max(-2*4 + 1, 0)


def test_new_convolutions_start_with_deviation_one_hundredth_and_default_biases() -> None:
    torch.manual_seed(0)
    for module in (ASPP(256, 16), MeanHead(256), Fusion(16, 256)):
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d):
                assert layer.weight.std().item() == pytest.approx(0.01, rel=0.1)
                assert layer.bias is not None
                assert layer.bias.any()
