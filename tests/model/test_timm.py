"""Backbones of timm: what is promised of them, what they make, and whose weights they take."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from dadist.config.grid import grid
from dadist.config.network import settled
from dadist.config.records import ConfigError
from dadist.config.timm_models import CONVENTIONS, describe
from dadist.cost.step import forward_flops, step_cost
from dadist.model import replicas
from dadist.model.backbones import backbone
from dadist.model.checkpoint import Checkpoint, restore, start_weights
from dadist.model.precision import computing_in
from dadist.model.segmenter import PIXELS, Segmenter, batch_norms
from dadist.training import build

timm = pytest.importorskip("timm")

RESNET, CONVNEXT, LITE = "timm:resnet10t", "timm:convnext_atto", "timm:efficientnet_lite0"
VIT, DINO, DINO3 = "timm:vit_tiny_patch16_224", "timm:vit_small_patch14_dinov2", "timm:vit_small_patch16_dinov3"
SWIN = "timm:swin_tiny_patch4_window7_224"
STRIDES = [
    (RESNET, 8),
    (RESNET, None),
    (CONVNEXT, 16),
    (LITE, 8),
    (VIT, None),
    (DINO, None),
    (DINO3, None),
    (SWIN, None),
]
SIZES = [(192, 96), (191, 97), (133, 75), (40, 33)]


def architecture(name: str, stride: int | None = None, **changes: Any) -> Any:
    return builders.architecture(backbone=name, stride=stride, **changes)


@pytest.mark.parametrize(("name", "stride"), STRIDES)
def test_the_grid_that_is_promised_is_the_one_it_makes_at_odd_sizes_too(name: str, stride: int | None) -> None:
    with torch.device("meta"):
        network = backbone(name, stride)
        for width, height in SIZES:
            stages = network(torch.empty(1, 3, height, width))
            for decoder, stage, times in (
                ("deeplab", stages[-1], 1),
                ("daformer", stages[0], 1),
                ("vfm_uda", stages[-1], 4),
            ):
                columns, rows = grid(architecture(name, stride, decoder=decoder), width, height)
                assert (times * stage.shape[3], times * stage.shape[2]) == (columns, rows)
            assert [stage.shape[1] for stage in stages] == [*network.widths]
            assert len(stages) == 4


@pytest.mark.parametrize(("name", "strides"), [(RESNET, (4, 8, 8, 8)), (VIT, (16,) * 4), (DINO, (14,) * 4)])
def test_strides_and_patches_are_those_of_timm(name: str, strides: tuple[int, ...]) -> None:
    assert describe(name, 8 if name == RESNET else None).strides == strides


def test_a_transformer_gives_four_blocks_evenly_spread_after_its_last_normalisation() -> None:
    assert describe(VIT, None).indices == (2, 5, 8, 11)
    torch.manual_seed(0)
    network, images = backbone(VIT).eval(), torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        *_, last = network(images)
        tokens = network.network.forward_features(images)[:, 1:]
    assert_close(last.flatten(2).transpose(1, 2), tokens)


@pytest.mark.parametrize("name", [RESNET, CONVNEXT, SWIN, DINO3])
def test_a_checkpoint_gives_the_network_back_at_an_odd_size(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    network = Segmenter(architecture(name, heads=("depth", "density"))).eval()
    made = replace(builders.checkpoint(), architecture=network.architecture, weights=network.state_dict())
    made.save(tmp_path / "model.pt")
    before = torch.get_rng_state()
    again, images = Checkpoint.load(tmp_path / "model.pt").segmenter(), 255 * torch.rand(1, 3, 45, 67)
    torch.set_rng_state(before)
    with torch.no_grad():
        found, expected = again(images), network(images)
    assert torch.equal(found.logits, expected.logits)
    assert torch.equal(found.depth, expected.depth)
    assert found.logits.shape[2:] == network.grid(67, 45)[::-1]


def test_an_old_checkpoint_that_knows_no_decoder_is_read(tmp_path: Path) -> None:
    builders.checkpoint().save(tmp_path / "model.pt")
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    del content["architecture"]["decoder"], content["architecture"]["stride"]
    torch.save(content, tmp_path / "old.pt")
    assert Checkpoint.load(tmp_path / "old.pt").architecture == builders.architecture()


@pytest.mark.parametrize(("name", "decoder"), [(RESNET, "deeplab"), (VIT, "vfm_uda"), (CONVNEXT, "daformer")])
def test_it_learns_in_bfloat16(name: str, decoder: str) -> None:
    torch.manual_seed(0)
    network = Segmenter(architecture(name, heads=("depth", "auxiliary"), decoder=decoder))
    with computing_in("bfloat16", [network]):
        found = network(255 * torch.rand(2, 3, 45, 67))
    assert found.logits.dtype == found.depth.dtype == torch.float32
    assert found.extra["auxiliary"].shape == found.logits.shape
    (found.logits.square().mean() + found.depth.mean() + found.extra["auxiliary"].square().mean()).backward()
    learnt = [one.grad for one in network.backbone.parameters() if one.grad is not None]
    assert all(one.isfinite().all() for one in learnt)
    assert sum(bool(one.any()) for one in learnt) > len(learnt) / 2


def test_a_batch_norm_with_an_activation_keeps_it_over_several_processes() -> None:
    norms = [norm for norm in batch_norms(backbone(LITE)) if type(norm) is not torch.nn.BatchNorm2d]
    assert norms
    x, forward = torch.randn(2, norms[0].num_features, 5, 7), replicas._normalising_over_processes(norms[0])
    for training in (False, True):
        norms[0].reset_running_stats()
        expected = norms[0].train(training)(x)
        norms[0].reset_running_stats()
        assert_close(forward(x), expected)
        assert expected.min() >= 0


# --- weights


def published(name: str, **options: Any) -> dict[str, Tensor]:
    """A file as timm writes it, with a classifier."""
    torch.manual_seed(5)
    state: dict[str, Tensor] = timm.create_model(name.removeprefix("timm:"), pretrained=False, **options).state_dict()
    return state


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("name", [RESNET, CONVNEXT, VIT])
def test_a_file_of_timm_fills_the_backbone(tmp_path: Path, name: str, suffix: str) -> None:
    state, path = published(name), tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(state, path)
    else:
        importlib.import_module("safetensors.torch").save_file(state, path)
    wanted = architecture(name, pixels=describe(name, None).pixels)
    segmenter, made = build.start(wanted, "a", [path], grid=grid(wanted, 64, 32), size=(64, 32), iterations=1)
    assert made == {}
    own = segmenter.backbone.network.state_dict()
    assert len(own) > 20
    assert all(torch.equal(value, state[key]) for key, value in own.items())


def test_positions_come_to_the_networks_size_and_a_file_of_dinov2s_authors_is_read(tmp_path: Path) -> None:
    state = published(VIT, img_size=96)
    torch.save({"model": state}, tmp_path / "small.pth")
    segmenter = Segmenter(architecture(VIT))
    came = restore(segmenter, start_weights(tmp_path / "small.pth", segmenter), least=0.95)
    assert came.matched == came.wanted
    assert state["pos_embed"].shape != segmenter.backbone.network.pos_embed.shape
    assert torch.equal(segmenter.backbone.network.pos_embed[:, 0], state["pos_embed"][:, 0])
    dino = Segmenter(architecture(DINO))
    theirs = {**published(DINO), "mask_token": torch.zeros(1, 384)}
    torch.save(theirs, tmp_path / "dinov2.pth")
    came = restore(dino, start_weights(tmp_path / "dinov2.pth", dino), least=0.95)
    assert came.matched == came.wanted
    assert came.new == ["segmentation"]


def test_a_file_of_another_network_is_refused_and_nothing_is_copied(tmp_path: Path) -> None:
    torch.save(published(CONVNEXT), tmp_path / "other.pth")
    torch.save({**published(RESNET), "conv1.0.weight": torch.zeros(1)}, tmp_path / "shape.pth")
    segmenter = Segmenter(architecture(RESNET))
    before = {name: value.clone() for name, value in segmenter.state_dict().items()}
    with pytest.raises(ValueError, match=r"other\.pth: expected at least 95% of the \d+ tensors of backbone, got 0 of"):
        restore(segmenter, start_weights(tmp_path / "other.pth", segmenter), least=0.95)
    with pytest.raises(ValueError, match=r"conv1\.0\.weight: expected shape \(24, 3, 3, 3\), got \(1,\)"):
        restore(segmenter, start_weights(tmp_path / "shape.pth", segmenter), least=0.95)
    assert all(torch.equal(value, before[name]) for name, value in segmenter.state_dict().items())


def test_a_broken_file_of_safetensors_and_a_missing_package_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, segmenter = tmp_path / "weights.safetensors", builders.segmenter()
    path.write_bytes(b"no header")
    with pytest.raises(ValueError, match=r"weights\.safetensors: expected a checkpoint .* got an unreadable file"):
        start_weights(path, segmenter)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"expected the package safetensors to read it, got none; pip install"):
        start_weights(path, segmenter)


# --- planning


def planned(**network: Any) -> Any:
    """The demo with another network."""
    demo = replace(builders.DEMO, grid=None)
    changed = replace(demo.adapt.network, pixels="timm", **network)
    return settled(replace(demo, adapt=replace(demo.adapt, network=changed)))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            {"backbone": "timm:resnet10"},
            r"adapt\.network\.backbone: unknown network of timm; did you mean timm:resnet1",
        ),
        ({"backbone": "timm:hf-hub:a/resnet18"}, r"unknown network of timm"),
        (
            {"backbone": "timm:resnet18.a4_in1k"},
            r"unknown tag of timm's resnet18; did you mean timm:resnet18\.a\d_in1k",
        ),
        ({"backbone": VIT, "stride": 8}, r"with an output stride of 8, got vit_tiny_patch16_224 .*stride: null"),
        ({"backbone": "timm:mixer_s32_224"}, r"maps of features or more of images of any size, got mixer_s32_224"),
        ({"backbone": "timm:dpn68"}, r"for pixels imagenet, inception, clip, unit, got dpn68, for mean"),
        ({"backbone": "street"}, r"adapt\.network\.pixels: expected what the weights of street .* got timm"),
        ({"backbone": "vgg"}, r"unknown backbone; known: .*timm:NAME"),
    ],
)
def test_a_network_that_cannot_be_is_refused_while_planning(network: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        planned(**network)


def test_other_pixels_than_the_configurations_are_refused() -> None:
    found = planned(backbone=VIT)
    assert found.adapt.network.pixels == "inception"
    wrong = replace(found.adapt.network, pixels="caffe")
    with pytest.raises(ConfigError, match=r"pixels: expected timm, which is inception for .*, got caffe; set it so"):
        settled(replace(found, adapt=replace(found.adapt, network=wrong)))


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    describe.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"expected the package timm .* not installed; pip install 'dadist\[timm\]'"):
        planned(backbone=RESNET)


def test_conventions_are_those_of_the_table_of_pixels() -> None:
    for (mean, deviation), name in CONVENTIONS.items():
        order, *numbers = PIXELS[name]
        assert order == (0, 1, 2)
        np.testing.assert_allclose(numbers, [[255 * one for one in each] for each in (mean, deviation)], rtol=1e-6)


@pytest.mark.parametrize(("name", "decoder"), [(RESNET, "deeplab"), (VIT, "vfm_uda"), (DINO3, "daformer")])
def test_the_plan_counts_its_work_and_memory(name: str, decoder: str) -> None:
    setting = planned(backbone=name, decoder=decoder)
    forward, cost = forward_flops(setting, "source_only"), step_cost(setting, "source_only")
    assert 2 * forward * setting.adapt.batch < cost.flops < 3.1 * forward * setting.adapt.batch
    assert cost.weights > 4 * sum(one.numel() for one in backbone(name).parameters())
    assert cost.activations > 0
