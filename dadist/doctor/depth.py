"""Whether depth is that of a street: there at all, near below and far above, and in the unit that its domain says."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dadist.data.readers.base import FAR_CM, Reader
from dadist.data.readers.depth_files import read
from dadist.data.readers.folder import Folder
from dadist.doctor.faults import FAULTS, Finding
from dadist.doctor.sample import Seen
from dadist.doctor.tree import Split

# Shares of the images, so that a bridge, a steep street or a few bad files decide nothing. Of sound depth next to none
# are told, of wrong depth next to all.
MOST = 2 / 3
# Of an image, in squares of 8x8, that must have depth in it. LiDAR measures few pixels, but in most squares below the
# horizon; a stereo camera leaves out the sky. Both keep more than half.
LEAST_COVERED = 1 / 3
LEAST_IMAGES = 3  # one or two may show anything
# Metres, median of the lowest third. A camera 1 to 2 m above a flat road, with a lens of 40 to 110 degrees, has 2.5 to
# 12 m there; a bonnet is nearer, a camera on a bus farther away.
STREET_M = (2.0, 30.0)
MEDIAN_M = (3.0, 100.0)  # of whole images; buildings and trees along a street
FACTORS = (10.0, 0.1, 100.0, 0.01, 1000.0, 0.001)  # by which units are mistaken
TRIED = 3  # images that are read again to find the factor


def judge_depth(split: Split, seen: Sequence[Seen]) -> Iterator[Finding]:
    """What the sample says of a split's depth: at most one finding of each fault, with the first file that has it.

    Args:
        split: Whose domain says what the files hold.
        seen: Scenes without a finding of their own; those without depth say nothing.
    """
    measured = [one for one in seen if one.depth is not None]
    bare = [one for one in measured if one.covered < LEAST_COVERED]
    if len(bare) > MOST * len(measured):
        empty = 1 - np.mean([one.covered for one in bare])
        what = f"expected depth in most parts of an image, got none in {empty:.0%} of it"
        yield _finding("depth-holes", bare, len(measured), what, FAULTS["depth-holes"].remedy)
    judged = [one for one in measured if not math.isnan(_third(one.depths, lowest=True))]
    compared = [one for one in judged if not math.isnan(_third(one.depths, lowest=False))]
    turned = [one for one in compared if _is_turned(one)]
    if len(compared) >= LEAST_IMAGES and len(turned) > MOST * len(compared):
        what = "expected what is low in an image to be nearer than what is high, as in a street, got the contrary"
        yield _finding("depth-upside-down", turned, len(compared), what, _turn(split.reader))
    elif judged and not judged[0].relative:
        yield from _judge_distances(split, judged)


def _finding(fault: str, found: Sequence[Seen], count: int, what: str, remedy: str) -> Finding:
    return Finding(fault, str(found[0].scene.depth), f"{what} in {len(found)} of {count} images", remedy)


def _third(depths: NDArray[np.uint16], *, lowest: bool) -> float:
    """Median of the depths in the lowest or the highest third of the rows; nan where there is none."""
    rows = -(-len(depths) // 3)
    part = depths[-rows:] if lowest else depths[:rows]
    known = part[part > 0]
    return float(np.median(known)) if known.size else math.nan


def _is_turned(seen: Seen) -> bool:
    low, high = _third(seen.depths, lowest=True), _third(seen.depths, lowest=False)
    return low < high if seen.relative else low > high


def _turn(reader: Reader) -> str:
    """What to do about depth whose near is far."""
    if not isinstance(reader, Folder):
        return FAULTS["depth-upside-down"].remedy
    nearness = (
        "if the numbers grow with nearness, set `depth_kind: relative` and leave `depth_metres` out (depth networks), "
        "or set `depth_kind: disparity` and `depth_metres` to baseline times focal length (stereo)"
    )
    distance = (
        "if the numbers grow with the distance, set `depth_kind: metric` and `depth_metres`, what 1 is in metres; a "
        "depth network that knows no metres must give inverse depth"
    )
    remedy = nearness if reader.options.depth_kind == "metric" else distance
    return f"{remedy}; if the picture shows depth on its head, turn the files"


def _judge_distances(split: Split, seen: Sequence[Seen]) -> Iterator[Finding]:
    thirds = [_third(one.depths, lowest=True) / 100 for one in seen]
    low = float(np.median(thirds))
    if not STREET_M[0] <= low <= STREET_M[1]:
        odd = [one for one, third in zip(seen, thirds, strict=True) if not STREET_M[0] <= third <= STREET_M[1]]
        what = f"expected {STREET_M[0]:g} to {STREET_M[1]:g} m in the lowest third, as in a street, got {_text(low)}"
        yield _finding("depth-unit", odd, len(seen), what, _rescale(split.reader, seen, low))
        return
    depths = np.concatenate([one.depths.ravel() for one in seen])
    middle = float(np.median(depths[(depths > 0) & (depths < FAR_CM)])) / 100
    if not MEDIAN_M[0] <= middle <= MEDIAN_M[1]:
        what = f"expected a median of {MEDIAN_M[0]:g} to {MEDIAN_M[1]:g} m, as in a street, got {_text(middle)}"
        yield _finding("depth-range", seen, len(seen), what, FAULTS["depth-range"].remedy)


def _text(metres: float) -> str:
    return f"{metres:.3g} m" + " or more" * (metres * 100 >= FAR_CM)


def _rescale(reader: Reader, seen: Sequence[Seen], low: float) -> str:
    """Which unit would bring the lowest third to a street's distance, as a key and its value where there is one."""
    found = {factor: low * factor for factor in FACTORS}
    metres = reader.options.depth_metres if isinstance(reader, Folder) else None
    if isinstance(reader, Folder) and metres is not None:  # what was cut to 1 cm or 655 m is read again
        files = [one.scene.depth for one in seen[:TRIED] if one.scene.depth is not None]
        kind, channels = reader.options.depth_kind, reader.options.depth_channels
        for factor in FACTORS:
            thirds = [_third(read(file, kind, metres * factor, channels), lowest=True) for file in files]
            found[factor] = float(np.median(thirds)) / 100
    fitting = [factor for factor, distance in found.items() if STREET_M[0] <= distance <= STREET_M[1]]
    if not fitting:
        return "look at the picture: is this a street? No factor of 10, 100 or 1000 makes it one"
    best = min(fitting, key=lambda factor: abs(math.log(found[factor] ** 2 / math.prod(STREET_M))))
    there = f"{found[best]:.2g} m there"
    if metres is None:
        return f"{FAULTS['depth-unit'].remedy} ({best:g} times as much would be {there})"
    return f"set `depth_metres: {metres * best:g}`, which makes it {there}; or look at the picture: is this a street?"
