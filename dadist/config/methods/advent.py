"""Keys of objectives.advent."""

from dataclasses import dataclass
from typing import Annotated

from dadist.config.methods import Objective
from dadist.config.records import key


@dataclass(frozen=True)
class Hyperparameters(Objective):
    """Weights of the objective, and the critic."""

    segmentation_auxiliary: Annotated[
        float,
        key(
            "Weight of the second classifier's cross-entropy.",
            source="DADA's configuration of it for SYNTHIA: one level; 0.1 in ADVENT's own: two",
            ge=0,
        ),
    ]
    adversarial: Annotated[float, key("Weight of the adversarial term.", source="ADVENT's code, SYNTHIA", ge=0)]
    adversarial_auxiliary: Annotated[
        float,
        key(
            "The same for the second classifier's critic.",
            source="DADA's configuration, one level; 2.0e-4 in ADVENT's own",
            ge=0,
        ),
    ]
    critic_lr: Annotated[float, key("Rate of the critics' Adam.", source="ADVENT's code", ge=0)]
    critic_scale: Annotated[float, key("Weight of the critics' terms.", source="ADVENT's code halves them", ge=0)]
    critic_width: Annotated[
        int, key("Channels after the first of a critic's five convolutions.", source="ADVENT's code", ge=1)
    ]
