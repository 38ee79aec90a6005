import dataclasses
import math

import builders
import pytest
import torch
from sandbox import configuration
from torch import nn

from dadist.config import load
from dadist.cost.counting import count
from dadist.cost.step import _architecture, forward_flops, kept, step_cost
from dadist.cost.timing import measure, speed
from dadist.model.layouts import build
from dadist.registry import METHODS, RECIPES

SETTINGS = load.study(configuration()).settings
DEMO = builders.DEMO


def test_the_flops_of_one_convolution_are_counted_by_hand() -> None:
    with torch.device("meta"):
        layer, x = nn.Conv2d(3, 5, 3, padding=1), torch.empty(2, 3, 7, 9, requires_grad=True)
    products = 2 * 5 * 7 * 9 * 3 * 3 * 3  # batch, outputs, places, inputs and kernel
    assert count(lambda: layer(x))[0] == 2 * products  # a multiplication and an addition
    assert count(lambda: layer(x).sum().backward())[0] == 3 * 2 * products  # for the weights, and for the input


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_the_flops_of_grouped_convolutions_are_counted_by_hand_on_the_way_back_too(groups: int) -> None:
    with torch.device("meta"):
        layer = nn.Conv2d(6, 12, (3, 5), stride=2, padding=(1, 2), groups=groups, bias=False)
        x = torch.empty(2, 6, 8, 10, requires_grad=True)
    products = 2 * 12 * 4 * 5 * (6 // groups) * 3 * 5  # batch, outputs, places, inputs of a group and kernel
    assert count(lambda: layer(x))[0] == 2 * products
    assert count(lambda: layer(x).sum().backward())[0] == 3 * 2 * products
    assert count(lambda: layer(x.detach()).sum().backward())[0] == 2 * 2 * products  # for the weights alone


def test_the_flops_of_a_transposed_convolution_are_counted_by_hand() -> None:
    with torch.device("meta"):
        layer, x = nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), torch.empty(1, 4, 5, 7, requires_grad=True)
    products = 4 * 5 * 7 * (6 // 2) * 3 * 3  # inputs, places, outputs of a group and kernel
    assert count(lambda: layer(x).sum().backward())[0] == 3 * 2 * products


def test_a_step_of_the_depthwise_network_costs_three_times_its_predictions() -> None:
    network = dataclasses.replace(DEMO.adapt.network, backbone="efficientnet_lite0", pixels="lite")
    setting = dataclasses.replace(DEMO, adapt=dataclasses.replace(DEMO.adapt, network=network))
    forward = forward_flops(setting, "source_only") * DEMO.adapt.batch
    assert step_cost(setting, "source_only").flops == pytest.approx(
        3 * forward, rel=0.05
    )  # the images need no way back


def test_traffic_is_what_other_operations_read_and_write() -> None:
    with torch.device("meta"):
        x, layer = torch.empty(10, 100), nn.Linear(100, 20, bias=False)
    assert count(lambda: x.relu()) == (0, 8000, 8000)  # 1000 numbers of 4 bytes, read and written
    assert count(lambda: x.view(100, 10).t()) == (0, 0, 0)  # a view moves nothing
    flops, traffic, largest = count(lambda: layer(x))
    assert (flops, traffic, largest) == (2 * 10 * 100 * 20, 0, 4 * (1000 + 2000 + 200))


def test_the_flops_of_a_training_step_of_the_small_network_are_its_layers_by_hand() -> None:
    segmenter, places = builders.segmenter(), {}
    for name, module in segmenter.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(
                lambda _, __, out, name=name: places.__setitem__(name, out.shape[0] * out.shape[2] * out.shape[3])
            )
    segmenter(torch.zeros(DEMO.adapt.batch, 3, DEMO.source.height, DEMO.source.width))
    layers = dict(segmenter.named_modules())
    of = {name: 2 * places[name] * layers[name].weight.numel() for name in places}
    # builders' network has 7 classes and two branches, the demo's 16 and four.
    classifier = next(iter(name for name in of if name.startswith("segmentation.")))
    rest = sum(value for name, value in of.items() if not name.startswith("segmentation."))
    forward = rest + 4 * of[classifier] * 16 // 7
    first = next(iter(of))  # the image needs no gradient
    assert step_cost(DEMO, "source_only").flops == 3 * forward - of[first]
    assert forward_flops(DEMO, "source_only") == forward // DEMO.adapt.batch


# TFLOP a step that were reckoned apart from this module: two passes of the network with all heads, backward through
# all of them, one pass and one way back through the critic for the network, two of each for itself.
@pytest.mark.parametrize(("width", "height", "expected"), [(640, 320, 2.132), (1280, 760, 9.933)])
def test_the_full_networks_step_is_that_of_its_parts_but_for_the_targets_depth_head(
    width: int, height: int, expected: float
) -> None:
    setting = SETTINGS["s2c16"]
    columns, rows = (math.ceil((cells // 2 + 1) / 2) for cells in (math.ceil(width / 2), math.ceil(height / 2)))
    view = {
        name: dataclasses.replace(getattr(setting, name), width=width, height=height) for name in ("source", "target")
    }
    cost = step_cost(dataclasses.replace(setting, grid=(columns, rows), **view), "depth_distribution")
    # On the target nothing reaches the depth head, whose way back costs twice its way there.
    head = 2 * columns * rows * (2048 * 512 + 9 * 512 * 512 + 512 * 128)
    assert cost.flops == pytest.approx(expected * 1e12 - 2 * head, rel=1e-3)


def test_weights_gradients_and_states_are_those_of_the_published_network() -> None:
    cost = step_cost(SETTINGS["s2c16"], "depth_distribution")
    conv, norm, heads, critic = 42_394_816, 105_344, 1_179_712 + 2 * 3_474_560, 2_778_049
    assert cost.gradients == 4 * (conv + heads + critic)  # the affine of BatchNorm is frozen
    assert cost.states == 4 * (conv + heads + 2 * critic)  # SGD's momentum, Adam's two
    buffers = 4 * norm + 8 * 104 + 4 * 6  # running statistics, batches seen, mean and deviation of a pixel
    assert cost.weights == 4 * (conv + norm + heads + critic) + buffers
    assert 4e9 < cost.activations < 11e9  # the paper trained it on 11 GB


def test_what_is_kept_for_the_way_back_is_counted_by_hand() -> None:
    with torch.device("meta"):
        layer, x = nn.Conv2d(3, 5, 3, padding=1), torch.empty(2, 3, 7, 9)
    with kept(list(layer.parameters())) as storages:
        layer(x).relu_()  # the convolution keeps its input, the rectifier what it wrote over the convolution's output
    assert sum(storage.nbytes() for storage in storages.values()) == 4 * 2 * (3 + 5) * 7 * 9


def test_memory_is_the_sum_of_its_parts() -> None:
    cost = step_cost(DEMO, "source_only")
    assert cost.memory == sum((cost.weights, cost.gradients, cost.states, cost.activations, cost.transient))


@pytest.mark.parametrize("name", [*METHODS, *RECIPES])
def test_a_step_of_every_method_and_recipe_can_be_counted(name: str) -> None:
    cost = step_cost(DEMO, name)
    assert min(cost.flops, cost.traffic, cost.activations, cost.transient) > 0


def test_the_products_of_two_resolutions_are_those_of_each_detail_and_of_the_context() -> None:
    one, two = (
        dataclasses.replace(
            DEMO, objectives={**DEMO.objectives, "dacs": dataclasses.replace(DEMO.objectives["dacs"], detail=detail)}
        )
        for detail in (None, 0.1)
    )
    channels = build(_architecture(two, "dacs")).backbone.channels
    cells = (DEMO.target.width // 16) * (DEMO.target.height // 16)  # of the context
    attention = 2 * cells * (channels * channels + channels * 16)  # two convolutions of 1x1
    plain, found = forward_flops(one, "dacs"), forward_flops(two, "dacs")
    # 3 x 4 details of 96x48 pixels, which begin every 48 columns and every 16 rows, and the context of as many.
    assert found == plain * 13 // 4 + attention
    assert step_cost(two, "dacs").activations < 0.75 * step_cost(one, "dacs").activations


def test_a_crop_costs_what_images_of_its_size_cost() -> None:
    crop = dataclasses.replace(DEMO, adapt=dataclasses.replace(DEMO.adapt, crop=(96, 64)))
    views = {name: dataclasses.replace(getattr(DEMO, name), width=96, height=64) for name in ("source", "target")}
    assert step_cost(crop, "dada") == step_cost(dataclasses.replace(DEMO, **views), "dada")


def test_a_short_run_of_the_real_loop_is_timed_without_its_first_step() -> None:
    found = measure(SETTINGS["demo"], "depth_distribution", steps=3, device="cpu")
    assert found.steps == 2
    assert 0 < found.seconds < 60
    assert found.memory > step_cost(DEMO, "depth_distribution").memory  # the whole process, torch included


def test_a_run_too_short_to_time_is_refused() -> None:
    with pytest.raises(ValueError, match="steps: expected at least 2, as the first is not timed, got 1"):
        measure(DEMO, "source_only", steps=1, device="cpu")


def test_the_speed_of_this_machine_is_within_reason() -> None:
    flops, bandwidth = speed("cpu", grid=(12, 8), repeats=1)
    assert 1e8 < flops < 1e14
    assert 1e8 < bandwidth < 1e13
