"""The sections of the rules that make the prior and put it to use.

Sources of the defaults: as in sections.py.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from dadist.config.records import LARGEST_SEED, ConfigError, Distinct, Record, key

UNWEIGHED = "none"  # what a table says where the prior has no say


Place = Annotated[float, key("A weight.", ge=0)] | Literal["found"]


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
        Distinct(),
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
    seed: Annotated[
        int,
        key("Of the draw.", source="C, of its trainings; that of its fit is not known", ge=0, le=LARGEST_SEED),
    ]


@dataclass(frozen=True)
class Camera(Record):
    """A pinhole that looks along the street; lengths in heights of the photograph, from its upper left corner."""

    focal: Annotated[float, key("Focal length, 1 for a field of view of 53 degrees from top to bottom.", gt=0)]
    horizon: Annotated[float, key("Row of the horizon, from the top.")]
    centre: Annotated[
        float | None, key("Column of the principal point, from the left; null: the middle.", source="D")
    ] = None


@dataclass(frozen=True)
class AlignDepth(Record):
    """The search for the camera of the target, and for scale and noise of its depth files."""

    camera: Annotated[
        Literal["given", "found"],
        key(
            "given: that of the domains, where source and target both have one, or else one for both; found: the "
            "target's focal length and horizon by likelihood.",
            source="D",
        ),
    ]
    images: Annotated[int, key("Training images of the target that are looked at.", source="D", ge=1)]
    cells: Annotated[
        int, key("Cells of the grid, drawn from all of these; seconds on one core.", source="D", ge=2, le=1_000_000)
    ]
    seed: Annotated[int, key("Of the draw.", source="D", ge=0, le=LARGEST_SEED)]


@dataclass(frozen=True)
class WeighPrior(Record):
    """The rows of results/{setting}/prior.csv: each model with the prior in several weights. On demand."""

    weights: Annotated[
        tuple[tuple[Annotated[float, key("Of depth.", ge=0)], Place], ...],
        key("Pairs of depth and place, as in `prior`; 0, 0: the network alone.", source="D", min_length=1),
        Distinct(),
    ]


@dataclass(frozen=True)
class DrawPrior(Record):
    """The pictures of what the prior changes: results/{setting}/prior/figures. On demand, or on the page of a setting
    whose `prior` weighs depth."""

    weights: Annotated[
        tuple[float, float],
        key("Depth and place, as in `prior`; taken where that does not weigh depth.", source="D"),
    ]
    images: Annotated[int, key("Target images that are shown; all are counted.", source="D", ge=1)]
    column: Annotated[
        float, key("Column of the chart of depth given the place, as a share of the width.", source="D", ge=0, le=1)
    ]

    def __post_init__(self) -> None:
        if min(self.weights) < 0:
            raise ConfigError(f"expected weights of 0 or more, got {list(self.weights)}", ("weights",))


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
class Prior(Record):
    """What the mixtures say of a label: log p_c(z | x, y) and log p_c(x, y) beside the network's log-probability."""

    depth: Annotated[
        float,
        key(
            "Weight of the depth given the place; 0: it has no say, 1 is Bayes.",
            source="D",
            ge=0,
        ),
    ]
    place: Annotated[
        Place,
        key(
            "Weight of the place, which a network knows already where it is good; 0: it has no say; found: how unsure "
            "the network is, which align_depth measures.",
            source="D: 0.5 beside a depth of 1, or found",
        ),
    ]
    noise: Annotated[
        tuple[float, float] | None,
        key(
            "Standard deviation of the target's z beside the mixtures': s0 + s1 z, s0 for z = 10 / m; null: as "
            "align_depth finds it.",
            source="D: chosen among four by the labels of one drive of CamVid, with two models; [0, 0] is true depth",
        ),
    ]
    floor: Annotated[float, key("Least of either term.", unit="nats", source="D", le=0)]
    use: Annotated[
        Literal["labels", "doubt"],
        key("labels: the fused class; doubt: the network's, as sure as the fused posterior leaves it.", source="D"),
    ]

    depth_from: Annotated[
        Literal["files", "head"],
        key(
            "files: the target's depth files; head: the network's own depth head, which has seen no depth of the "
            "target. A network without such a head has the place's term alone.",
            source="D; P asks the head",
        ),
    ]

    def __post_init__(self) -> None:
        if self.noise is not None and min(self.noise) < 0:
            raise ConfigError(f"expected 0 or more, got {list(self.noise)}", ("noise",))
        if self.noise is None and self.depth_from == "head":
            raise ConfigError(
                "expected two numbers, as align_depth finds the noise of depth files alone, got null", ("noise",)
            )

    @property
    def asked(self) -> bool:
        """Whether the prior has any say."""
        return self.depth > 0 or self.place != 0

    @property
    def measured(self) -> bool:
        """Whether it asks the target's depth files."""
        return self.depth > 0 and self.depth_from == "files"

    @property
    def label(self) -> str:
        """The weights, as a table says them."""
        place = self.place if isinstance(self.place, str) else f"{self.place:g}"
        of = " of the head" if self.depth > 0 and self.depth_from == "head" else ""
        return f"depth{of} {self.depth:g}, place {place}" if self.asked else UNWEIGHED


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
    seed: Annotated[int, key("Of the draw and of k-means.", source="D", ge=0, le=LARGEST_SEED)]

    def __post_init__(self) -> None:
        for name, value in (("source", self.source), ("target", self.target)):
            if min(value) < 1:
                raise ConfigError(f"expected at least 1, got {list(value)}", (name,))
