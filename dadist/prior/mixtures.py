"""The mixtures of the classes as a file: what `fit` makes and the density is asked of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dadist.classes import ClassSet
from dadist.prior import npz

VERSION = 2  # of the file's format
FEATURES = "xyz"


@dataclass(frozen=True, eq=False)
class Mixtures:
    """C classes of K normals over F of the scaled features (x sx, y sy, z).

    x is a column and y a row of the feature grid, from 0, and z = numerator / (cm + 1) is inverse depth. A component
    that a class does without has weight 0; a class without a fit has nothing else.
    """

    features: str  # F letters: "xyz" (the authors'), or some of these in this order
    weights: NDArray[np.float64]  # (C, K), a row sums to 1, or to 0 where the class has no fit
    means: NDArray[np.float64]  # (C, K, F)
    covariances: NDArray[np.float64]  # (C, K, F, F)
    scale: NDArray[np.float64]  # (2,) sx, sy: 1, 1 for cells (the authors'); 1 / grid height for fractions of it
    grid: tuple[int, int]  # cells across, cells down
    numerator: float  # of the inverse depth
    classes: ClassSet
    components: int  # K
    covariance: Literal["diag", "full"]
    seed: int
    images: int  # that the points were drawn from
    points: NDArray[np.int64]  # (C,) fitted to
    held_out: NDArray[np.float64]  # (C,) mean log-likelihood of points kept from the fit, nats; nan if there are none
    median: float  # a typical density: exp of the mean, over the points, of their class's median log-density

    def __post_init__(self) -> None:
        if not self.features or self.features != "".join(one for one in FEATURES if one in self.features):
            raise ValueError(f"features: expected some of {FEATURES} in this order, got {self.features!r}")
        count, k, f = len(self.classes), self.components, len(self.features)
        shapes = {"weights": (count, k), "means": (count, k, f), "covariances": (count, k, f, f), "scale": (2,)}
        for name, expected in (shapes | {"points": (count,), "held_out": (count,)}).items():
            if (shape := np.shape(getattr(self, name))) != expected:
                raise ValueError(f"{name}: expected shape {expected} for {k} components per class, got {shape}")

    def save(self, path: Path) -> None:
        """Write to an ``.npz`` file, all or nothing."""
        npz.save(self, path, version=VERSION)

    @classmethod
    def load(cls, path: Path) -> "Mixtures":
        """Read what ``save`` wrote.

        Raises:
            FileNotFoundError: No such file.
            ValueError: The file holds something else.
        """
        return npz.load(cls, path, version=VERSION, what="mixtures", rule="fit_gmm")
