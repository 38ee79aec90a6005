import pytest
import torch
from torch import nn
from torch.testing import assert_close

from dadist.model.translator import Translator, image_critic, to_rgb, to_unit


@pytest.mark.parametrize(("height", "width"), [(96, 192), (95, 161), (33, 34), (11, 13)])
def test_a_translation_has_the_size_of_its_image_whatever_that_is(height: int, width: int) -> None:
    torch.manual_seed(0)
    images = 2 * torch.rand(2, 3, height, width) - 1
    translated = Translator(4, 1)(images)
    assert translated.shape == images.shape
    assert translated.abs().max() <= 1
    assert translated.std() > 0


def test_the_translator_is_the_published_one() -> None:
    with torch.device("meta"):
        network = Translator(64, 9)
    # By hand: 7x7, two strides, nine blocks of two 3x3, two steps back, 7x7; weights and biases.
    ends = 49 * 3 * 64 + 64 + 49 * 64 * 3 + 3
    steps = 9 * (64 * 128 + 128 * 256) + 128 + 256
    back = 9 * (256 * 128 + 128 * 64) + 128 + 64
    assert sum(p.numel() for p in network.parameters()) == ends + steps + back + 18 * (9 * 256 * 256 + 256)
    assert sum(isinstance(module, nn.InstanceNorm2d) for module in network.modules()) == 5 + 18


def test_every_weight_of_the_translator_learns_but_biases_that_the_normalisation_takes_out() -> None:
    torch.manual_seed(0)
    network = Translator(4, 2)
    (network(2 * torch.rand(1, 3, 16, 20) - 1) * torch.rand(1, 3, 16, 20)).sum().backward()
    assert all(p.grad is not None and p.grad.any() for name, p in network.named_parameters() if "weight" in name)


def test_colours_go_to_the_unit_range_and_back() -> None:
    images = torch.tensor([0.0, 127.5, 255.0])
    assert to_unit(images).tolist() == [-1, 0, 1]
    every = torch.arange(256.0, requires_grad=True)
    assert_close(to_rgb(to_unit(every)), every, rtol=0, atol=1e-4)
    to_rgb(to_unit(every)).sum().backward()
    assert_close(every.grad, torch.ones(256))


def test_the_critic_of_images_is_the_published_one() -> None:
    with torch.device("meta"):
        network = image_critic()
        # Weights and biases by hand: 4x4 kernels from 3 to 64, 128, 256, 512 and 1 channels.
        assert sum(p.numel() for p in network.parameters()) == sum(
            16 * a * b + b for a, b in ((3, 64), (64, 128), (128, 256), (256, 512), (512, 1))
        )
        assert network(torch.empty(1, 3, 256, 256)).shape == (1, 1, 30, 30)  # as CycleGAN's
    assert [type(layer).__name__ for layer in network].count("InstanceNorm2d") == 3


def test_an_answer_about_an_image_sees_70_pixels() -> None:
    network, images = image_critic(4), torch.zeros(1, 3, 128, 128, requires_grad=True)
    for layer in network:  # the normalisation alone sees all of the image
        if isinstance(layer, nn.Conv2d):
            nn.init.ones_(layer.weight)
    layers = nn.Sequential(*(layer for layer in network if not isinstance(layer, nn.InstanceNorm2d)))
    layers(images)[0, 0, 7, 7].backward()
    assert images.grad is not None
    assert images.grad.abs().sum((0, 1, 3)).count_nonzero() == 70
