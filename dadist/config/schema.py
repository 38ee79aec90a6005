"""The keys of a study that belong to no single rule: domains, class sets, renderings, settings.

sections.py has those of one rule each, methods/ those of one method each. load.py reads the files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from dadist.classes import ClassSet
from dadist.config.depth_sections import DepthNetwork
from dadist.config.methods import ByMethod, Objective
from dadist.config.prior_sections import (
    AlignDepth,
    Camera,
    ClusterPatches,
    CompareComponents,
    DrawPrior,
    FitGmm,
    Prior,
    WeighPrior,
)
from dadist.config.records import LARGEST_SEED, ConfigError, Distinct, Record, key
from dadist.config.sections import Draw, DrawFigures, Embed, Evaluate, Monitor, Prepare, WritePage
from dadist.config.training_sections import Adapt, PseudoLabel, RefineLabels, SelfTraining

LARGEST = 65535  # pixels, of a side of an image: what a JPEG can have
Share = Annotated[float, key("0 is the source's range, 1 the far end", ge=0, le=1)]


@dataclass(frozen=True)
class Appearance(Record):
    """The gap between a rendered domain and the source: one number per cause, from 0 (the source's ranges) to 1."""

    palette: Annotated[Share, key("Colours and contrast of textures: the largest part of the gap.")] = 0.0
    haze: Annotated[Share, key("Haze, which grows with depth.")] = 0.0
    light: Annotated[Share, key("Exposure, colour temperature, shadows.")] = 0.0
    noise: Annotated[Share, key("Sensor noise, blur, vignette.")] = 0.0
    camera: Annotated[
        Share, key("Height, horizon and focal length; at 1 a Cityscapes-like camera outside the source's ranges.")
    ] = 0.0
    statistics: Annotated[Share, key("How many of what, and the street's width.")] = 0.0
    bonnet: Annotated[bool, key("The own car's bonnet at the bottom of the image, unlabelled.")] = False
    variety: Annotated[
        Share,
        key(
            "How far houses, trees, vehicles, people, weather, materials and cameras go beyond the simple streets of "
            "the demo. A source for photographs wants all of it."
        ),
    ] = 0.0


SOURCE_APPEARANCE = Appearance()


@dataclass(frozen=True)
class Render(Record):
    """How many street scenes to render, and how."""

    seed: Annotated[int, key("Of the streets.", source="D", ge=0, le=LARGEST_SEED)]
    width: Annotated[int, key("Of the images.", unit="pixels", source="D: small enough for a laptop", ge=1, le=LARGEST)]
    height: Annotated[
        int, key("Of the images.", unit="pixels", source="D: large enough for a traffic light", ge=1, le=LARGEST)
    ]
    source: Annotated[int, key("Images of the source, with labels and depth.", source="D", ge=0)]
    train: Annotated[int, key("Images of the target, without labels.", source="D", ge=0)]
    val: Annotated[int, key("Images of the target to validate on, with labels and depth.", source="D", ge=0)]
    appearance: Annotated[Appearance, key("Of the target.", source="D")] = SOURCE_APPEARANCE
    source_appearance: Annotated[
        Appearance | None, key("Of the source; null: 0 everywhere. With the target's it shows what labels would bring.")
    ] = None


@dataclass(frozen=True)
class Domain(Record):
    """A data set on disk. A reader has keys of its own beside these (docs/own_data.md)."""

    dataset: Annotated[str, key("Its reader: synthia, cityscapes, mapillary, folder.")]
    root: Annotated[str, key("Its folder; a relative path starts at data_root, one below results/ is rendered.")]
    depth: Annotated[bool, key("Whether its depth is read where it has labels.")]
    unlabelled_depth: Annotated[
        bool, key("Whether images without labels have depth files too; read by methods that learn from them.")
    ] = False
    lists: Annotated[
        dict[str, str], key("Per split a text file with one image name per line: these images, in this order.")
    ] = field(default_factory=dict)
    skip_bad: Annotated[
        bool, key("Whether images with a file that cannot be read are left out, and named; or all stops.", source="D")
    ] = False
    camera: Annotated[
        Camera | Literal["files"] | None,
        key("Its camera, for a prior whose source and target have unlike ones; files: that of its camera files."),
    ] = None
    depth_network: Annotated[
        str | None,
        key("A name in depth_networks: estimate_depth makes its depth files, in place of the reader's; null: none."),
    ] = None
    options: Annotated[dict[str, Any], key("The reader's own keys.")] = field(default_factory=dict)
    network: DepthNetwork | None = None  # no key: the section that depth_network names

    @property
    def relative(self) -> bool:
        """Whether its depth has no unit."""
        kind = self.options.get("depth_kind") if self.network is None else self.network.kind
        return kind == "relative"


@dataclass(frozen=True)
class View(Record):
    """A domain at the size it is worked on."""

    domain: Annotated[str, key("A name in domains.")]
    width: Annotated[int, key("Of the images in the network.", unit="pixels", ge=1, le=LARGEST)]
    height: Annotated[int, key("Of the images in the network.", unit="pixels", ge=1, le=LARGEST)]
    fit: Annotated[
        Literal["stretch", "pad"], key("pad: the aspect ratio stays, the right and the bottom are filled up.")
    ]


@dataclass(frozen=True)
class SourceView(View):
    """A source, and those that are drawn from beside it, all at one size."""

    beside: Annotated[
        dict[str, Annotated[float, key("Images of it for one of `domain`.", gt=0)]],
        key("More sources: a name in domains, and how many of its images are drawn for one of `domain`."),
    ] = field(default_factory=dict)

    @property
    def weights(self) -> dict[str, float]:
        """All of its domains, the first first, and how many images of each are drawn for one of the first."""
        return {self.domain: 1.0, **self.beside}


@dataclass(frozen=True)
class Setting(Record):
    """A pair of domains, a class set, and every number of its study.

    ``protocol`` is no key: "paper" for a method as it was published, "unified" for all else.
    """

    seeds: Annotated[
        tuple[Annotated[int, key("A seed.", ge=0, le=LARGEST_SEED)], ...],
        key("Of the training; each adds rows to the table.", source="D", min_length=1),
        Distinct(),
    ]
    methods: Annotated[
        tuple[str, ...],
        key("Rows of the table; source_only and adabn are in every one.", source="D", min_length=1),
        Distinct(),
    ]
    protocol: Literal["unified", "paper"]
    published: Annotated[
        dict[str, tuple[str, ...] | None],
        key("Per method the presets that it was published with, laid over the setting for paper.csv; null: none."),
    ]
    classes: Annotated[ClassSet, key('A class set: "16", "13", "7", "19", or one of class_sets.')]
    source: Annotated[SourceView, key("Synthetic images with labels, and depth for methods that learn from it.")]
    target: Annotated[View, key("Photographs without labels.")]
    grid: Annotated[
        tuple[int, int] | None,
        key(
            "Columns and rows of the network's features, which the mixtures live on; null: what the backbone gives.",
            unit="cells",
            source="D",
        ),
    ]
    inverse_depth: Annotated[
        float, key("Numerator: z = inverse_depth / (depth in cm + 1).", unit="cm", source="C, as DADA", ge=1)
    ]
    start: Annotated[
        str,
        key(
            "Where weights come from: random; a method; a file, ours or a published one; pretrained: those of the "
            "backbone's own package (pip install 'dadist[pretrained]')."
        ),
    ]
    prepare: Prepare
    fit_gmm: FitGmm
    prior: Prior
    align_depth: AlignDepth
    weigh_prior: WeighPrior
    draw_prior: DrawPrior
    compare_components: CompareComponents
    cluster_patches: ClusterPatches
    adapt: Adapt
    objectives: Annotated[dict[str, Objective], ByMethod(), key("One section per method.")]
    pseudo_label: PseudoLabel
    refine_labels: RefineLabels
    selftrain: SelfTraining
    evaluate: Evaluate
    draw: Draw
    embed: Embed
    draw_figures: DrawFigures
    write_page: WritePage

    def __post_init__(self) -> None:
        training = self.selftrain.training
        lengths = [one.iterations for one in self.objectives.values() if one.iterations is not None]
        for path, end, iterations in (
            (("adapt", "optimiser"), self.adapt.optimiser.poly_iterations, [self.adapt.iterations, *lengths]),
            (("selftrain", "training", "optimiser"), training.optimiser.poly_iterations, self.selftrain.rounds),
        ):
            if end is not None and end < max(iterations, default=0):
                raise ConfigError(
                    f"expected at least {max(iterations)}, the longest training, got {end}; set it so, or to null",
                    (*path, "poly_iterations"),
                )

    @property
    def cells(self) -> tuple[int, int]:
        """The grid, which load.py has settled."""
        assert self.grid is not None
        return self.grid


@dataclass(frozen=True)
class Ablation(Record):
    """What results/{setting}/ablation.csv has beside the setting's own rows."""

    method: Annotated[str, key("The method that is varied.", source="D")]
    variants: Annotated[
        tuple[str, ...], key("Presets, each laid over the setting for rows of its own.", source="D"), Distinct()
    ]


@dataclass(frozen=True)
class Study:
    """All of the configuration, merged and checked."""

    render: dict[str, Render]
    data_root: str  # folder that relative paths of data sets and weights start from
    depth_networks: dict[str, DepthNetwork]
    domains: dict[str, Domain]
    ablation: Ablation
    monitor: Monitor
    settings: Mapping[str, Setting]  # variants too: load.py says which
