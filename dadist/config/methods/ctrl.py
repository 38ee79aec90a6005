"""Keys of objectives.ctrl.

Its second stage, iterative self-learning, is the target alone, labelled anew every 10000 iterations by confidence:
selftrain: {methods: [ctrl], rounds: [10000, 10000], training: {recipe: plain}}, pseudo_label: {confidence: 0.9},
refine_labels: {enabled: false}; with 7 classes rounds [5000], of Mapillary [10000].
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from dadist.config.methods import Objective, Requirements
from dadist.config.records import key

REQUIREMENTS = Requirements(source_depth=True)


@dataclass(frozen=True)
class Hyperparameters(Objective):
    """Weights of the objective, and the bins of the depth. Its code trains 55000, 45000 or 20000 of 90000 steps."""

    refined: Annotated[
        float, key("Weight of the second segmentation.", source="CTRL's code: as much as the first", ge=0)
    ]
    depth: Annotated[float, key("Weight of the source's depth.", source="CTRL's code", ge=0)]
    adversarial: Annotated[float, key("Weight of the adversarial term.", source="CTRL's code", ge=0)]
    critic_lr: Annotated[float, key("Rate of the critic's Adam.", source="CTRL's code", ge=0)]
    critic_scale: Annotated[float, key("Weight of the critic's terms.", source="CTRL's code", ge=0)]
    critic_width: Annotated[
        int, key("Channels after the first of the critic's five convolutions.", source="CTRL's code", ge=1)
    ]
    bins: Annotated[int, key("Bins of the depth.", source="CTRL's code", ge=2)]
    spacing: Annotated[
        Literal["sid", "paper"],
        key(
            "sid: edges 1, 2, 3, 4, 6, ... 426 m; paper: geometric middles 1.24, 1.91, ... 528 m.", source="CTRL's code"
        ),
    ]
    sigma: Annotated[
        float,
        key(
            "Width of a bin's share, of z = 65536 / (cm + 1); nearer than about 75 m the bins are then one-hot.",
            source="CTRL's code",
            gt=0,
        ),
    ]
