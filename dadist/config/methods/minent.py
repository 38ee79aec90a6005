"""Keys of objectives.minent."""

from dataclasses import dataclass
from typing import Annotated

from dadist.config.methods import Objective
from dadist.config.records import key


@dataclass(frozen=True)
class Hyperparameters(Objective):
    """Weights of the objective."""

    segmentation_auxiliary: Annotated[
        float,
        key(
            "Weight of the second classifier's cross-entropy; one level: 0.0 here and for entropy_auxiliary.",
            source="ADVENT's code, whose MinEnt has two levels only",
            ge=0,
        ),
    ]
    entropy: Annotated[float, key("Weight of the target's entropy.", source="ADVENT's code", ge=0)]
    entropy_auxiliary: Annotated[float, key("The same, of the second classifier.", source="ADVENT's code", ge=0)]
