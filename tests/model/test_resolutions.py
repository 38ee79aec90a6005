"""A network of two resolutions: what it makes of a context and of details, and where they lie."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import builders
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from dadist.model.blank import blank
from dadist.model.layouts import build
from dadist.model.resolutions import TwoResolutions

TWO = replace(builders.architecture(), layout="two_resolutions")


class Cells(nn.Module):
    """A backbone whose features are the mean colour of cells of 8 pixels, in one channel."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        means = nn.functional.avg_pool2d(images.mean(1, keepdim=True), 8)
        return means, means


class Said(nn.Module):
    """A classifier that says given numbers, one call after the other: of the details in their order, of the context."""

    def __init__(self, details: Iterator[float], context: float) -> None:
        super().__init__()
        self.details, self.context, self.calls = list(details), context, 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        if self.calls % 2 == 0:
            return torch.full((len(x), 7, *x.shape[-2:]), self.context)
        each = torch.tensor(self.details).repeat_interleave(len(x) // len(self.details))
        return each.view(-1, 1, 1, 1).expand(-1, 7, *x.shape[-2:])


class Trusts(nn.Module):
    """An attention of a quarter everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.full((len(x), 7, *x.shape[-2:]), -torch.tensor(3.0).log())


def stub(details: Any, context: float) -> Any:
    network: Any = build(TWO)
    network.backbone, network.segmentation, network.attention = Cells(), Said(details, context), Trusts()
    return network


def test_where_no_detail_is_drawn_the_context_speaks_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """32x32 pixels are 4x4 cells, and 2x2 of the context; the detail has the upper left quarter."""
    network = stub([8.0], 2.0)
    monkeypatch.setattr(network, "_drawn", lambda *_: (0, 0))
    outputs = network(torch.zeros(2, 3, 32, 32))
    assert outputs.crop == (0, 0, 16, 16)
    assert_close(outputs.extra["detail"], torch.full((2, 7, 2, 2), 8.0))
    # (1 - a) 2 is 1.5 in the quarter and 2 elsewhere, a is 1/4 and 0; each falls by thirds on the way to 4 cells.
    expected = torch.tensor(
        [
            [1.5 + 2, 1.5 + 1 / 6 + 8 / 6, 2 - 1 / 6, 2.0],
            [1.5 + 1 / 6 + 8 / 6, 2 - 2 / 9 + 8 / 9, 2 - 1 / 9, 2.0],
            [2 - 1 / 6, 2 - 1 / 9, 2 - 1 / 18, 2.0],
            [2.0, 2.0, 2.0, 2.0],
        ]
    )
    assert_close(outputs.logits, expected.expand(2, 7, 4, 4))


def test_without_gradients_details_cover_the_image_and_their_mean_is_taken() -> None:
    """64x64 pixels have 8x8 cells; details of 32x32 begin every 16, so at 0, 16 and 32, 9 in all."""
    network = stub([float(number) for number in range(9)], 4.0)
    with torch.no_grad():
        outputs = network(torch.zeros(2, 3, 64, 64))
    assert outputs.crop is None
    assert not outputs.extra
    of_line = [[0], [0], [0, 1], [0, 1], [1, 2], [1, 2], [2], [2]]  # which details a row or column of cells lies in
    for y, x in ((y, x) for y in range(8) for x in range(8)):
        numbers = [3.0 * down + across for down in of_line[y] for across in of_line[x]]
        assert_close(outputs.logits[:, :, y, x], torch.full((2, 7), 3.0 + sum(numbers) / len(numbers) / 4))


def test_context_and_details_see_what_they_should(monkeypatch: pytest.MonkeyPatch) -> None:
    network, seen = stub([8.0], 2.0), list[Tensor]()
    network.backbone.register_forward_pre_hook(lambda _, images: seen.extend(images))
    monkeypatch.setattr(network, "_drawn", lambda *_: (16, 32))
    images = builders.target().images
    outputs = network(images)
    assert outputs.crop == (16, 32, 16, 32)
    colours = [one * network.deviation + network.mean for one in seen]
    assert_close(colours[0], images[:, :, 16:32, 32:64])
    assert_close(colours[1], images.view(2, 3, 16, 2, 32, 2).mean((3, 5)))
    assert_close(network.context(images), colours[1])


def test_details_are_drawn_within_the_image_at_whole_cells_by_torchs_generator() -> None:
    network = build(TWO)
    torch.manual_seed(0)
    crops = [network(torch.zeros(1, 3, 45, 100)).crop for _ in range(60)]
    torch.manual_seed(0)
    assert network(torch.zeros(1, 3, 45, 100)).crop == crops[0]
    assert {crop[2:] for crop in crops if crop} == {(16, 48)}  # halves of 48x112
    assert {crop[0] for crop in crops if crop} == {0, 16}
    assert {crop[1] for crop in crops if crop} == {0, 16, 32, 48}


@pytest.mark.parametrize("size", [(64, 32), (45, 61), (33, 17), (101, 90)])
@pytest.mark.parametrize("name", ["street", "resnet101", "efficientnet_lite0"])
def test_any_size_has_the_grid_of_one_resolution(name: str, size: tuple[int, int]) -> None:
    pixels = {"efficientnet_lite0": "lite"}.get(name, "imagenet")
    with blank():
        network: Any = build(replace(TWO, backbone=name, pixels=pixels))
        images = torch.empty(2, 3, size[1], size[0])
    assert isinstance(network, TwoResolutions)
    assert network.stride == 8
    columns, rows = network.grid(*size)
    assert network(images).logits.shape == (2, 7, rows, columns)
    with torch.no_grad():
        assert network(images).logits.shape == (2, 7, rows, columns)


def test_both_resolutions_and_the_attention_learn() -> None:
    network = build(TWO)
    network(builders.target().images).logits.square().mean().backward()
    for part in (network.backbone, network.segmentation, network.attention):
        assert builders.gradients(part)
