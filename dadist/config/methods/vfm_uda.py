"""Keys of objectives.vfm_uda. Its protocol is mic's on a network with weights of a foundation model, by AdamW."""

from dataclasses import dataclass
from typing import Annotated

from dadist.config.methods import mic
from dadist.config.records import key

REQUIREMENTS = mic.REQUIREMENTS


@dataclass(frozen=True)
class Hyperparameters(mic.Masking):
    """How features are kept like those of the start."""

    distillation: Annotated[
        float,
        key(
            "Weight of how unlike the start's the features are, in each domain; 0.0: none, as in VFM-UDA. VFM-UDA++ "
            "has a second foundation model in place of the start.",
            source="VFM-UDA++'s code",
            ge=0,
        ),
    ]
    distillation_cosine: Annotated[
        float,
        key("Share of the cosine in it; the rest is smooth-L1.", source="VFM-UDA++'s code", ge=0, le=1),
    ]
