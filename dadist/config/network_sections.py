"""The parts of the training sections that are of the network: what it is, and its optimiser.

Sources of the defaults: as in sections.py.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from dadist.config.records import ConfigError, Record, key
from dadist.config.timm_models import PREFIX


@dataclass(frozen=True)
class Network(Record):
    """The segmenter."""

    backbone: Annotated[
        str,
        key(
            "resnet101; efficientnet_lite0: 3.0 M parameters, with weights of ImageNet to install; street: small; "
            "timm:NAME: timm's (docs/study.md).",
            source="P",
        ),
    ]
    stride: Annotated[
        Literal[8, 16, 32] | None,
        key(
            "Output stride that efficientnet_lite0 or a backbone of timm is asked for, by dilation; null: 8 there, or "
            "timm's own, such as 32 or a patch.",
            unit="pixels",
            source="D",
        ),
    ]
    decoder: Annotated[
        Literal["deeplab", "hypercolumns", "daformer", "vfm_uda"],
        key(
            "What stands between backbone and heads. deeplab: nothing, and an ASPP classifies; hypercolumns: all "
            "stages side by side on the grid of the second, and an ASPP; daformer: four stages fused on the grid of "
            "the first, 256 channels; vfm_uda: two transposed convolutions, four times the grid.",
            source="C",
        ),
    ]
    bn: Annotated[
        Literal["paper", "frozen", "train"],
        key(
            "BatchNorm. paper: scale and shift do not learn, statistics stay live; frozen: statistics stay as they "
            "started, too; train: all learns. Statistics of the target: objectives.<method>.statistics.",
            source="C",
        ),
    ]
    rates: Annotated[
        tuple[Annotated[int, key("A dilation.", ge=1)], ...],
        key("Dilations of the ASPP; 1, 6, 12, 18 in DAFormer's.", source="C", min_length=1),
    ]
    pixels: Annotated[
        Literal["caffe", "imagenet", "lite", "inception", "clip", "unit", "timm"],
        key(
            "caffe: BGR minus the mean; imagenet, clip: RGB, normalised; lite, inception: RGB, -1 to 1; unit: RGB, 0 "
            "to 1; timm: the one of these that timm says of its backbone. The weights demand one.",
            source="C",
        ),
    ]

    def __post_init__(self) -> None:
        if self.stride is not None and not self.backbone.startswith((PREFIX, "efficientnet_lite0")):
            raise ConfigError(f"expected null with backbone {self.backbone}, got {self.stride}", ("stride",))


@dataclass(frozen=True)
class Optimiser(Record):
    """Optimiser and polynomial decay of one training."""

    name: Annotated[Literal["sgd", "adamw"], key("Kind of optimiser.", source="P")]
    lr: Annotated[float, key("Rate.", source="P", ge=0)]
    momentum: Annotated[float, key("Of SGD; the first beta of AdamW.", source="C", ge=0, le=1)]
    weight_decay: Annotated[float, key("Of all weights that decay.", source="C", ge=0)]
    decay_norms: Annotated[
        bool,
        key(
            "Whether weights and biases of normalisations, and learnt positions and tokens, decay too; false: as "
            "DAFormer has it.",
            source="C",
        ),
    ]
    layer_decay: Annotated[
        float,
        key(
            "Factor of the backbone's rate from each layer to the one below, beginning above the last: of blocks of a "
            "transformer, or of stages; 1.0: one rate.",
            source="D; 0.9 in VFM-UDA++",
            gt=0,
            le=1,
        ),
    ]
    head_lr_mult: Annotated[
        float, key("Factor of the heads' rate.", source="C: one group; 10.0 in ADVENT, DADA, CTRL", ge=0)
    ]
    backbone_repeats: Annotated[
        Literal["once", "published"],
        key(
            "Steps of the backbone's weights in each step of the training. published: three (shortcut convolutions "
            "four, the first convolution one), as SGD takes where ADVENT, DADA, AdaptSegNet, CLAN, CTRL and CorDA list "
            "each weight so often; with SGD only.",
            source="C: once; published in their code",
        ),
    ]
    power: Annotated[float, key("Of the decay, (1 - step / end)^power; 1.0: linear, DAFormer's.", source="C", ge=0)]
    poly_iterations: Annotated[
        int | None, key("Where the decay reaches 0; null: at the last iteration.", unit="iterations", source="C", ge=1)
    ]
    warm_up: Annotated[
        int,
        key(
            "Over which all rates rise from 0; CLAN has one twentieth of its length.",
            unit="iterations",
            source="C",
            ge=0,
        ),
    ]

    def __post_init__(self) -> None:
        if self.backbone_repeats == "published" and self.name != "sgd":
            raise ConfigError(f"expected once with {self.name}, got published, which is SGD's", ("backbone_repeats",))
