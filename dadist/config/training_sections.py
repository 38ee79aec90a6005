"""The sections of the rules that train and label: `adapt`, `pseudo_label`, `refine_labels`, `selftrain`.

Sources of the defaults: as in sections.py.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from dadist.config.methods import RareClasses
from dadist.config.network_sections import Network, Optimiser
from dadist.config.records import ConfigError, Distinct, Record, key


@dataclass(frozen=True)
class Adapt(Record):
    """What every method's training shares."""

    iterations: Annotated[
        int,
        key(
            "Steps. The authors kept the best snapshot by target labels; P's Q1 of 54000 may be its iteration.",
            source="C",
            ge=0,
        ),
    ]
    batch: Annotated[int, key("Images per domain and step.", source="C", ge=1)]
    crop: Annotated[
        tuple[int, int] | None,
        key(
            "Width and height of random crops, as CorDA trains on; null: whole images. Not with mixtures.",
            unit="pixels",
            source="C",
        ),
    ]
    gpus: Annotated[
        int,
        key(
            "GPUs (without any: processes) of one training, on one machine; --resources gpu=2 lets it have two. Each "
            "takes an equal share of every batch, so all else means what it did, and losses differ by rounding alone, "
            "which grows over the steps: another number trains anew.",
            source="D",
            ge=1,
        ),
    ]
    sync_bn: Annotated[
        bool,
        key(
            "Of several: BatchNorm's statistics are those of the whole batch; false: of each one's own share.",
            source="D",
        ),
    ]
    flip: Annotated[bool, key("Mirror images at random.", source="C: no augmentation")]
    class_weight_power: Annotated[
        float,
        key(
            "Weight of a class w = 1 / (C f)^power, f its share of the source; 0.0: plain cross-entropy.",
            source="C, its Cityscapes settings; P: plain",
            ge=0,
        ),
    ]
    class_weight_cap: Annotated[float | None, key("Greatest weight of a class; null: none.", source="C", ge=0)]
    zero_depth: Annotated[Literal["keep", "ignore"], key("Whether raw depth 0 counts in the depth loss.", source="C")]
    statistics_images: Annotated[int, key("Target images for `statistics: target`.", source="D", ge=1)]
    precision: Annotated[
        Literal["float32", "bfloat16"],
        key(
            "bfloat16: the networks' products, for a GPU or a processor with units for it (a third of the time: "
            "docs/speed.md); losses, weights and predictions stay float32.",
            source="C",
        ),
    ]
    deterministic: Annotated[
        bool,
        key(
            "The same bits each time on one GPU, by slower kernels; what has none such warns in the log. A CPU always "
            "is.",
            source="D",
        ),
    ]
    network: Network
    optimiser: Optimiser

    def __post_init__(self) -> None:
        _check_share(self.batch, self.gpus)


@dataclass(frozen=True)
class PseudoLabel(Record):
    """Which target pixels get a label."""

    images: Annotated[
        int,
        key("The first so many of the training split; 0: all. Mapillary's settings take 9000.", source="C", ge=0),
    ]
    confidence: Annotated[float, key("Least probability of the class.", source="P, Algorithm 1", ge=0, le=1)]
    batch: Annotated[int, key("Images at once; changes no label.", source="D", ge=1)]


@dataclass(frozen=True)
class RefineLabels(Record):
    """The spatial prior of Algorithm 1: regions smaller than their class's threshold are erased."""

    enabled: Annotated[
        bool, key("false: the labels stay as they are, self-training on confidence alone.", source="P, C")
    ]
    base: Annotated[
        float,
        key(
            "N_base0: size, in `unit`, that a region of the rarest class must have.",
            source="P: (50, 4950) for all tasks; C: (100, 900) for 7 classes of Cityscapes, (50, 50) of Vistas",
            ge=0,
        ),
    ]
    span: Annotated[
        float, key("N_base1: how much more a region of the commonest class must have.", source="P, as base", ge=0)
    ]
    unit: Annotated[
        Literal["pixels", "image"],
        key("pixels of the working resolution; image: shares of the image's area.", source="C"),
    ]
    floor: Annotated[float, key("No threshold is lower.", unit="pixels", source="D", ge=0)]


@dataclass(frozen=True)
class Jitter(Record):
    """Colour changes of the class_mix recipe, as torchvision's ColorJitter takes them."""

    brightness: Annotated[float, key("Greatest change.", source="D", ge=0)]
    contrast: Annotated[float, key("Greatest change.", source="D", ge=0)]
    saturation: Annotated[float, key("Greatest change.", source="D", ge=0)]
    hue: Annotated[float, key("Greatest change.", source="D", ge=0, le=0.5)]


@dataclass(frozen=True)
class RoundTraining(Record):
    """What every round of self-training shares."""

    recipe: Annotated[
        Literal["plain", "class_mix"],
        key(
            "plain: cross-entropy on the target alone; class_mix: this project's addition.",
            source="C; P says self-supervised",
        ),
    ]
    batch: Annotated[int, key("Images per domain and step.", source="C", ge=1)]
    gpus: Annotated[int, key("As adapt.gpus.", source="D", ge=1)]
    sync_bn: Annotated[bool, key("As adapt.sync_bn.", source="D")]
    flip: Annotated[bool, key("Mirror images at random.", source="C")]
    statistics: Annotated[
        Literal["running", "target"], key("Whose statistics BatchNorm keeps; as in objectives.", source="C")
    ]
    statistics_images: Annotated[int, key("Target images for `statistics: target`.", source="D", ge=1)]
    deterministic: Annotated[bool, key("As adapt.deterministic.", source="D")]
    teacher: Annotated[
        float, key("Share kept of the averaged network, class_mix only; 0.0: no average.", source="D", ge=0, le=1)
    ]
    jitter: Annotated[Jitter, key("Of class_mix only.")]
    rare_classes: Annotated[RareClasses | None, key("As in objectives; of class_mix only.", source="D")]
    precision: Annotated[Literal["float32", "bfloat16"], key("As adapt.precision.", source="C")]
    optimiser: Annotated[
        Optimiser, key("The decay of the adaptation goes on: the rate ends at 1.74e-4 by the defaults.", source="C")
    ]

    def __post_init__(self) -> None:
        _check_share(self.batch, self.gpus)


@dataclass(frozen=True)
class SelfTraining(Record):
    """The rounds Q1, Q2, … of self-training."""

    methods: Annotated[tuple[str, ...], key("Whose round q0 goes through the rounds.", source="D"), Distinct()]
    rounds: Annotated[
        tuple[Annotated[int, key("Steps.", ge=0)], ...],
        key("Steps of q1, q2, ….", unit="iterations", source="P: Q1, Q2; C has one round, [30000]"),
    ]
    training: RoundTraining


def _check_share(batch: int, processes: int) -> None:
    if batch % processes:
        raise ConfigError(
            f"expected a divisor of batch, {batch}, got {processes}; each takes an equal share of every batch",
            ("gpus",),
        )
