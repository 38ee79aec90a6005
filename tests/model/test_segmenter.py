import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from dadist.classes import CLASS_SETS, IGNORE
from dadist.losses.depth import berhu
from dadist.losses.segmentation import cross_entropy
from dadist.model.critic import critic
from dadist.model.layouts import Distilled, Gated, Joint, build
from dadist.model.segmenter import Architecture, Outputs, Segmenter, batch_norms, reestimate_statistics, upsample
from dadist.registry import BACKBONES

STREET = Architecture(
    "street", CLASS_SETS["16"], ("depth", "density"), "parallel", bn="train", rates=(1, 2, 3, 4), pixels="imagenet"
)


def images(count: int = 2) -> Tensor:
    """RGB in 0..255, ``(count, 3, 32, 64)``."""
    return 255 * torch.rand(count, 3, 32, 64, generator=torch.Generator().manual_seed(6))


def blobs(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy images of coloured rectangles, their labels, and a depth that goes with the label."""
    generator = torch.Generator().manual_seed(7)
    colours = torch.rand(16, 3, generator=generator)
    labels = torch.zeros(count, 64, 96, dtype=torch.int64)
    for scene in labels:
        for _ in range(8):
            y, x, label = (int(torch.randint(end, (1,), generator=generator)) for end in (44, 66, 16))
            scene[y : y + 20, x : x + 30] = label
    noise = 20 * torch.randn(count, 3, 64, 96, generator=generator)
    return 255 * colours[labels].permute(0, 3, 1, 2) + noise, labels, (labels / 4).unsqueeze(1)


def test_outputs_come_on_the_feature_grid() -> None:
    outputs = Segmenter(STREET)(images())
    assert outputs.logits.shape == (2, 16, 4, 8)
    assert outputs.depth is not None
    assert outputs.density is not None
    assert outputs.depth.shape == outputs.density.shape == (2, 1, 4, 8)
    assert Segmenter(STREET).grid(64, 32) == (8, 4)


@pytest.mark.parametrize("heads", [(), ("depth",), ("density",)])
def test_a_head_that_is_not_asked_for_is_not_there(heads: tuple[str, ...]) -> None:
    segmenter = Segmenter(replace(STREET, heads=heads, classes=CLASS_SETS["7"]))
    outputs = segmenter(images())
    assert outputs.logits.shape == (2, 7, 4, 8)
    assert (outputs.depth is not None) == ("depth" in heads)
    assert (outputs.density is not None) == ("density" in heads)
    assert {name for name, _ in segmenter.named_children()} == {"backbone", "decoder", "segmentation", *heads}


def test_the_full_network_has_the_parameters_of_the_published_one() -> None:
    full = replace(STREET, backbone="resnet101", bn="paper", rates=(6, 12, 18, 24), pixels="caffe")
    with torch.device("meta"):
        segmenter = Segmenter(full)
    assert sum(p.numel() for p in segmenter.parameters()) == 42_394_816 + 105_344 + 1_179_712 + 2 * 3_474_560
    assert sum(p.numel() for p in segmenter.parameters() if not p.requires_grad) == 105_344


@pytest.mark.parametrize(
    ("size", "grid", "answers"),
    [((1280, 760), (161, 96), (40, 23)), ((640, 320), (81, 41), (20, 10)), ((1024, 512), (129, 65), (32, 16))],
)
def test_the_full_network_and_its_critic_have_the_published_shapes(
    size: tuple[int, int], grid: tuple[int, int], answers: tuple[int, int]
) -> None:
    with torch.device("meta"):
        segmenter = Segmenter(replace(STREET, backbone="resnet101"))
        outputs = segmenter(torch.empty(1, 3, *size[::-1]))
        patches = critic(16)(upsample(outputs.logits, size[::-1]))
    assert segmenter.grid(*size) == grid
    assert outputs.logits.shape == (1, 16, *grid[::-1])
    assert outputs.depth is not None
    assert outputs.density is not None
    assert outputs.depth.shape == outputs.density.shape == (1, 1, *grid[::-1])
    assert patches.shape == (1, 1, *answers[::-1])


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        ("caffe", [30 - 104.00698793, 20 - 116.66876762, 10 - 122.67891434]),  # BGR, only centred
        ("imagenet", [(10 - 123.675) / 58.395, (20 - 116.28) / 57.12, (30 - 103.53) / 57.375]),  # RGB
        ("lite", [-117 / 128, -107 / 128, -97 / 128]),  # RGB
    ],
)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_the_backbone_sees_pixels_in_its_own_convention(pixels: str, expected: list[float], dtype: torch.dtype) -> None:
    segmenter = Segmenter(replace(STREET, pixels=pixels)).eval()
    seen: list[Tensor] = []
    segmenter.backbone.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    segmenter(torch.tensor([10, 20, 30], dtype=dtype).view(1, 3, 1, 1).expand(1, 3, 16, 16))
    assert seen[0].shape == (1, 3, 16, 16)
    assert_close(seen[0][0, :, 5, 5], torch.tensor(expected))


def test_parallel_heads_are_independent() -> None:
    segmenter = Segmenter(STREET)
    segmenter(images()).logits.sum().backward()
    for head in (segmenter.depth, segmenter.density):
        assert head is not None
        assert all(p.grad is None for p in head.parameters())


def test_an_auxiliary_classifier_reads_the_middle_layer() -> None:
    segmenter = Segmenter(replace(STREET, heads=("auxiliary",))).eval()
    assert segmenter.auxiliary is not None
    outputs = segmenter(images())
    *_, middle, last = segmenter.backbone((images() - segmenter.mean) / segmenter.deviation)
    assert middle.shape[1] == segmenter.backbone.middle != last.shape[1]
    assert_close(outputs.extra, {"auxiliary": segmenter.auxiliary(middle)})
    assert_close(outputs.logits, segmenter.segmentation(last))


def test_two_classifiers_say_their_sum() -> None:
    outputs = Segmenter(replace(STREET, heads=("second",)))(images())
    assert not torch.equal(outputs.extra["first"], outputs.extra["second"])
    assert_close(outputs.logits, outputs.extra["first"] + outputs.extra["second"])


def through_the_gate(layout: str) -> tuple[Any, Outputs, Tensor, Tensor, Tensor]:
    """A gated network, its outputs, and by hand its features, those of depth, and the product."""
    segmenter = build(replace(STREET, heads=(), layout=layout)).eval()
    assert isinstance(segmenter, Gated)
    assert segmenter.depth is not None
    *_, x = segmenter.backbone((images() - segmenter.mean) / segmenter.deviation)
    e = segmenter.depth.features(x)
    return segmenter, segmenter(images()), x, e, x * segmenter.fusion.decode(e).clamp_min(0)


def test_the_gate_multiplies_the_segmentations_features_by_those_of_depth() -> None:
    segmenter, outputs, x, _, gated = through_the_gate("gated")
    assert_close(outputs.logits, segmenter.segmentation(gated))
    assert_close(outputs.depth, segmenter.depth(x))
    outputs.logits.sum().backward()
    assert all(p.grad is not None for p in segmenter.depth.parameters())


def test_the_joint_layout_looks_through_the_depth_and_its_first_classifier_does_not() -> None:
    segmenter, outputs, _, e, gated = through_the_gate("joint")
    assert isinstance(segmenter, Joint)
    assert_close(outputs.logits, segmenter.segmentation(gated))
    assert_close(outputs.depth, segmenter.regression(e))
    assert_close(outputs.extra, {"refined": segmenter.refined(gated * segmenter.regression(e))})
    assert segmenter.regression.branches[0].weight.shape == (1, segmenter.depth.width, 3, 3)


@pytest.mark.parametrize("heads", [(), ("depth",)])
def test_the_distilled_layout_predicts_before_and_after_its_tasks_learned_from_each_other(
    heads: tuple[str, ...],
) -> None:
    segmenter = build(replace(STREET, heads=heads, layout="distilled")).eval()
    assert isinstance(segmenter, Distilled)
    outputs = segmenter(images())
    *_, x = segmenter.backbone((images() - segmenter.mean) / segmenter.deviation)
    s, d = segmenter.tasks["segmentation"](x), segmenter.tasks["depth"](x)
    assert s.shape == d.shape == (2, 32, 4, 8)  # an eighth of 128 channels, but at least 32

    def taking(task: str, own: Tensor, other: Tensor) -> Tensor:
        exchange = segmenter.exchange[task]
        return own + exchange.attention(other).sigmoid() * exchange.message(other)

    seen = {"segmentation": taking("segmentation", s, d), "depth": taking("depth", d, s)}
    assert_close(outputs.logits, segmenter.final["segmentation"](seen["segmentation"]))
    assert_close(outputs.extra["source_depth"], segmenter.final["source_depth"](seen["depth"]))
    assert_close(outputs.extra["initial_segmentation"], segmenter.initial["segmentation"](s))
    assert_close(outputs.extra["initial_source_depth"], segmenter.initial["source_depth"](d))
    assert outputs.depth is not None
    assert torch.equal(outputs.depth, outputs.extra["source_depth"]) == (not heads)
    assert ("initial_depth" in outputs.extra) == bool(heads)
    if heads:
        assert_close(outputs.depth, segmenter.final["depth"](seen["depth"]))


def test_the_distilled_layout_of_the_full_network_has_256_channels_a_task() -> None:
    full = replace(
        STREET, backbone="resnet101", bn="paper", heads=("depth",), layout="distilled", rates=(6, 12, 18, 24)
    )
    with torch.device("meta"):
        segmenter = build(full)
        outputs = segmenter(torch.empty(2, 3, 512, 512))
    assert outputs.logits.shape == (2, 16, 65, 65)
    first, second = segmenter.tasks["depth"]
    assert first.layers[0].weight.shape == (64, 2048, 1, 1)
    assert second.layers[-2].weight.shape == (256, 64, 1, 1)
    assert segmenter.exchange["depth"].message.weight.shape == (256, 256, 3, 3)
    norms = batch_norms(segmenter.tasks)
    assert len(norms) == 2 * (3 + 1 + 3)
    assert all(norm.weight.requires_grad for norm in norms)
    assert not any(norm.weight.requires_grad for norm in batch_norms(segmenter.backbone))


@pytest.mark.parametrize(
    ("bn", "learns", "lives"), [("paper", False, True), ("frozen", False, False), ("train", True, True)]
)
def test_what_of_batch_norm_a_step_changes(bn: str, learns: bool, lives: bool) -> None:
    torch.manual_seed(0)
    segmenter = Segmenter(replace(STREET, bn=bn)).eval().train()
    before = {name: value.clone() for name, value in segmenter.state_dict().items()}
    optimiser = torch.optim.SGD(segmenter.parameters(), lr=0.1, weight_decay=0.5)
    outputs = segmenter(images())
    assert outputs.depth is not None
    assert outputs.density is not None
    sum(x.square().mean() for x in (outputs.logits, outputs.depth, outputs.density)).backward()
    optimiser.step()
    changed = {name for name, value in segmenter.state_dict().items() if not torch.equal(value, before[name])}
    norms = [name for name, module in segmenter.named_modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(norms) == 17
    affine = {f"{name}.{kind}" for name in norms for kind in ("weight", "bias")}
    statistics = {f"{name}.{kind}" for name in norms for kind in ("running_mean", "running_var", "num_batches_tracked")}
    others = {name for name, _ in segmenter.named_parameters()} - affine
    assert changed == others | (affine if learns else set()) | (statistics if lives else set())


@pytest.mark.parametrize(("bn", "kept"), [("paper", False), ("frozen", True), ("train", False)])
def test_what_batch_norm_normalises_with_in_training(bn: str, kept: bool) -> None:
    segmenter = Segmenter(replace(STREET, bn=bn))
    evaluated = segmenter.eval()(images()).logits
    assert torch.equal(segmenter.train()(images()).logits, evaluated) == kept


def test_a_frozen_network_is_frozen_from_the_start_and_so_are_its_copies() -> None:
    segmenter = Segmenter(replace(STREET, bn="frozen"))
    for model in (segmenter, copy.deepcopy(segmenter), copy.deepcopy(segmenter).train()):
        assert model.training
        assert not any(norm.training for norm in batch_norms(model))


def test_frozen_statistics_are_taken_anew_on_demand() -> None:
    live, frozen = Segmenter(STREET), Segmenter(replace(STREET, bn="frozen"))
    frozen.load_state_dict(live.state_dict())
    for model in (live, frozen):
        reestimate_statistics(model, [images()])
    assert_close(frozen.state_dict(), live.state_dict(), rtol=0, atol=0)
    assert all(norm.running_mean is not None and norm.running_mean.any() for norm in batch_norms(frozen))
    assert not any(norm.training for norm in batch_norms(frozen))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backbone": "vgg"}, f"backbone: expected one of {', '.join(BACKBONES)} or timm:NAME, got 'vgg'"),
        ({"decoder": "unet"}, "decoder: expected one of deeplab, hypercolumns, daformer, vfm_uda, got 'unet'"),
        ({"heads": ("depht",)}, "heads: expected some of depth, density"),
        ({"heads": ("depth", "depth")}, "heads: expected some of depth, density, auxiliary, second, each once"),
        (
            {"layout": "serial"},
            "layout: expected one of parallel, gated, joint, distilled, two_resolutions, got 'serial'",
        ),
        ({"layout": "gated"}, "heads: expected none beside those of layout gated, got depth, density"),
        ({"layout": "distilled"}, "heads: expected depth beside those of layout distilled, got depth, density"),
        ({"bn": "affine"}, "bn: expected one of paper, frozen, train, got 'affine'"),
        ({"pixels": "rgb"}, "pixels: expected one of caffe, imagenet, lite, inception, clip, unit, got 'rgb'"),
        ({"rates": ()}, "rates: expected one dilation or more"),
        ({"rates": (0, 1)}, "rates: expected one dilation or more, each at least 1"),
    ],
)
def test_an_architecture_that_cannot_be_built_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(STREET, **change)


def test_upsampling_keeps_the_corners() -> None:
    x = torch.tensor([[[[0.0, 3.0], [6.0, 9.0]]]])
    expected = torch.tensor([[[[0.0, 1.0, 2.0, 3.0], [3.0, 4.0, 5.0, 6.0], [6.0, 7.0, 8.0, 9.0]]]])
    assert_close(upsample(x, (3, 4)), expected)
    assert upsample(x, (5, 9)).shape == (1, 1, 5, 9)


def test_reestimated_statistics_are_the_average_over_batches() -> None:
    norm = nn.BatchNorm2d(1)
    norm(torch.full((1, 1, 2, 2), 50.0))  # what was there before does not count
    norm.eval()
    batches = [torch.tensor([values]).view(1, 1, 1, 2) for values in ([0.0, 2.0], [4.0, 8.0], [6.0, 10.0])]
    reestimate_statistics(norm, batches)
    assert_close(norm.running_mean, torch.tensor([5.0]))  # (1 + 6 + 8) / 3
    assert_close(norm.running_var, torch.tensor([6.0]))  # unbiased 2, 8, 8


def test_reestimation_leaves_parameters_momentum_and_modes_as_found() -> None:
    segmenter = Segmenter(replace(STREET, bn="paper")).eval()
    segmenter.depth.train() if segmenter.depth else None
    norms = batch_norms(segmenter)
    norms[3].train()
    norms[4].momentum = 0.25
    modes = [module.training for module in segmenter.modules()]
    parameters = {name: (p.clone(), p.requires_grad) for name, p in segmenter.named_parameters()}
    before = [norm.running_mean.clone() for norm in norms if norm.running_mean is not None]
    tracked: list[bool] = []
    segmenter.segmentation.register_forward_hook(lambda _, __, out: tracked.append(out.requires_grad))
    reestimate_statistics(segmenter, iter([images(), images() + 1]))
    assert tracked == [False, False]
    assert [module.training for module in segmenter.modules()] == modes
    assert [norm.momentum for norm in norms] == [0.1] * 3 + [0.1, 0.25] + [0.1] * 12
    for name, p in segmenter.named_parameters():
        assert torch.equal(p, parameters[name][0])
        assert p.requires_grad == parameters[name][1]
        assert p.grad is None
    after = [norm.running_mean for norm in norms if norm.running_mean is not None]
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_reestimation_that_fails_still_restores_modes_and_momentum() -> None:
    segmenter = Segmenter(STREET).eval()

    def broken() -> Iterator[Tensor]:
        yield images()
        raise OSError("a file is gone")

    with pytest.raises(OSError, match="a file is gone"):
        reestimate_statistics(segmenter, broken())
    assert not any(module.training for module in segmenter.modules())
    assert {norm.momentum for norm in batch_norms(segmenter)} == {0.1}


def test_reestimation_without_batches_is_refused_and_changes_nothing() -> None:
    norm = nn.BatchNorm2d(1)
    norm.running_mean = torch.tensor([50.0])
    with pytest.raises(ValueError, match="expected one batch of images or more"):
        reestimate_statistics(norm, [])
    assert_close(norm.running_mean, torch.tensor([50.0]))


def test_evaluation_with_reestimated_statistics_says_what_training_mode_says() -> None:
    segmenter = Segmenter(STREET)
    batch = images(8)
    reestimate_statistics(segmenter, [batch])
    live = segmenter.train()(batch).logits
    segmenter.eval()
    # Not to the last digit: the running variance is the unbiased one, 0.4 % larger for 256 values a channel.
    assert (segmenter(batch).logits - live).norm() < 0.03 * live.norm()


def test_the_small_segmenter_learns_blobs_in_fifty_steps() -> None:
    torch.manual_seed(0)
    x, labels, depth = blobs(4)
    labels[:, :2] = IGNORE
    valid = torch.ones_like(depth, dtype=torch.bool)
    segmenter = Segmenter(STREET)
    optimiser = torch.optim.AdamW(segmenter.parameters(), lr=2e-3)
    losses = []
    for _ in range(50):
        outputs = segmenter(x)
        assert outputs.depth is not None
        segmentation = cross_entropy(upsample(outputs.logits, (64, 96)), labels)
        regression = berhu(upsample(outputs.depth, (64, 96)), depth, valid)
        optimiser.zero_grad()
        (segmentation + 0.1 * regression).backward()
        optimiser.step()
        losses.append((segmentation.item(), regression.item()))
    assert losses[-1][0] < 0.25 * losses[0][0]
    assert losses[-1][1] < 0.6 * losses[0][1]
