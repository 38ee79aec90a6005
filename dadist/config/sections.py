"""The sections of the rules that make data, metrics and pictures, and that of the monitor.

prior_sections.py has those of the prior, training_sections.py those of the rules that train and label.

Sources of the defaults: P, Wu & Liu, NeurIPS 2022, paper and poster; C, its authors' code where the paper is silent or
differs; D, this project's choice.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from dadist.config.records import LARGEST_SEED, Distinct, Record, key


@dataclass(frozen=True)
class Prepare(Record):
    """What to keep of a data set."""

    images: Annotated[int, key("At most so many per split, in the order of their names; 0: all.", source="D", ge=0)]


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
    methods: Annotated[tuple[str, ...], key("Whose predictions are shown.", source="D"), Distinct()]
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
    seed: Annotated[int, key("Of the sample and of t-SNE.", source="D", ge=0, le=LARGEST_SEED)]


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
        key(
            "Most that a picture on it has, a cell of a grid half of that: the page stays below 10 MB.",
            unit="pixels",
            source="D",
            ge=100,
            le=4000,
        ),
    ]


@dataclass(frozen=True)
class Monitor(Record):
    """What is told while a training runs, and what is worth a warning. Editing it trains nothing."""

    tensorboard: Annotated[
        bool,
        key(
            "Event files beside each model: pip install 'dadist[tensorboard]', tensorboard --logdir results.",
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
    flooded_above: Annotated[
        float,
        key(
            "Times of a class's share on the source, of a class that has a tenth of the labels or more. Towns differ "
            "by two or three: a pavement may be narrow or wide.",
            source="D",
            ge=1,
        ),
    ]
    halt: Annotated[
        tuple[Literal["class_vanished", "class_scarce", "class_flooded"], ...],
        key("Alarms of a round's labels that end the study in place of training on them.", source="D"),
    ]
