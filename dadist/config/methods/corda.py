"""Keys of objectives.corda.

Its protocol: batch 2, crop [512, 512], source 1280x720, target 1024x512, 250000 iterations, weights of COCO.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from dadist.config.methods import Objective, Requirements
from dadist.config.records import key

REQUIREMENTS = Requirements(source_depth=True, target_depth=("target_depth",), same_size=True)


@dataclass(frozen=True)
class Hyperparameters(Objective):
    """Weights of the objective, the teacher, and what is done to mixed images."""

    depth: Annotated[float, key("Weight of the source's depth.", source="CorDA's code", ge=0)]
    target_depth: Annotated[
        float,
        key(
            "Weight of the depth of mixed images; 0.0: do without, where the target has no depth files.",
            source="CorDA's code",
            ge=0,
        ),
    ]
    far_depth: Annotated[
        Literal["ignore", "keep"],
        key("ignore: what is as far as a file can say is left out; keep: as DADA.", source="CorDA's code"),
    ]
    confidence: Annotated[
        float,
        key(
            "Of the target's pixels, the share that the teacher is so sure of weighs them all.",
            source="CorDA's code",
            ge=0,
            le=1,
        ),
    ]
    teacher: Annotated[
        float, key("The most that the teacher keeps of itself in a step.", source="CorDA's code", ge=0, le=1)
    ]
    jitter: Annotated[float, key("Of brightness, contrast, saturation and hue.", source="CorDA's code", ge=0, le=0.5)]
    jitter_share: Annotated[float, key("Of the mixed images.", source="CorDA's code", ge=0, le=1)]
    blur_least: Annotated[
        float, key("Least standard deviation of a Gaussian.", unit="pixels", source="CorDA's code", gt=0)
    ]
    blur_most: Annotated[float, key("Greatest.", unit="pixels", source="CorDA's code", gt=0)]
    blur_share: Annotated[float, key("Of the mixed images.", source="CorDA's code", ge=0, le=1)]
