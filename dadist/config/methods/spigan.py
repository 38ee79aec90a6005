"""Keys of objectives.spigan.

Its authors released no code. R is what two public reimplementations agree on.
"""

from dataclasses import dataclass
from typing import Annotated

from dadist.config.methods import Objective, Requirements
from dadist.config.records import key

REQUIREMENTS = Requirements(source_depth=True)


@dataclass(frozen=True)
class Hyperparameters(Objective):
    """Weights of the objective, sizes and rates of the networks beside the segmenter."""

    realism: Annotated[
        float,
        key(
            "Weight of the least-squares adversarial term: the critic is to take translations for the target's images.",
            source="R",
            ge=0,
        ),
    ]
    task: Annotated[
        float, key("Weight of the cross-entropy, once on the image and once on its translation.", source="R", ge=0)
    ]
    privileged: Annotated[
        float,
        key("Weight of the depth, likewise; 0.0: SPIGAN-no-PI, without the privileged network.", source="R", ge=0),
    ]
    perceptual: Annotated[
        float,
        key("How far the translation may go; 0.0: as far as the other terms let it.", source="R", ge=0),
    ]
    depth_scale: Annotated[
        float,
        key(
            "Inverse depth is divided by this before it is compared, and is then 1 at most: z at 99 cm.",
            source="D; theirs is not known",
            gt=0,
        ),
    ]
    translator_width: Annotated[int, key("Channels of the translator's first layer.", source="R", ge=1)]
    translator_blocks: Annotated[
        int, key("Residual blocks of the translator.", source="the paper, recalled; R has 6", ge=0)
    ]
    companion_lr: Annotated[float, key("Rate of Adam for the translator and the privileged network.", source="R", ge=0)]
    beta: Annotated[
        float,
        key("The first of Adam's, for them and the critic.", source="one of R; 0.9 is Adam's own", ge=0, le=1),
    ]
    critic_lr: Annotated[float, key("Rate of the critic's Adam.", source="R", ge=0)]
    critic_scale: Annotated[float, key("Weight of the critic's terms.", source="R", ge=0)]
    critic_width: Annotated[int, key("Channels of the critic's first layer.", source="R", ge=1)]
