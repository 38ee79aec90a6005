"""The spatial aggregation prior: pseudo-labels in regions too small for their class are dropped."""

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE


def thresholds(pixels: NDArray[np.integer], *, base: float, span: float) -> NDArray[np.float64]:
    """Smallest region of each class that is kept, in pixels.

    A class of N pixels in the source needs base + span (N - min) / (max - min), with min and max over the classes
    that occur; a class that does not occur needs ``base``.

    Args:
        pixels: Labelled source pixels of each class, ``(C,)``.
        base: For the rarest class; 50 at 1280x760 in the paper.
        span: What the commonest class needs beyond that; 4950 in the paper.

    Returns:
        ``(C,)``.

    Source: Wu & Liu, NeurIPS 2022.
    """
    present = pixels[pixels > 0]
    if present.size == 0 or present.max() == present.min():
        return np.full(pixels.shape, float(base))
    share = (pixels - float(present.min())) / (float(present.max()) - float(present.min()))
    return base + span * share.clip(min=0)


def remove_small(labels: NDArray[np.uint8], thresholds: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Labels without the 8-connected regions of one class that have fewer pixels than the class needs.

    Args:
        labels: Train ids, ``(H, W)``; ``IGNORE`` belongs to no region.
        thresholds: Smallest region kept of each class, pixels, ``(C,)``.

    Returns:
        A copy, ``IGNORE`` where a region was removed.

    Source: Wu & Liu, NeurIPS 2022, Algorithm 1.
    """
    refined = labels.copy()
    for c in np.unique(labels).tolist():
        if c == IGNORE:
            continue
        if c >= len(thresholds):
            raise ValueError(f"labels: expected train ids below {len(thresholds)} or {IGNORE}, got {c}")
        _, regions, statistics, _ = cv2.connectedComponentsWithStats((labels == c).astype(np.uint8), connectivity=8)
        small = statistics[:, cv2.CC_STAT_AREA] < thresholds[c]
        small[0] = False  # the other classes
        refined[small[regions]] = IGNORE
    return refined
