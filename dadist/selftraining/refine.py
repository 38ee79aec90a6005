"""The spatial aggregation prior: pseudo-labels in regions too small for their class are dropped."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE
from dadist.data.packing import histogram
from dadist.selftraining.pseudo_labels import PseudoLabels, filling
from dadist.selftraining.small_regions import Eraser, by_class, eraser


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


def remove_small(
    labels: NDArray[np.uint8], thresholds: NDArray[np.float64], erase: Eraser = by_class
) -> NDArray[np.uint8]:
    """Labels without the 8-connected regions of one class that have fewer pixels than the class needs.

    Args:
        labels: Train ids, ``(H, W)``; ``IGNORE`` belongs to no region.
        thresholds: Smallest region kept of each class, pixels, ``(C,)``.
        erase: Which way.

    Returns:
        A copy, ``IGNORE`` where a region was removed.

    Raises:
        ValueError: There is a train id without a threshold.

    Source: Wu & Liu, NeurIPS 2022, Algorithm 1.
    """
    found = np.flatnonzero(histogram(labels)[:IGNORE])
    if found.size and found[-1] >= len(thresholds):
        raise ValueError(f"labels: expected train ids below {len(thresholds)} or {IGNORE}, got {found[-1]}")
    return erase(labels, thresholds)


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
    key: str,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Erase the regions of every map that are smaller than their class's threshold.

    Args:
        labels: Folder of pseudo-labels.
        refined: Folder to write; counts "labelled" and "kept" pixels per class, and the thresholds of the first map.
        pixels: Source pixels per class, ``(C,)``.
        enabled: False leaves every map as it is, whatever the numbers below.
        base: Threshold of the rarest class.
        span: What the most frequent class's has on top.
        unit: "pixels" of the working resolution, as in the authors' code, or shares of the "image", without padding.
        floor: No threshold is below so many pixels.
        key: As in `filling`.
        progress: Called with the number of maps done.
    """
    given = PseudoLabels(labels)
    erase = eraser(given.labels.size)

    def least(row: int) -> NDArray[np.float64]:
        area = int(given.areas[row]) if unit == "image" else 1
        sizes = np.maximum(thresholds(pixels, base=base * area, span=span * area), floor)
        return sizes if enabled else np.zeros(len(pixels))

    def counted(maps: NDArray[np.uint8]) -> list[int]:
        counts: list[int] = histogram(maps)[: len(pixels)].tolist()
        return counts

    with filling(refined, given.labels.shape, ("labels",), key) as made:
        for row in made.left if made is not None else []:
            assert made is not None
            before = given.labels[row]
            after = remove_small(before, least(row), erase) if enabled else before
            counts = {"labelled": counted(before), "kept": counted(after)}
            made.put(row, {"labels": after}, counts, int(given.areas[row]))
            if progress:
                progress(len(made.done))
        if made is not None:
            made.finish({"thresholds": np.rint(least(0)).astype(int).tolist()})
