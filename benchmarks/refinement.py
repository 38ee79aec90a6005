"""How fast small regions are erased, Algorithm 1: ours, OpenCV and SciPy class by class, cc3d, and a flood fill."""

import argparse
import importlib.util
import sys
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import REPEATS, Timing, machine, one_thread, save, text, time_in_turns, timings
from dadist.classes import CLASS_SETS, IGNORE
from dadist.config.schema import Appearance
from dadist.data.streets import render
from dadist.selftraining.small_regions import by_class

PART, OURS, FLOOD, CLASSES = "refinement", "ours", "flood fill in Python", len(CLASS_SETS["16"])
APPEARANCE = Appearance(palette=0.0, haze=0.0, light=0.0, noise=0.0, camera=0.0, statistics=0.0, bonnet=False)
STRIDE = 8  # pixels between the cells of a network's grid
UNSURE = 0.3  # share of a street without a label, in spots along the borders of its objects
STRIPS = 64  # the flood fill gets one of so many strips, the middle one; its time is multiplied
Bytes = NDArray[np.uint8]
Sizes = NDArray[np.float64]
Way = Callable[[Bytes, Sizes], Bytes]


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("--width", type=int, default=2048, help="of the labels, pixels (%(default)s)")
    parser.add_argument("--height", type=int, default=1024, help="of the labels, pixels (%(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of each way; the median counts (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Refining maps as networks make them, and the hardest maps."""
    with one_thread():
        maps = cases(asked.width, asked.height)
        rows = [row for name, labels in maps.items() for row in time_case(name, labels, asked.repeats)]
    save(rows, asked.out, machine())
    sys.stdout.write(f"{machine()}; one thread, seconds of processor time\n\n{text(rows)}")


def cases(width: int, height: int) -> dict[str, Bytes]:
    """Maps ``(H, W)`` by name; streets come first."""
    random = np.random.default_rng(1)
    street = render.render(APPEARANCE, seed=1, index=0, width=width, height=height).labels
    street = np.where(street < CLASSES, street, IGNORE).astype(np.uint8)
    rows, columns = np.indices((height, width))
    return {
        "street": street,
        "street, unsure in spots": np.where(_spots(street, random), IGNORE, street).astype(np.uint8),
        "one class": np.zeros((height, width), np.uint8),
        "checkerboard": ((rows + columns) % 2).astype(np.uint8),
        "columns": (columns % 2).astype(np.uint8),
        "salt and pepper": random.integers(0, 2, (height, width), np.uint8),
        f"noise of {CLASSES} classes": random.integers(0, CLASSES, (height, width), np.uint8),
    }


def _spots(street: Bytes, random: np.random.Generator) -> NDArray[np.bool_]:
    """Where a network is least sure: noise on its grid, interpolated, and more near the borders of objects."""
    height, width = street.shape
    grid = (width // STRIDE, height // STRIDE)
    borders = cv2.morphologyEx(street, cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
    near = cv2.resize(cv2.GaussianBlur(borders.astype(np.float32), (0, 0), STRIDE), grid)
    noise = random.standard_normal(near.shape, np.float32)
    doubt = cv2.resize(noise + 4 * near, (width, height))
    return np.asarray(doubt > np.quantile(doubt, 1 - UNSURE))


def time_case(name: str, labels: Bytes, repeats: int) -> list[Timing]:
    """All ways on one map; the thresholds are 50 to 5000 pixels at 1280x760, as in the paper, scaled to its size.

    Raises:
        ValueError: A way makes another map.
    """
    least = np.linspace(50, 5000, CLASSES) * labels.size / (1280 * 760)
    timed: dict[str, Callable[[], object]] = {}
    for way, erased in ways().items():
        timed[way] = lambda erased=erased: erased(labels, least)  # type: ignore[misc]
        if not np.array_equal(erased(labels, least), by_class(labels, least)):
            raise ValueError(f"{way}: expected the map that OpenCV class by class makes of {name}, got another")
    timed["floor: the map copied"] = labels.copy
    seconds = time_in_turns(timed, repeats=repeats)
    height = max(len(labels) // STRIPS, 1)
    strip = labels[len(labels) // 2 :][:height]
    if not np.array_equal(flood_fill(strip, least), by_class(strip, least)):
        raise ValueError(f"{FLOOD}: expected the map that OpenCV class by class makes of {name}, got another")
    (flood,) = time_in_turns({FLOOD: lambda: flood_fill(strip, least)}, repeats=repeats).values()
    seconds[FLOOD] = flood * labels.size / strip.size
    return timings(PART, f"{name}, {labels.shape[1]}x{labels.shape[0]}", seconds, ours=OURS, repeats=repeats)


def ways() -> dict[str, Way]:
    """Ours first; without those whose package is not installed."""
    known: dict[str, Way] = {}
    if importlib.util.find_spec("numba"):
        from dadist.selftraining.small_regions_numba import erased

        known[OURS] = erased
        known["OpenCV class by class (ours without numba)"] = by_class
    else:
        known[OURS] = by_class
    known["SciPy class by class"] = by_scipy
    if importlib.util.find_spec("cc3d"):
        known["cc3d and NumPy"] = by_cc3d
    return known


def by_scipy(labels: Bytes, least: Sizes) -> Bytes:
    """``scipy.ndimage.label`` for each class."""
    from scipy import ndimage

    refined = labels.copy()
    for c, size in enumerate(least):
        regions, _ = ndimage.label(labels == c, np.ones((3, 3)))
        small = np.bincount(regions.ravel()) < size
        small[0] = False
        refined[small[regions]] = IGNORE
    return refined


def by_cc3d(labels: Bytes, least: Sizes) -> Bytes:
    """One labelling of all classes by connected-components-3d, the rest by NumPy."""
    import cc3d

    regions = cc3d.connected_components(labels + np.uint8(1), connectivity=8)  # IGNORE becomes 0, which has none
    pixels = np.bincount(regions.ravel())
    classes = np.zeros(len(pixels), np.intp)
    classes[regions.ravel()] = labels.ravel()
    needed = np.append(least, np.zeros(256 - len(least)))
    small = pixels < needed[classes]
    small[0] = False
    refined = labels.copy()
    refined[small[regions]] = IGNORE
    return refined


def flood_fill(labels: Bytes, least: Sizes) -> Bytes:
    """Pixel by pixel, as the paper writes the algorithm."""
    height, width = labels.shape
    flat, refined = labels.ravel().tolist(), labels.ravel().copy()
    visited = [label == IGNORE for label in flat]
    for start, label in enumerate(flat):
        if visited[start]:
            continue
        visited[start] = True
        region = [start]
        for pixel in region:  # grows as neighbours are found
            row, column = divmod(pixel, width)
            for y in range(max(row - 1, 0), min(row + 2, height)):
                for x in range(max(column - 1, 0), min(column + 2, width)):
                    near = y * width + x
                    if not visited[near] and flat[near] == label:
                        visited[near] = True
                        region.append(near)
        if len(region) < least[label]:
            refined[region] = IGNORE
    return refined.reshape(height, width)
