"""The kinds of label patches of the source as a file: what patch_clustering.py makes and patch_descriptors.py reads."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dadist.classes import ClassSet
from dadist.prior import npz

VERSION = 1  # of the file's format
QUARTERS = 4  # cells of a patch, two by two, each with a histogram of the C classes


@dataclass(frozen=True, eq=False)
class Patches:
    """K centroids of patches that tile an image; a patch is its four cells' class histograms, one after the other."""

    centroids: NDArray[np.float32]  # (K, 4 C)
    members: NDArray[np.int64]  # (K,) patches that it is the nearest of; 0: it stands for nothing, and no patch gets it
    source: tuple[int, int]  # patches across and down an image of the source
    target: tuple[int, int]  # the same of the target
    classes: ClassSet
    seed: int
    images: int  # that the patches are of

    def __post_init__(self) -> None:
        expected = (len(self.members), QUARTERS * len(self.classes))
        if self.centroids.shape != expected or not self.members.any():
            found = f"{self.centroids.shape} with {int(np.sum(self.members))} members"
            raise ValueError(f"centroids: expected shape {expected} and members, got {found}")

    def save(self, path: Path) -> None:
        """Write to an ``.npz`` file, all or nothing."""
        npz.save(self, path, version=VERSION)

    @classmethod
    def load(cls, path: Path) -> "Patches":
        """Read what ``save`` wrote.

        Raises:
            FileNotFoundError: No such file.
            ValueError: The file holds something else.
        """
        return npz.load(cls, path, version=VERSION, what="patches", rule="cluster_patches")
