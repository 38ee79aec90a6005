import pytest
import torch
from torch import nn

from dadist.model.critic import critic, place_critic


@pytest.mark.parametrize(("channels", "parameters"), [(16, 2_778_049), (7, 2_768_833), (47, 2_809_793)])
def test_the_critic_has_the_parameters_of_the_published_one(channels: int, parameters: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in critic(channels).parameters()) == parameters


@pytest.mark.parametrize(
    ("width", "height", "answers"), [(1280, 760, (40, 23)), (640, 320, (20, 10)), (1024, 512, (32, 16))]
)
def test_the_critic_answers_patch_by_patch(width: int, height: int, answers: tuple[int, int]) -> None:
    with torch.device("meta"):
        result = critic(7)(torch.empty(1, 7, height, width))
    assert result.shape == (1, 1, answers[1], answers[0])


def test_the_critic_ends_in_a_raw_convolution() -> None:
    network = critic(3, width=8)
    assert isinstance(network[-1], nn.Conv2d)
    assert [layer.negative_slope for layer in network if isinstance(layer, nn.LeakyReLU)] == [0.2] * 4
    assert [layer.out_channels for layer in network if isinstance(layer, nn.Conv2d)] == [8, 16, 32, 64, 1]


def test_the_critic_of_places_answers_each_by_itself() -> None:
    torch.manual_seed(0)
    network, maps = place_critic(5), torch.rand(2, 5, 3, 4)
    answers = network(maps)
    assert answers.shape == (2, 1, 3, 4)
    torch.testing.assert_close(network(maps.flip(3)), answers.flip(3))
    torch.testing.assert_close(network(maps[..., 1:2, 2:3]), answers[..., 1:2, 2:3])
    assert [layer.out_channels for layer in network if isinstance(layer, nn.Conv2d)] == [256, 512, 1]
    assert [layer.negative_slope for layer in network if isinstance(layer, nn.LeakyReLU)] == [0.2] * 2
