"""Keys of objectives.adaptpatch.

Patented: US 11,604,943 B2 (NEC). Its authors released no code: "recalled" is the paper as remembered.
"""

from dataclasses import dataclass
from typing import Annotated

from dadist.config.methods import Objective, Requirements
from dadist.config.records import key

REQUIREMENTS = Requirements(artefacts=("patches",))


@dataclass(frozen=True)
class Hyperparameters(Objective):
    """Weights of the objective, the head's width, and when the adversarial terms begin."""

    kinds: Annotated[
        float,
        key(
            "Weight of the cross-entropy of the kinds that a source image's patches are of (cluster_patches).",
            source="recalled",
            ge=0,
        ),
    ]
    adversarial_patch: Annotated[float, key("Weight of the patches' adversarial term.", source="recalled", ge=0)]
    adversarial: Annotated[
        float,
        key(
            "Weight of the whole map's adversarial term.",
            source="recalled, not surely: one of AdaptSegNet's weights; the other is 0.001",
            ge=0,
        ),
    ]
    source_only: Annotated[
        int,
        key(
            "The first so many steps see the source alone, and train neither critic nor head.",
            unit="iterations",
            source="recalled",
            ge=0,
        ),
    ]
    head_width: Annotated[
        int, key("Channels between the two 1x1 convolutions that name the kind of a patch.", source="D", ge=1)
    ]
    critic_lr: Annotated[float, key("Rate of the critics' Adam.", source="AdaptSegNet's code", ge=0)]
    critic_scale: Annotated[float, key("Weight of the critics' terms.", source="AdaptSegNet's code", ge=0)]
    critic_width: Annotated[
        int,
        key(
            "Of the critic on the whole map; the one on patches has 256 and 512 channels (recalled).",
            source="AdaptSegNet's code",
            ge=1,
        ),
    ]
