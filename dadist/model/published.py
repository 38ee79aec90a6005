"""Weights that others published: whose file it is by its keys, and its tensors under this project's names."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor


@dataclass(frozen=True)
class Family:
    """Files with the same keys."""

    origin: str  # whose they are, for messages
    marks: tuple[str, ...]  # modules that tell it from the families after it
    backbone: str  # a key of BACKBONES
    pixels: str  # a key of PIXELS: what the weights were trained with
    modules: Mapping[str, str]  # the beginning of a name there -> here; what begins with none of them has no place here


@dataclass(frozen=True)
class Start:
    """Weights to start a training from, and what they are for."""

    file: Path
    tensors: dict[str, Tensor]  # by this project's names; those without a place in any network keep their own
    origin: str
    backbone: str
    pixels: str
    protocol: dict[str, str | int | float]  # how they were trained; empty where the file does not say


_RESNET = {part: f"backbone.{part}" for part in ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")}
_CLASSIFIER = {"layer6.conv2d_list": "segmentation.branches"}


def _mean_head(theirs: str, ours: str) -> dict[str, str]:
    """The three convolutions of a head, between which ours has activations."""
    return {f"{theirs}_{number}": f"{ours}.layers.{2 * (number - 1)}" for number in (1, 2, 3)}


# The first whose marks a file has is its family. Pixels are Caffe's wherever weights descend from DeepLab's.
FAMILIES = (
    # Its enc4_4 and dec4 are left over from DADA and never called: they are not wanted.
    Family(
        "the authors' model",
        ("conv1", "layer6.conv2d_list", "enc4_1", "enc5_1"),
        "resnet101",
        "caffe",
        {**_RESNET, **_CLASSIFIER, **_mean_head("enc4", "density"), **_mean_head("enc5", "depth")},
    ),
    Family(
        "DADA's model",
        ("conv1", "layer6.conv2d_list", "enc4_1", "dec4"),
        "resnet101",
        "caffe",
        {**_RESNET, **_CLASSIFIER, **_mean_head("enc4", "depth"), "dec4": "fusion.decode"},
    ),
    # DeepLab_resnet_pretrained_imagenet.pth of ADVENT and DADA (ImageNet) and DeepLab_resnet_pretrained_init of
    # AdaptSegNet (ImageNet, then COCO): the same keys, and an old classifier Scale.layer5.
    Family(
        "a Caffe conversion of ResNet-101",
        ("Scale.conv1",),
        "resnet101",
        "caffe",
        {f"Scale.{theirs}": ours for theirs, ours in _RESNET.items()},
    ),
    # It was trained with the stride of layer 2 in the 3x3 convolution; the backbone has it in the 1x1, as Caffe's.
    Family("torchvision's ResNet-101", ("conv1", "fc"), "resnet101", "imagenet", _RESNET),
)


def recognise(file: Path, weights: Mapping[str, Tensor]) -> Start | None:
    """Published weights as a start, None if they are of no known family.

    Args:
        file: Where they stood.
        weights: A state dict, tensors by name; a ``module.`` before every name (of ``DataParallel``) is taken off.
    """
    prefix = "module." if all(name.startswith("module.") for name in weights) else ""
    bare = {name.removeprefix(prefix): value for name, value in weights.items()}
    for family in FAMILIES:
        if all(any(name.startswith(f"{mark}.") for name in bare) for mark in family.marks):
            tensors = {_renamed(name, family.modules): value for name, value in bare.items()}
            return Start(file, tensors, family.origin, family.backbone, family.pixels, {})
    return None


def _renamed(name: str, modules: Mapping[str, str]) -> str:
    """The name with its longest known beginning replaced."""
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        known = modules.get(".".join(parts[:count]))
        if known:
            return ".".join([known, *parts[count:]])
    return name
