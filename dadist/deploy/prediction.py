"""What a model says of an image, map by map."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dadist.classes import ClassSet
from dadist.data.readers.base import FAR_CM
from dadist.data.resize import Size
from dadist.deploy.tiling import Field
from dadist.evaluation.depth import metres
from dadist.model.enlarge import bands, confidences, labels, places


class Prediction:
    """What a model says of an image, pixel by pixel. A map is made when it is first asked for.

    Args:
        field: What the network says, on its lattice.
        size: (width, height) of the maps.
        numerator: Of the inverse depth.
        classes: Names and colours, in train-id order.
    """

    def __init__(self, field: Field, size: Size, numerator: float, classes: ClassSet) -> None:
        self.classes, self._logits, self._depth, self._numerator = classes, field.logits, field.depth, numerator
        self._places = places(field.logits, size[::-1], field.end)

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """Train ids ``(H, W)``: index of the class in ``classes``."""
        found: NDArray[np.uint8] = labels(self._logits, self._places).cpu().numpy()
        return found

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """The model's probability of that class ``(H, W)``, 0..1."""
        found: NDArray[np.float32] = confidences(self._logits, self._places).cpu().numpy()
        return found

    @cached_property
    def depth_m(self) -> NDArray[np.float32] | None:
        """Metres ``(H, W)``, 655.35, all that 16 bits of centimetres reach, for what is farther; None without depth."""
        if self._depth is None:
            return None
        each = (band[..., 0].cpu().numpy() for _, band in bands(self._depth, self._places))
        return np.concatenate(
            [metres(z, numerator=self._numerator, cap_m=FAR_CM / 100).astype(np.float32) for z in each]
        )
