"""Keys of objectives.daformer.

Its protocol: batch 2, crop [512, 512], source 1280x760, target 1024x512, 40000 iterations, weights of ImageNet, AdamW.
"""

from dataclasses import dataclass
from typing import Annotated

from dadist.config.methods import self_training
from dadist.config.records import key

REQUIREMENTS = self_training.REQUIREMENTS


@dataclass(frozen=True)
class Hyperparameters(self_training.Hyperparameters):
    """What keeps the features of things near those that the network started with."""

    feature_distance: Annotated[
        float,
        key(
            "Weight of the distance between the source's features of things and those of the start; 0.0: none.",
            source="DAFormer's code",
            ge=0,
        ),
    ]
    feature_share: Annotated[
        float,
        key(
            "Least share of one class of things in a cell for the cell to count.",
            source="DAFormer's code",
            gt=0.5,
            le=1,
        ),
    ]
