"""Keys of objectives.adaptsegnet.

Variants of its code:                   segmentation_auxiliary  adversarial_auxiliary  adversarial  adversarial_loss
  single level                                             0.0                    0.0        0.001               bce
  multi-level                                              0.1                 2.0e-4        0.001               bce
  multi-level, by its README for PyTorch 0.4 on            0.1                 5.0e-5       5.0e-4               bce
  single level, least squares                              0.0                    0.0         0.01     least_squares

Its released multi-level model sums two of the four dilations by mistake: adapt.network.rates [6, 12].
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from dadist.config.methods import Objective
from dadist.config.records import key


@dataclass(frozen=True)
class Hyperparameters(Objective):
    """Weights of the objective, and the kind of adversarial loss."""

    segmentation_auxiliary: Annotated[
        float,
        key(
            "Weight of the second classifier's cross-entropy.",
            source="its code, single level: the row that P compares with, 45.9 of 13 classes (multi-level: 46.7)",
            ge=0,
        ),
    ]
    adversarial: Annotated[float, key("Weight of the adversarial term.", source="its code", ge=0)]
    adversarial_auxiliary: Annotated[
        float,
        key(
            "The same for the second classifier's critic; if all of its weights are 0.0 there is no second classifier.",
            source="its code",
            ge=0,
        ),
    ]
    adversarial_loss: Annotated[
        Literal["bce", "least_squares"], key("What a critic's answers cost.", source="its code")
    ]
    critic_lr: Annotated[float, key("Rate of the critics' Adam.", source="its code", ge=0)]
    critic_scale: Annotated[float, key("Weight of the critics' terms.", source="its code halves them", ge=0)]
    critic_width: Annotated[
        int, key("Channels after the first of a critic's five convolutions.", source="its code", ge=1)
    ]
