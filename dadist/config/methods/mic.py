"""Keys of objectives.mic. Its protocol is daformer's, or at twice the resolution with crops of 1024 pixels."""

from dataclasses import dataclass
from typing import Annotated

from dadist.config.methods import daformer, self_training
from dadist.config.records import key

REQUIREMENTS = daformer.REQUIREMENTS


@dataclass(frozen=True)
class Masking(self_training.Hyperparameters):
    """What is hidden of the target, for the student to complete."""

    masked: Annotated[
        float, key("Weight of what the student says of masked images; 0.0: none.", source="MIC's code", ge=0)
    ]
    mask_ratio: Annotated[float, key("Share of the blocks that are hidden.", source="MIC's code", ge=0, le=1)]
    mask_block: Annotated[
        float,
        key(
            "Side of a block, as a share of the image's shorter side: 64 pixels of 1024 in MIC, 32 of 512.",
            source="MIC's code",
            gt=0,
            le=1,
        ),
    ]


@dataclass(frozen=True)
class Hyperparameters(Masking, daformer.Hyperparameters):
    """Those of daformer, and what is hidden."""
