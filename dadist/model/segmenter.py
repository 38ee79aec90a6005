"""The segmenter: one backbone, a decoder, a classifier, and heads for depth, density and further classifications."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dadist.classes import ClassSet
from dadist.config.grid import DECODERS, grid, known
from dadist.model.backbones import backbone
from dadist.model.decoders import decoder
from dadist.model.heads import MeanHead
from dadist.registry import BACKBONES

# What a network may have beside its classifier.
HEADS = (
    "depth",  # inverse depth
    "density",
    "auxiliary",  # a second classifier, on the middle layer of the backbone
    "second",  # a second classifier, on the same features; the sum of the two is what the network says
)

# How the heads hang together: layouts.py has one class per layout.
LAYOUTS = (
    "parallel",  # all read the backbone
    "gated",  # the classifier reads features gated by those of depth
    "joint",  # the same, and a second classifier looks through the depth
    "distilled",  # features for each task, which learn from each other; a head "depth" is for the target's own
    "two_resolutions",  # one classifier, on the whole image at half its size and on parts at full size
)

# Which heads a layout takes beside its own; the others take none.
TAKES = {"parallel": HEADS, "distilled": ("depth",)}

# What of BatchNorm training changes. In every mode `reestimate_statistics` may take new statistics afterwards.
BN = (
    "paper",  # not scale and shift; it normalises with the batch's statistics and averages them for later
    "frozen",  # nothing: it normalises with the statistics that it started with
    "train",  # all of it
)

# Name -> order of the channels, mean, deviation, of values in 0..255. A convention belongs to the weights, so it is
# part of the network and not of the data: no model can be fed with another's. The order is RGB's, or its reverse.
PIXELS = {
    # Caffe's ResNet as DeepLab v2 and its descendants use it: BGR minus the mean, nothing else.
    "caffe": ((2, 1, 0), (104.00698793, 116.66876762, 122.67891434), (1.0, 1.0, 1.0)),
    # torchvision's ImageNet weights: RGB.
    "imagenet": ((0, 1, 2), (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    # EfficientNet-Lite: RGB, about -1 to 1.
    "lite": ((0, 1, 2), (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)),
    # Of networks of timm: RGB, -1 to 1; OpenAI's CLIP; 0 to 1.
    "inception": ((0, 1, 2), (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "clip": ((0, 1, 2), (122.7709383, 116.7460125, 104.09373615), (68.5005327, 66.6321579, 70.32316305)),
    "unit": ((0, 1, 2), (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
}


@dataclass(frozen=True)
class Architecture:
    """All it takes to build a segmenter; a checkpoint carries it."""

    backbone: str  # a key of BACKBONES, or timm: and a name
    classes: ClassSet
    heads: tuple[str, ...]  # of HEADS, beside those that the layout has of itself; () for a plain segmenter
    layout: str  # one of LAYOUTS
    bn: str  # one of BN: what of BatchNorm training changes
    rates: tuple[int, ...]  # dilations of the classifier's branches
    pixels: str  # a key of PIXELS: what the backbone's weights expect of an image
    decoder: str = "deeplab"  # a key of DECODERS; old checkpoints, of before there were others, do not say it
    stride: int | None = None  # output stride that a backbone of timm is asked for; None: its own

    def __post_init__(self) -> None:
        """Raise ValueError for a combination that cannot be built."""
        if not known(self.backbone):
            raise ValueError(f"backbone: expected one of {', '.join(BACKBONES)} or timm:NAME, got {self.backbone!r}")
        if self.decoder not in DECODERS:
            raise ValueError(f"decoder: expected one of {', '.join(DECODERS)}, got {self.decoder!r}")
        if not set(self.heads) <= set(HEADS) or len(set(self.heads)) < len(self.heads):
            raise ValueError(f"heads: expected some of {', '.join(HEADS)}, each once, got {', '.join(self.heads)}")
        if self.layout not in LAYOUTS:
            raise ValueError(f"layout: expected one of {', '.join(LAYOUTS)}, got {self.layout!r}")
        if not set(self.heads) <= set(TAKES.get(self.layout, ())):
            allowed = ", ".join(TAKES.get(self.layout, ())) or "none"
            got = ", ".join(self.heads)
            raise ValueError(f"heads: expected {allowed} beside those of layout {self.layout}, got {got}")
        if self.bn not in BN:
            raise ValueError(f"bn: expected one of {', '.join(BN)}, got {self.bn!r}")
        if self.pixels not in PIXELS:
            raise ValueError(f"pixels: expected one of {', '.join(PIXELS)}, got {self.pixels!r}")
        if not self.rates or min(self.rates) < 1:
            raise ValueError(f"rates: expected one dilation or more, each at least 1, got {self.rates}")


@dataclass(frozen=True)
class Outputs:
    """What a segmenter says, on the feature grid; ``upsample`` takes it to the size of the image."""

    logits: Tensor  # (B, C, h, w)
    depth: Tensor | None = None  # (B, 1, h, w) inverse depth, unbounded
    density: Tensor | None = None  # (B, 1, h, w) in the range of the density targets, unbounded
    # What one method or another reads beside these, (B, channels, h, w) each, by the names that its head or layout has.
    extra: Mapping[str, Tensor] = field(default_factory=dict)
    crop: tuple[int, int, int, int] | None = None  # top, left, height, width in pixels of extra["detail"]


class Segmenter(nn.Module):
    """Image to logits, and to what else the architecture has heads for; this one is the layout "parallel".

    A head "auxiliary" puts the logits of the middle layer under ``extra["auxiliary"]``. With a head "second" the logits
    are the sum of two classifiers', which stand under ``extra["first"]`` and ``extra["second"]``.
    """

    # Parts that networks of other layouts have alike: what a start has to bring.
    SHARED: tuple[str, ...] = ("backbone", "segmentation")

    mean: Tensor
    deviation: Tensor

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        order, mean, deviation = PIXELS[architecture.pixels]
        self.reversed = order == (2, 1, 0)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(deviation).view(1, 3, 1, 1))
        self.backbone = backbone(architecture.backbone, architecture.stride)
        self.decoder = decoder(architecture.decoder, self.backbone.widths, architecture.rates)
        self.build(self.decoder.channels)
        if architecture.bn != "train":
            for norm in batch_norms(self.backbone):
                norm.requires_grad_(False)  # parameters only: the running statistics are buffers
        self.train()

    def build(self, channels: int) -> None:
        """Make the heads, on features of so many channels."""
        heads = self.architecture.heads
        self.segmentation = self.classifier(channels)
        self.depth = MeanHead(channels) if "depth" in heads else None
        self.density = MeanHead(channels) if "density" in heads else None
        self.auxiliary = self.classifier(self.backbone.middle) if "auxiliary" in heads else None
        self.second = self.classifier(channels) if "second" in heads else None

    def classifier(self, channels: int) -> nn.Module:
        """Features to logits of the architecture's classes."""
        return self.decoder.classifier(channels, len(self.architecture.classes))

    def train(self, mode: bool = True) -> Self:
        """Training mode; the backbone's BatchNorm layers, if ``bn="frozen"``, stay in evaluation mode."""
        super().train(mode)
        if self.architecture.bn == "frozen":
            for norm in batch_norms(self.backbone):
                norm.eval()
        return self

    def forward(self, images: Tensor) -> Outputs:
        """RGB ``(B, 3, H, W)`` in 0..255 to outputs on the feature grid."""
        stages = self.backbone(normalised(images, self))
        return self.read(stages[-2], self.decoder(stages))

    @property
    def has_depth(self) -> bool:
        """Whether its outputs have a depth."""
        return self.depth is not None

    def read(self, middle: Tensor, x: Tensor) -> Outputs:
        """What the heads make of the backbone's features."""
        logits, extra = self.segmentation(x), {}
        if self.auxiliary is not None:
            extra["auxiliary"] = self.on_grid(self.auxiliary(middle), x)
        if self.second is not None:
            extra |= {"first": logits, "second": self.second(x)}
            logits = extra["first"] + extra["second"]
        depth = self.depth(x) if self.depth is not None else None
        density = self.density(x) if self.density is not None else None
        return Outputs(logits, depth, density, extra)

    def on_grid(self, logits: Tensor, x: Tensor) -> Tensor:
        """Logits of the backbone's middle layer on the grid of ``x``, which may be another."""
        *_, middle, last = self.backbone.strides
        alike = middle == last and self.decoder.KEEPS_GRID
        return logits if alike else F.interpolate(logits, size=x.shape[-2:], mode="bilinear")

    def grid(self, width: int, height: int) -> tuple[int, int]:
        """Columns and rows of the feature grid for images of ``width`` x ``height``."""
        return grid(self.architecture, width, height)

    def context(self, images: Tensor) -> Tensor:
        """What the backbone sees of whole images ``(B, 3, H, W)``: all of them."""
        return images


class TakesImages(Protocol):
    """A network that takes images: what its backbone's weights expect of them."""

    reversed: bool  # BGR
    mean: Tensor
    deviation: Tensor


def normalised(images: Tensor, network: TakesImages) -> Tensor:
    """RGB ``(B, 3, H, W)`` in 0..255 as a network's backbone wants it."""
    # Not by an index of channels: it would be sent to the device at every call, and the host would wait.
    ordered = images.flip(1) if network.reversed else images
    return (ordered - network.mean) / network.deviation


def upsample(x: Tensor, size: Sequence[int]) -> Tensor:
    """A map ``(B, C, h, w)`` at ``size`` (H, W): bilinear with aligned corners, as in the authors' code."""
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=True)


def batch_norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    """Every BatchNorm layer of a model."""
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


@torch.no_grad()
def reestimate_statistics(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Replace BatchNorm's running statistics by their plain average over ``batches``.

    Training alternates between source and target, so what it leaves behind fits neither; a pass over target images
    before labelling or evaluation does. Parameters, and the mode of every layer, stay as they are.

    Args:
        model: Changed in place.
        batches: Images ``(B, 3, H, W)``, as the model takes them; each batch counts once.

    Raises:
        ValueError: If there is no batch: the statistics would be left empty.

    Source: Li et al., Revisiting Batch Normalization for Practical Domain Adaptation (AdaBN), 2016.
    """
    remaining = iter(batches)
    first = next(remaining, None)
    if first is None:
        raise ValueError("statistics of BatchNorm: expected one batch of images or more, got none; check the data")
    norms = batch_norms(model)
    found = [(norm.training, norm.momentum) for norm in norms]
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.train()
            norm.momentum = None  # PyTorch's way to say: a cumulative average
        for images in itertools.chain([first], remaining):
            model(images)
    finally:
        for norm, (training, momentum) in zip(norms, found, strict=True):
            norm.train(training)
            norm.momentum = momentum
