"""The spatial aggregation prior: pseudo-labels in regions too small for their class are dropped."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE
from dadist.pseudo import NAMES, PseudoLabels


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


def refine(
    labels: Path,
    refined: Path,
    pixels: NDArray[np.int64],
    *,
    enabled: bool,
    base: float,
    span: float,
    unit: str,
    floor: float,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Erase the regions of every map that are smaller than their class's threshold.

    Args:
        labels: Folder of pseudo-labels.
        refined: Folder to write; counts "labelled" and "kept" pixels a class.
        pixels: Source pixels a class, ``(C,)``.
        enabled: False leaves every map as it is, whatever the numbers below.
        base: Threshold of the rarest class.
        span: What the most frequent class's has on top.
        unit: "pixels" of the working resolution, as in the authors' code, or shares of the "image".
        floor: No threshold is below so many pixels.
        progress: Called with the number of maps done.
    """
    given = PseudoLabels(labels)
    area = given.labels.shape[1] * given.labels.shape[2] if unit == "image" else 1
    sizes = np.maximum(thresholds(pixels, base=base * area, span=span * area), floor)
    least = sizes if enabled else np.zeros(len(pixels))
    out, sure = PseudoLabels.create(refined, given.labels.shape)
    counts, checks = np.zeros((2, 256), np.int64), {name: list[int]() for name in NAMES}
    for row, before in enumerate(given.labels):
        after = remove_small(before, least) if enabled else before
        checks["labels"] += out.put(row, after)
        checks["confidence"] += sure.put(row, given.confidence[row])
        counts += [np.bincount(one.ravel(), minlength=256) for one in (before, after)]
        if progress:
            progress(row + 1)
    classes = len(pixels)
    kept = {"labelled": counts[0, :classes].tolist(), "kept": counts[1, :classes].tolist()}
    PseudoLabels.finish(refined, (out, sure), {**kept, "thresholds": np.rint(least).astype(int).tolist()}, checks)
