"""Regions of a map by its runs, compiled by numba: the one module that needs it."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dadist.classes import IGNORE

Bytes = NDArray[np.uint8]
Sizes = NDArray[np.float64]
Columns = NDArray[np.int32]  # or runs, or pixels: what a run has one number of


def erased(labels: Bytes, least: Sizes) -> Bytes:
    """As `dadist.selftraining.small_regions.by_class`, in one pass over the map and one over its runs.

    Takes 12 bytes per pixel beside the map, of which only those of as many pixels as there are runs are touched.
    """
    refined = np.array(labels, order="C")
    first = np.empty(len(labels) + 1, np.int64)
    starts, ends, parents = (np.empty(labels.size, np.int32) for _ in range(3))
    _label(refined, first, starts, ends, parents)
    for_each_id = np.zeros(256)
    for_each_id[: len(least)] = least
    _erase(refined, for_each_id, first, starts, ends, parents)
    return refined


@njit  # type: ignore[untyped-decorator]
def _root(parents: Columns, run: int) -> int:
    """The run that stands for a run's region; halves the way there."""
    while parents[run] >= 0:
        above = parents[run]
        if parents[above] >= 0:
            parents[run] = parents[above]
        run = above
    return run


@njit  # type: ignore[untyped-decorator]
def _label(labels: Bytes, first: NDArray[np.int64], starts: Columns, ends: Columns, parents: Columns) -> None:
    """Find the runs of one id in every row, but for those that are ignored, and join those that touch.

    Args:
        labels: ``(H, W)``.
        first: To fill: the first run of each row, and the number of runs at the end, ``(H + 1,)``.
        starts: To fill: the column where each run begins, ``(H W,)``.
        ends: To fill: the column after its last, ``(H W,)``.
        parents: To fill: of each run another of its region; of the one that stands for it, minus its pixels.
    """
    height, width = labels.shape
    flat = labels.reshape(labels.size)
    words = flat[: labels.size // 8 * 8].view(np.uint64)
    runs = 0
    for y in range(height):
        first[y] = runs
        row, above = labels[y], labels[y - 1]
        begun = y * width
        near, last = first[max(y - 1, 0)], runs  # of the row above: the first run that may touch, and the end
        x = 0
        while x < width:
            begin, label = x, row[x]
            eight = label * np.uint64(0x0101010101010101)
            x += 1
            while x < width:
                if (begun + x) % 8 == 0 and x + 8 <= width and words[(begun + x) // 8] == eight:
                    x += 8
                elif row[x] == label:
                    x += 1
                else:
                    break
            if label == IGNORE:
                continue
            starts[runs], ends[runs], parents[runs] = begin, x, begin - x
            mine = runs
            while near < last and ends[near] < begin:  # one that ends there touches a corner
                near += 1
            other = near
            while other < last and starts[other] <= x:  # and so does one that begins at x
                if above[starts[other]] == label:
                    root = _root(parents, other)
                    if root != mine:
                        low, high = min(root, mine), max(root, mine)
                        parents[low] += parents[high]
                        parents[high] = low
                        mine = low
                other += 1
            runs += 1
    first[height] = runs


@njit  # type: ignore[untyped-decorator]
def _erase(
    labels: Bytes, least: Sizes, first: NDArray[np.int64], starts: Columns, ends: Columns, parents: Columns
) -> None:
    """Ignore the runs of regions with fewer pixels than their id needs, ``least``: ``(256,)``."""
    for y in range(len(labels)):
        for run in range(first[y], first[y + 1]):
            if -parents[_root(parents, run)] < least[labels[y, starts[run]]]:
                labels[y, starts[run] : ends[run]] = IGNORE
