"""Keys of objectives.clan."""

from dataclasses import dataclass
from typing import Annotated

from dadist.config.methods import Objective
from dadist.config.records import key


@dataclass(frozen=True)
class Hyperparameters(Objective):
    """Weights of the objective, and how images are rescaled."""

    adversarial: Annotated[
        float,
        key("Weight of the adversarial term; falls to 0 at the end of the rates' decay.", source="its code", ge=0),
    ]
    agreed: Annotated[
        float,
        key(
            "What a pixel counts in the adversarial loss that both classifiers say the same of.",
            source="its code",
            ge=0,
        ),
    ]
    disagreed: Annotated[
        float,
        key("What it counts on top, times 1 - cos(P1, P2).", source="its code for SYNTHIA (40.0 for GTA5)", ge=0),
    ]
    detached: Annotated[
        bool,
        key(
            "true: the pixel's weight is a constant; false: it carries a gradient to the segmenter.", source="its code"
        ),
    ]
    unweighted: Annotated[
        float,
        key("Share of the decay at its beginning, in which every pixel counts 1.", source="its code", ge=0, le=1),
    ]
    discrepancy: Annotated[float, key("Weight of 2 (cos(w1, w2) + 1); falls to 0 too.", source="its code", ge=0)]
    gamma: Annotated[float, key("Of the focal loss; 0.0: cross-entropy, as its paper has it.", source="its code", ge=0)]
    shrink: Annotated[float, key("Size of images, not labels, that are made smaller.", source="its code", gt=0)]
    shrink_share: Annotated[float, key("In this share of the batches; 0.0: never.", source="its code", ge=0, le=1)]
    enlarge: Annotated[float, key("Size of images, not labels, that are made larger.", source="its code", gt=0)]
    enlarge_share: Annotated[float, key("In this share of the batches; 0.0: never.", source="its code", ge=0, le=1)]
    critic_lr: Annotated[float, key("Rate of the critic's Adam.", source="its code", ge=0)]
    critic_scale: Annotated[float, key("Weight of the critic's terms.", source="its code", ge=0)]
    critic_width: Annotated[
        int, key("Channels after the first of the critic's five convolutions.", source="its code", ge=1)
    ]
