"""Rates and decay by layer and by kind of weight; how often a weight steps is in test_loop.py."""

import dataclasses
from typing import Any

import builders
import pytest
import torch
from torch import nn

from dadist.config.network_sections import Optimiser
from dadist.model.backbones import backbone
from dadist.model.segmenter import Segmenter
from dadist.training.groups import Group, groups, layer_factors

PLAN = builders.optimiser("adamw", 1.0, weight_decay=0.1, head_lr_mult=10.0)


def made(segmenter: Segmenter, **changes: Any) -> dict[int, list[Group]]:
    plan: Optimiser = dataclasses.replace(PLAN, **changes)
    return groups(segmenter, [], plan)


def of(found: dict[int, list[Group]], weight: nn.Parameter) -> Group:
    """The one group that has a weight."""
    (group,) = [one for own in found.values() for one in own if any(each is weight for each in one["params"])]
    return group


def test_without_the_keys_there_are_two_groups_backbone_and_heads() -> None:
    segmenter, other = builders.segmenter(("depth",)), nn.Parameter(torch.zeros(1))
    ((times, found),) = groups(segmenter, [other], PLAN).items()
    assert times == 1
    backbone_group, heads = found
    assert [id(one) for one in backbone_group["params"]] == [id(one) for one in segmenter.backbone.parameters()]
    own = [one for name, one in segmenter.named_parameters() if not name.startswith("backbone.")]
    assert [id(one) for one in heads["params"]] == [id(one) for one in (*own, other)]
    assert {key: value for key, value in backbone_group.items() if key != "params"} == {"lr": 1.0, "initial_lr": 1.0}
    assert {key: value for key, value in heads.items() if key != "params"} == {"lr": 10.0, "initial_lr": 10.0}


def test_every_weight_is_in_one_group_whatever_the_keys() -> None:
    segmenter = Segmenter(builders.architecture(("depth",), backbone="mit_b0", decoder="daformer"))
    found = made(segmenter, layer_decay=0.5, decay_norms=False)
    listed = [id(one) for group in found[1] for one in group["params"]]
    assert sorted(listed) == sorted(id(one) for one in segmenter.parameters())


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("street", {"stem.0.weight": 0, "layer1.0.first.0.weight": 1, "layer4.second.1.bias": 4}),
        ("resnet101", {"conv1.weight": 0, "bn1.bias": 0, "layer3.22.conv1.weight": 3, "layer4.0.bn1.weight": 4}),
        (
            "efficientnet_lite0",
            {
                "stem.0.weight": 0,
                "blocks.2.project.0.weight": 1,
                "blocks.3.expand.0.weight": 2,
                "blocks.15.expand.0.weight": 4,
            },
        ),
        (
            "mit_b0",
            {
                "patch_embed1.proj.weight": 0,
                "block1.0.attn.q.weight": 1,
                "norm1.weight": 2,
                "block2.1.mlp.fc1.bias": 4,
                "norm4.bias": 8,
            },
        ),
    ],
)
def test_layers_are_counted_from_the_stem(name: str, layers: dict[str, int]) -> None:
    with torch.device("meta"):
        network = backbone(name)
    found = network.layers()
    assert {one: found[one] for one in layers} == layers
    assert found.keys() == dict(network.named_parameters()).keys()
    assert set(found.values()) == {*range(max(found.values()) + 1)}


def test_a_rate_halves_from_layer_to_layer_and_the_heads_have_theirs() -> None:
    segmenter = builders.segmenter()
    found = made(segmenter, layer_decay=0.5)
    for name, rate in (
        ("stem.0.weight", 1 / 32),
        ("layer1.1.first.0.weight", 1 / 16),
        ("layer4.first.0.weight", 1 / 2),
    ):
        group = of(found, segmenter.backbone.get_parameter(name))
        assert group["lr"] == group["initial_lr"] == rate
    assert of(found, next(segmenter.segmentation.parameters()))["lr"] == 10.0
    assert found[1][0]["lr"] == 1.0  # what losses.csv shows


def test_norms_do_not_decay_where_the_key_says_so_and_all_else_does() -> None:
    segmenter = Segmenter(builders.architecture(backbone="mit_b0", decoder="daformer"))
    found = made(segmenter, decay_norms=False)
    for name, decays in (
        ("backbone.block1.0.norm1.weight", False),
        ("backbone.patch_embed1.norm.bias", False),
        ("backbone.block1.0.attn.norm.weight", False),
        ("backbone.block1.0.attn.q.bias", True),
        ("backbone.block1.0.mlp.dwconv.dwconv.weight", True),
        ("decoder.bottleneck.1.weight", False),
        ("decoder.bottleneck.0.weight", True),
    ):
        group = of(found, segmenter.get_parameter(name))
        assert group.get("weight_decay", PLAN.weight_decay) == (0.1 if decays else 0.0)


def test_positions_and_tokens_of_timm_do_not_decay_either_and_its_blocks_are_its_layers() -> None:
    pytest.importorskip("timm")
    segmenter = Segmenter(builders.architecture(backbone="timm:vit_tiny_patch16_224"))
    found, network = made(segmenter, decay_norms=False), segmenter.backbone.network
    for weight in (network.pos_embed, network.cls_token, network.blocks[0].norm1.weight):
        assert of(found, weight)["weight_decay"] == 0.0
    assert "weight_decay" not in of(found, network.blocks[0].attn.qkv.weight)
    layers = segmenter.backbone.layers()
    assert layers["network.pos_embed"] == layers["network.patch_embed.proj.weight"] == 0
    assert [layers[f"network.blocks.{block}.attn.qkv.weight"] for block in (0, 11)] == [1, 12]
    assert layer_factors(segmenter.backbone, 0.9).keys() == dict(segmenter.backbone.named_parameters()).keys()


def test_layers_that_timm_does_not_count_are_told() -> None:
    pytest.importorskip("timm")
    with torch.device("meta"):
        network = backbone("timm:poolformer_s12")
    with pytest.raises(ValueError, match=r"layer_decay: expected 1\.0 with timm:poolformer_s12"):
        layer_factors(network, 0.9)
    assert set(layer_factors(network, 1.0).values()) == {1.0}
