"""Small regions of a map of classes, and what erases them: a compiled pass over its runs, or OpenCV class by class."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE

# Labels (H, W), and the smallest region kept of each class, pixels, (C,) → a copy, IGNORE in smaller regions.
Eraser = Callable[[NDArray[np.uint8], NDArray[np.float64]], NDArray[np.uint8]]
# Fewer pixels take less time class by class than numba takes to be imported and to compile: benchmarks/refinement.py.
COMPILED_FROM = 2**24


def eraser(pixels: int) -> Eraser:
    """The quicker way for maps of so many pixels in all; the maps that come out are the same.

    Without numba, or with one that this NumPy is too new for, it is OpenCV.
    """
    if pixels >= COMPILED_FROM:
        try:
            from dadist.selftraining.small_regions_numba import erased
        except ImportError:
            return by_class
        return erased
    return by_class


def by_class(labels: NDArray[np.uint8], least: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Labels without the 8-connected regions of one class that have fewer pixels than the class needs.

    Args:
        labels: Train ids, ``(H, W)``; ``IGNORE`` belongs to no region.
        least: Smallest region kept of each class, pixels, ``(C,)``.

    Returns:
        A copy, ``IGNORE`` where a region was removed.

    Source: Wu & Liu, NeurIPS 2022, Algorithm 1.
    """
    refined = labels.copy()
    for c, size in enumerate(least):
        mask = (labels == c).view(np.uint8)
        if not mask.any():
            continue
        _, regions, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
        small = statistics[:, cv2.CC_STAT_AREA] < size
        small[0] = False  # the other classes
        refined[small[regions]] = IGNORE
    return refined
