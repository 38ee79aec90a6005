"""Keys of objectives.ecap. Its protocol is mic's, with margins of 0 on SYNTHIA."""

from dataclasses import dataclass
from typing import Annotated

from dadist.config.methods import mic
from dadist.config.records import key

REQUIREMENTS = mic.REQUIREMENTS


@dataclass(frozen=True)
class Hyperparameters(mic.Hyperparameters):
    """How many of the teacher's surest labels are kept, and when they are pasted."""

    bank: Annotated[
        int,
        key(
            "Most images that are kept of a class, with 4 bytes for each pixel of a training image. 16 classes with 30 "
            "images of 512x512 take 0.5 GB of the device, and of each saved state.",
            source="ECAP's code: 30 for SYNTHIA, 40 for GTA5",
            ge=1,
        ),
    ]
    bank_least: Annotated[
        float,
        key(
            "A class is pasted once the mean confidence of what is kept of it is above this.",
            source="ECAP's code for SYNTHIA",
            ge=0,
            le=1,
        ),
    ]
    objects: Annotated[
        float,
        key(
            "How many objects are pasted on an image, on average, once the teacher is sure; of each class one at most.",
            source="ECAP's code",
            ge=0,
        ),
    ]
    sure_from: Annotated[
        float,
        key(
            "Mean confidence, over all classes, at which half of the objects are pasted; a class of which nothing is "
            "kept counts 0.",
            source="ECAP's code: 0.80 for SYNTHIA, 0.95 for GTA5",
            ge=0,
            le=1,
        ),
    ]
    sure_width: Annotated[
        float,
        key("How far above and below it that number changes: objects sigmoid(d / width).", source="ECAP's code", gt=0),
    ]
    object_least: Annotated[
        float, key("Least scale of an object; the greatest is 1.", source="ECAP's code", gt=0, le=1)
    ]
