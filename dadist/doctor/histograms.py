"""How depth is distributed in the sample of each part: what the mixtures of the source will meet in the target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dadist.doctor.sample import Seen

BINS = 10
NEAREST_M = 3  # where z's last bin ends: of most streets the road before the camera is beyond
BAR = 16  # characters of the longest bar
EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True)
class Histogram:
    """Shares of the pixels that have depth."""

    kind: str  # "metric": of z; "relative": of r
    edges: list[float]  # BINS + 1; z = numerator / (cm + 1), or r from 0, the farthest of an image, to 1, the nearest
    shares: list[float]  # BINS; of z the last has what is beyond, too
    known: float  # share of all pixels that have depth
    images: int


def measure(parts: Mapping[str, Sequence[Seen]], numerator: float) -> dict[str, Histogram]:
    """The histogram of each part that has depth.

    Args:
        parts: The sample, by part; scenes with a finding of their own are left out.
        numerator: Of z = numerator / (cm + 1).
    """
    found = {}
    for part, seen in parts.items():
        depths = [one.depths.ravel() for one in seen if one.depth is not None and not one.findings]
        if depths:
            relative = next(one.relative for one in seen if one.depth is not None)
            found[part] = _histogram(np.concatenate(depths), len(depths), relative, numerator)
    return found


def _histogram(depths: NDArray[np.uint16], images: int, relative: bool, numerator: float) -> Histogram:
    known = depths[depths > 0].astype(np.float64)
    values = (known - 1) / 65534 if relative else numerator / (known + 1)
    edges = np.linspace(0, 1.0 if relative else numerator / (100 * NEAREST_M), BINS + 1)
    counts, _ = np.histogram(values.clip(0, edges[-1]), edges)
    return Histogram(
        "relative" if relative else "metric",
        edges.tolist(),
        (counts / max(known.size, 1)).tolist(),
        known.size / depths.size,
        images,
    )


def axis(kind: str, numerator: float) -> str:
    """What a histogram is of."""
    return f"z = {numerator:g} / (cm + 1)" if kind == "metric" else "relative inverse depth r, from 0 to 1 by image"


def as_table(histograms: Mapping[str, Histogram], numerator: float, *, encoding: str = "utf-8") -> list[str]:
    """Lines: metric and relative depth apart, one row per bin, one bar per part; the largest share has the longest.

    Args:
        histograms: By part.
        numerator: Of z.
        encoding: Of the terminal; without block characters bars are of ASCII.
    """
    blocks = EIGHTHS.encode(encoding, "replace").decode(encoding) == EIGHTHS
    lines = []
    for kind in ("metric", "relative"):
        shown = {part: one for part, one in histograms.items() if one.kind == kind}
        if shown:
            edges = next(iter(shown.values())).edges
            ranges = [_range(low, high, numerator if kind == "metric" else None) for low, high in pairwise(edges)]
            ranges[-1] += " and beyond" if kind == "metric" else ""
            lines += [
                f"depth: {axis(kind, numerator)}; shares of the pixels that have depth",
                *_rows(shown, ranges, blocks),
            ]
    return lines


def _range(low: float, high: float, numerator: float | None) -> str:
    if numerator is None:
        return f"{low:.2f} to {high:.2f}"
    near, far = (f"{(numerator / z - 1) / 100:.2g}" if z else "far" for z in (high, low))
    return f"{low:.3g} to {high:.3g} ({far} to {near} m)"


def _rows(shown: Mapping[str, Histogram], ranges: Sequence[str], blocks: bool) -> list[str]:
    widest = max(map(len, ranges))
    most = max(share for one in shown.values() for share in one.shares) or 1.0
    rows = [("", [f"{part}" for part in shown])]
    for index, name in enumerate(ranges):
        shares = [one.shares[index] for one in shown.values()]
        rows.append((name, [f"{share:>4.0%} {_bar(share / most, blocks)}" for share in shares]))
    rows.append(("have depth", [f"{one.known:>4.0%}" for one in shown.values()]))
    return [
        "  ".join([f"  {name:<{widest}}", *(f"{cell:<{BAR + 5}}" for cell in cells)]).rstrip() for name, cells in rows
    ]


def _bar(share: float, blocks: bool) -> str:
    if not blocks:
        return "#" * round(BAR * share)
    whole, rest = divmod(round(8 * BAR * share), 8)
    return "█" * whole + EIGHTHS[rest].strip()
