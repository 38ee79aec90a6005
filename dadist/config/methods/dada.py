"""Keys of objectives.dada."""

from dataclasses import dataclass
from typing import Annotated

from dadist.config.methods import Objective, Requirements
from dadist.config.records import key

REQUIREMENTS = Requirements(source_depth=True)


@dataclass(frozen=True)
class Hyperparameters(Objective):
    """Weights of the objective, and the critic."""

    depth: Annotated[float, key("Weight of the source's depth.", source="DADA's code", ge=0)]
    adversarial: Annotated[float, key("Weight of the adversarial term.", source="DADA's code", ge=0)]
    critic_lr: Annotated[float, key("Rate of the critic's Adam.", source="DADA's code", ge=0)]
    critic_scale: Annotated[float, key("Weight of the critic's terms.", source="DADA's code", ge=0)]
    critic_width: Annotated[
        int, key("Channels after the first of the critic's five convolutions.", source="DADA's code", ge=1)
    ]
