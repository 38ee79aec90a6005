"""The typed sections of config.yaml.

The top level of config.yaml holds the defaults of every section; a setting overrides any of them key by key, and may
start from another setting by ``like``. study.py reads and checks it.
"""

from dataclasses import dataclass, fields
from typing import Any, Literal

from dadist.classes import ClassSet
from dadist.config.parsing import ConfigError

Scalar = bool | int | float | str | None


@dataclass(frozen=True)
class Appearance:
    """The gap between a rendered domain and the source, one number per cause; each 0 (the source's ranges) to 1."""

    palette: float  # colours and contrast of textures: the largest part of the gap
    haze: float  # grows with depth
    light: float  # exposure, colour temperature, shadows
    noise: float  # sensor noise, blur, vignette
    camera: float  # height, horizon and focal length; at 1 a Cityscapes-like camera outside the source's ranges
    statistics: float  # how many of what, and the street's width
    bonnet: bool  # the own car's bonnet at the bottom of the image, unlabelled

    def __post_init__(self) -> None:
        for cause in fields(self):
            value = getattr(self, cause.name)
            if cause.name != "bonnet" and not 0 <= value <= 1:
                raise ConfigError(f"appearance.{cause.name}: expected 0 to 1, got {value}; 0 is that of the source")


SOURCE_APPEARANCE = Appearance(palette=0.0, haze=0.0, light=0.0, noise=0.0, camera=0.0, statistics=0.0, bonnet=False)


@dataclass(frozen=True)
class Render:
    """How many street scenes to render, and how."""

    seed: int
    width: int  # pixels
    height: int  # pixels
    source: int  # images
    train: int  # images of the target without labels
    val: int  # images of the target with labels
    appearance: Appearance  # of the target; the source has every hyperparameter at 0


@dataclass(frozen=True)
class Domain:
    """A data set on disk."""

    dataset: str  # its reader, a name in DATASETS
    root: str  # folder
    depth: bool  # whether to read its depth where it has labels
    unlabelled_depth: bool  # whether there is depth where it has none, for methods that learn from the target's
    lists: dict[str, str]  # split → text file with a name a line, for another choice than the folder's
    options: dict[str, Any]  # the reader's own keys, as its `Options` takes them


@dataclass(frozen=True)
class View:
    """A domain at the size it is worked on."""

    domain: str  # name in domains
    width: int  # pixels
    height: int  # pixels
    fit: Literal["stretch", "pad"]  # pad: the aspect ratio stays, the right and the bottom are filled up


@dataclass(frozen=True)
class Prepare:
    """What to keep of a data set."""

    images: int  # at most so many a split, in the order of their names; 0 = all


@dataclass(frozen=True)
class FitGmm:
    """The mixture of each class over (x, y, inverse depth), or some of these."""

    components: int
    covariance: Literal["diag", "full"]
    features: tuple[Literal["x", "y", "z"], ...]
    coordinates: Literal["cells", "height"]
    points: int  # cells drawn per class; 0: all
    reg_covar: float
    z_floor: float | None  # least standard deviation of z
    held_out: float  # share
    zero_depth: Literal["keep", "ignore"]
    nearest_m: float
    seed: int

    def __post_init__(self) -> None:
        if not self.features or len(set(self.features)) < len(self.features):
            raise ConfigError(f"fit_gmm.features: expected one or more of x, y, z, each once, got {self.features}")
        if self.z_floor is not None and self.z_floor < 0:
            raise ConfigError(f"fit_gmm.z_floor: expected at least 0, got {self.z_floor}; null is no floor")


@dataclass(frozen=True)
class CompareComponents:
    """How `compare_components` differs from `fit_gmm`."""

    components: tuple[int, ...]  # rising
    points: int  # cells drawn per class; 0: all
    held_out: float  # share

    def __post_init__(self) -> None:
        if not self.components or list(self.components) != sorted({*self.components}) or self.components[0] < 1:
            raise ConfigError(
                f"compare_components.components: expected rising numbers from 1 on, got {list(self.components)}"
            )


@dataclass(frozen=True)
class ClusterPatches:
    """The typical label patches of the source, for adaptpatch."""

    clusters: int
    source: tuple[int, int]  # patches across and down an image
    target: tuple[int, int]
    images: int  # that the patches are taken from; 0: all
    batch: int  # patches a step of k-means
    seed: int


@dataclass(frozen=True)
class Network:
    """The segmenter."""

    backbone: str  # name in BACKBONES
    bn: Literal["paper", "frozen", "train"]
    rates: tuple[int, ...]  # dilations of the ASPP
    pixels: Literal["caffe", "imagenet", "lite"]


@dataclass(frozen=True)
class Optimiser:
    """Optimiser and polynomial decay of one training."""

    name: Literal["sgd", "adamw"]
    lr: float
    momentum: float  # of SGD; the first beta of AdamW
    weight_decay: float
    head_lr_mult: float
    power: float
    poly_iterations: int | None  # where the decay reaches 0; None: at the last iteration
    warm_up: int  # iterations


@dataclass(frozen=True)
class Adapt:
    """What every method's training shares."""

    iterations: int
    batch: int  # images per domain
    crop: tuple[int, int] | None  # (width, height) in pixels of what is cut out of each image; None: all of it
    gpus: int  # processes that share each batch
    sync_bn: bool  # of several processes
    flip: bool
    class_weight_power: float
    class_weight_cap: float | None
    zero_depth: Literal["keep", "ignore"]
    statistics_images: int
    precision: Literal["float32", "bfloat16"]
    deterministic: bool  # on a GPU; a CPU always is
    network: Network
    optimiser: Optimiser


@dataclass(frozen=True)
class Objective:
    """A method's section: what every method has, and its own hyperparameters."""

    start: str | None  # weights to begin with: None = the setting's; or as there
    iterations: int | None  # None: adapt.iterations
    statistics: Literal["running", "target"]
    hyperparameters: dict[str, Scalar]


@dataclass(frozen=True)
class PseudoLabel:
    """Which target pixels get a label."""

    images: int  # the first so many of the training split; 0 = all
    confidence: float
    batch: int


@dataclass(frozen=True)
class RefineLabels:
    """The spatial prior of Algorithm 1."""

    enabled: bool
    base: float
    span: float
    unit: Literal["pixels", "image"]
    floor: float  # pixels


@dataclass(frozen=True)
class Jitter:
    """Colour changes of the class_mix recipe, as torchvision's ColorJitter takes them."""

    brightness: float
    contrast: float
    saturation: float
    hue: float


@dataclass(frozen=True)
class RoundTraining:
    """What every round shares."""

    recipe: Literal["plain", "class_mix"]
    batch: int
    gpus: int  # as Adapt's
    sync_bn: bool
    flip: bool
    statistics: Literal["running", "target"]
    statistics_images: int
    deterministic: bool  # on a GPU; a CPU always is
    teacher: float
    jitter: Jitter
    precision: Literal["float32", "bfloat16"]
    optimiser: Optimiser


@dataclass(frozen=True)
class SelfTraining:
    """The rounds Q1, Q2, … of self-training."""

    methods: tuple[str, ...]
    rounds: tuple[int, ...]  # iterations of q1, q2, …
    training: RoundTraining


@dataclass(frozen=True)
class Evaluate:
    """How predictions are made for the metric."""

    labels: Literal["native", "working"]  # the size that predictions and labels are compared at
    depth_cap_m: float  # farther depth is not compared
    batch: int


@dataclass(frozen=True)
class Draw:
    """The qualitative panel."""

    images: int
    scale: int
    methods: tuple[str, ...]


@dataclass(frozen=True)
class Embed:
    """Pixels of both domains in the joint spaces of Table 4, brought to the plane."""

    method: str  # whose first round's network is looked into
    images: int  # of each domain
    points: int  # of each domain, shared out among the classes
    perplexity: float
    seed: int


@dataclass(frozen=True)
class DrawFigures:
    """The charts."""

    images: int  # with pseudo-labels before and after refinement
    dpi: int  # of the PNGs


@dataclass(frozen=True)
class WritePage:
    """The page."""

    width: int  # pixels that a picture on it has at most


@dataclass(frozen=True)
class Monitor:
    """What whoever waits sees, and when losses or labels are worth a warning; changes no result."""

    tensorboard: bool
    windows: int  # of losses.csv on end
    critic_won_below: float  # nats
    critic_lost_within: float  # share of ln 2
    adversarial_above: float  # nats
    scarce_below: float  # of the source's share


@dataclass(frozen=True)
class Setting:
    """A pair of domains, a class set, and every number of its study."""

    seeds: tuple[int, ...]
    methods: tuple[str, ...]
    protocol: Literal["unified", "paper"]  # one for all methods of the setting, or a method's own; study.py says which
    papers: dict[str, dict[str, Any] | None]  # method → its own protocol, laid over the setting
    classes: ClassSet
    source: View
    target: View
    grid: tuple[int, int]  # feature grid (width, height) in cells
    inverse_depth: float
    start: str  # random, pretrained (weights of the backbone's own package), a method's name, or a file of weights
    prepare: Prepare
    fit_gmm: FitGmm
    compare_components: CompareComponents
    cluster_patches: ClusterPatches
    adapt: Adapt
    objectives: dict[str, Objective]
    pseudo_label: PseudoLabel
    refine_labels: RefineLabels
    selftrain: SelfTraining
    evaluate: Evaluate
    draw: Draw
    embed: Embed
    draw_figures: DrawFigures
    write_page: WritePage


@dataclass(frozen=True)
class Ablation:
    """Variants of a setting, of one method, for results/{setting}/ablation.csv."""

    method: str
    variants: dict[str, dict[str, Any]]  # name → what it lays over the setting


@dataclass(frozen=True)
class Study:
    """The whole of config.yaml."""

    render: dict[str, Render]
    data_root: str  # folder that relative paths of data sets and weights start from
    domains: dict[str, Domain]
    ablation: Ablation
    monitor: Monitor
    settings: dict[str, Setting]
