"""The sections of one rule each, and that of the monitor.

Sources of the defaults: P, Wu & Liu, NeurIPS 2022, paper and poster; C, its authors' code where the paper is silent or
differs; D, this project's choice.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from dadist.config.records import ConfigError, Record, key


@dataclass(frozen=True)
class Prepare(Record):
    """What to keep of a data set."""

    images: Annotated[int, key("At most so many per split, in the order of their names; 0: all.", source="D", ge=0)]


@dataclass(frozen=True)
class FitGmm(Record):
    """The mixture of each class over (x, y, inverse depth), or some of these."""

    components: Annotated[
        int, key("Components per class; compare_components weighs 1 to 10.", source="C; P is silent", ge=1)
    ]
    covariance: Annotated[Literal["diag", "full"], key("Kind of covariance.", source="C; P leaves it open: full")]
    features: Annotated[
        tuple[Literal["x", "y", "z"], ...],
        key(
            "Column, row, inverse depth; some of them: a density over these alone.", source="C; P only X", min_length=1
        ),
    ]
    coordinates: Annotated[
        Literal["cells", "height"],
        key("x and y in cells of the feature grid, or as shares of the grid's height.", source="C"),
    ]
    points: Annotated[
        int,
        key(
            "Cells drawn per class; 0: all. Two million take 0.4 CPU-s per class, 32 million 9 and 2 GB beside the "
            "points; all 145 million of SYNTHIA at 161x96, by arithmetic, a minute and, while they are gathered, 7 GB "
            "(mem_mb of fit_gmm).",
            source="D; how the authors drew is not known",
            ge=0,
        ),
    ]
    reg_covar: Annotated[float, key("Added to the variances.", source="C", ge=0)]
    z_floor: Annotated[
        float | None,
        key(
            "Least standard deviation of z; null: none. All sky has z = 1, so its deviation is the root of reg_covar, "
            "0.001, and an estimate of the target's depth never meets it.",
            source="C",
            ge=0,
        ),
    ]
    held_out: Annotated[float, key("Share of the points that judges the fit.", source="D", ge=0, le=0.9)]
    zero_depth: Annotated[
        Literal["keep", "ignore"],
        key("keep: raw depth 0 becomes z = 65536, a component of six classes of 16; ignore: left out.", source="C"),
    ]
    nearest_m: Annotated[
        float,
        key("Cells nearer than this are left out: the wide tails of buildings and walls.", unit="m", source="C", ge=0),
    ]
    seed: Annotated[int, key("Of the draw.", source="C, of its trainings; that of its fit is not known", ge=0)]

    def __post_init__(self) -> None:
        if len(set(self.features)) < len(self.features):
            raise ConfigError(f"expected one or more of x, y, z, each once, got {list(self.features)}", ("features",))


@dataclass(frozen=True)
class CompareComponents(Record):
    """How compare_components differs from fit_gmm. On demand: snakemake results/demo/prior/components.csv --cores 1."""

    components: Annotated[
        tuple[Annotated[int, key("Components.", ge=1)], ...],
        key("Numbers to compare; 10 is what an older version of C had, 5 the last.", source="D", min_length=1),
    ]
    points: Annotated[
        int,
        key("Cells drawn per class; 0: all. To choose, 50000 are as good as two million.", source="D", ge=0),
    ]
    held_out: Annotated[float, key("Share of the points that judges.", source="D", ge=0.01, le=0.9)]

    def __post_init__(self) -> None:
        if list(self.components) != sorted({*self.components}):
            raise ConfigError(f"expected rising numbers from 1 on, got {list(self.components)}", ("components",))


@dataclass(frozen=True)
class ClusterPatches(Record):
    """The typical label patches of the source, which adaptpatch makes the target's predictions look like."""

    clusters: Annotated[
        int,
        key("Kinds of patches; an id is a byte, and 255 is none.", source="AdaptPatch's paper, recalled", ge=2, le=255),
    ]
    source: Annotated[
        tuple[int, int],
        key(
            "Patches across and down, which tile the image; 64x38 pixels of SYNTHIA at 1280x760.",
            source="AdaptPatch's paper, recalled",
        ),
    ]
    target: Annotated[
        tuple[int, int],
        key(
            "Patches across and down, 64x32 pixels of Cityscapes at 1024x512. A target of the source's size shows "
            "patches of the source's size with the source's numbers.",
            source="AdaptPatch's paper, recalled",
        ),
    ]
    images: Annotated[
        int,
        key(
            "Of the source, 0: all; a core takes about a tenth of a second each.", source="D; the paper is silent", ge=0
        ),
    ]
    batch: Annotated[int, key("Patches per step of k-means.", source="D", ge=1)]
    seed: Annotated[int, key("Of the draw and of k-means.", source="D", ge=0)]

    def __post_init__(self) -> None:
        for name, value in (("source", self.source), ("target", self.target)):
            if min(value) < 1:
                raise ConfigError(f"expected at least 1, got {list(value)}", (name,))


@dataclass(frozen=True)
class Network(Record):
    """The segmenter."""

    backbone: Annotated[
        str,
        key(
            "resnet101; efficientnet_lite0: 3.0 M parameters, with weights of ImageNet to install; street: small.",
            source="P",
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
        key("Dilations of the ASPP.", source="C", min_length=1),
    ]
    pixels: Annotated[
        Literal["caffe", "imagenet", "lite"],
        key(
            "caffe: BGR minus the mean; imagenet: RGB, normalised; lite: RGB, -1 to 1. The weights demand one.",
            source="C",
        ),
    ]


@dataclass(frozen=True)
class Optimiser(Record):
    """Optimiser and polynomial decay of one training."""

    name: Annotated[Literal["sgd", "adamw"], key("Kind of optimiser.", source="P")]
    lr: Annotated[float, key("Rate.", source="P", ge=0)]
    momentum: Annotated[float, key("Of SGD; the first beta of AdamW.", source="C", ge=0, le=1)]
    weight_decay: Annotated[float, key("Of all weights.", source="C", ge=0)]
    head_lr_mult: Annotated[
        float, key("Factor of the heads' rate.", source="C: one group; 10.0 in ADVENT, DADA, CTRL", ge=0)
    ]
    power: Annotated[float, key("Of the decay, (1 - step / end)^power.", source="C", ge=0)]
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
    precision: Annotated[Literal["float32", "bfloat16"], key("As adapt.precision.", source="C")]
    optimiser: Annotated[
        Optimiser, key("The decay of the adaptation goes on: the rate ends at 1.74e-4 by the defaults.", source="C")
    ]

    def __post_init__(self) -> None:
        _check_share(self.batch, self.gpus)


@dataclass(frozen=True)
class SelfTraining(Record):
    """The rounds Q1, Q2, … of self-training."""

    methods: Annotated[tuple[str, ...], key("Whose round q0 goes through the rounds.", source="D")]
    rounds: Annotated[
        tuple[Annotated[int, key("Steps.", ge=0)], ...],
        key("Steps of q1, q2, ….", unit="iterations", source="P: Q1, Q2; C has one round, [30000]"),
    ]
    training: RoundTraining


@dataclass(frozen=True)
class Evaluate(Record):
    """How predictions are compared with the truth."""

    labels: Annotated[
        Literal["native", "working"],
        key(
            "native: predictions are brought to the size of the label files; working: both at the network's size.",
            source="C",
        ),
    ]
    depth_cap_m: Annotated[
        float,
        key("Farther depth is not compared.", unit="m", source="D: usual for streets; P is silent", ge=1, le=655),
    ]
    batch: Annotated[int, key("Images at once; changes no number.", source="D", ge=1)]


@dataclass(frozen=True)
class Draw(Record):
    """The panel of predictions."""

    images: Annotated[int, key("Target images.", source="D", ge=1)]
    scale: Annotated[int, key("Enlargement.", source="D", ge=1)]
    methods: Annotated[tuple[str, ...], key("Whose predictions are shown.", source="D")]
    rounds: Annotated[
        Literal["ends", "last"], key("ends: the first and the last round of each method; last: that alone.", source="D")
    ]
    maps: Annotated[bool, key("Depth and density, as the first model that has them sees them.", source="D")]


@dataclass(frozen=True)
class Embed(Record):
    """Pixels of both domains in the joint spaces beside Table 4 of P, by t-SNE; P gives no sampling nor perplexity."""

    method: Annotated[str, key("Whose q0 is looked into, if the setting has it.", source="D")]
    images: Annotated[int, key("Of each domain.", source="D", ge=1)]
    points: Annotated[
        int, key("Of each domain, shared out among the classes; seconds, a minute at 4000.", source="D", ge=1, le=10000)
    ]
    perplexity: Annotated[float, key("Of t-SNE.", source="D, scikit-learn's", ge=1)]
    seed: Annotated[int, key("Of the sample and of t-SNE.", source="D", ge=0)]


@dataclass(frozen=True)
class DrawFigures(Record):
    """The charts."""

    images: Annotated[int, key("With pseudo-labels before and after refinement.", source="D", ge=1)]
    dpi: Annotated[int, key("Of the PNGs; the SVGs need none.", source="D", ge=50, le=600)]


@dataclass(frozen=True)
class WritePage(Record):
    """The page."""

    width: Annotated[
        int,
        key("Most that a picture on it has: the page stays below 10 MB.", unit="pixels", source="D", ge=100, le=4000),
    ]


@dataclass(frozen=True)
class Monitor(Record):
    """What is told while a training runs, and what is worth a warning. Editing it trains nothing."""

    tensorboard: Annotated[
        bool,
        key(
            "Event files beside each model: pip install -e '.[tensorboard]', tensorboard --logdir results.",
            source="D",
        ),
    ]
    windows: Annotated[int, key("Of losses.csv (20 steps each) that it has to last.", source="D", ge=1)]
    critic_won_below: Annotated[
        float,
        key(
            "Mean of a critic's two terms: 0.25 to 0.34 where it wins (`hard`), 0.60 to 0.65 where it works (`demo`).",
            unit="nats",
            source="D",
        ),
    ]
    critic_lost_within: Annotated[
        float, key("Share of ln 2 that both terms stay within from the first window on.", source="D", ge=0)
    ]
    adversarial_above: Annotated[
        float, key("The critic gives the segmenter a chance of 1 in 20.", unit="nats", source="D")
    ]
    scarce_below: Annotated[float, key("Share of a class's share on the source.", source="D", ge=0)]


def _check_share(batch: int, processes: int) -> None:
    if batch % processes:
        raise ConfigError(
            f"expected a divisor of batch, {batch}, got {processes}; each takes an equal share of every batch",
            ("gpus",),
        )
