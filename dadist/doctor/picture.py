"""What the doctor saw: sample images with their labels and depth laid over, and the colours of the classes."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dadist.classes import ClassSet, colourise
from dadist.data.readers.base import FAR_CM
from dadist.doctor.histograms import Histogram, axis
from dadist.doctor.sample import THUMB, Seen
from dadist.report import charts
from dadist.storage.atomic import atomic

Picture = NDArray[np.uint8]

COLUMNS = 3  # image, labels, depth
LINE = 18  # pixels of a line of text
NEAR_CM, WIDE_CM = 200, 20_000  # ends of the depth's colours, which follow its logarithm
REACH = np.log(WIDE_CM / NEAR_CM)
DPI, CHART = 100, 260  # of the histograms: dots per inch, pixels of height
LEGEND = 6  # classes per line


def draw(
    parts: Mapping[str, Sequence[Seen]],
    classes: ClassSet,
    path: Path,
    rows: int,
    histograms: Mapping[str, Histogram],
    numerator: float,
) -> None:
    """Writes a PNG: one heading per part, below it so many scenes of it, the legend, and the histograms of depth.

    Args:
        parts: What was seen of each part, by its title.
        classes: For the colours; pixels without a class are left as they are.
        path: File to write.
        rows: Scenes per part.
        histograms: Of depth, by the name that the chart gives each; without any there is no chart.
        numerator: Of z.
    """
    lines = []
    for title, seen in parts.items():
        lines.append(_text(title, COLUMNS * THUMB))
        sound = [one for one in seen if not one.findings]
        lines += [_row(one, classes) for one in sound[:: max(1, len(sound) // max(rows, 1))][:rows]]
    picture = np.concatenate([*lines, *_legend(classes), *_chart(histograms, numerator)])
    with atomic(path) as temporary:
        if not cv2.imwrite(str(temporary), picture[..., ::-1]):
            raise OSError(f"{path}: expected to write a PNG, could not; is the disk full?")


def _row(seen: Seen, classes: ClassSet) -> Picture:
    cells = [seen.image]
    if seen.labels is not None:
        known = seen.labels < len(classes)
        cells.append(_over(seen.image, colourise(seen.labels, classes), known))
    if seen.depth is not None:
        known = (seen.depth > 0) & (seen.relative | (seen.depth < FAR_CM))
        cells.append(_over(seen.image, _coloured(seen.depth, seen.relative), known))
    height = round(len(seen.image) * THUMB / seen.image.shape[1])
    row = np.full((height, COLUMNS * THUMB, 3), 255, np.uint8)
    for index, cell in enumerate(cells):
        scaled = cv2.resize(cell, (THUMB, height), interpolation=cv2.INTER_NEAREST)
        row[:, index * THUMB : (index + 1) * THUMB] = scaled
    return np.concatenate([row, _text(seen.scene.name, COLUMNS * THUMB)])


def _over(image: Picture, colours: Picture, where: NDArray[np.bool_]) -> Picture:
    """A quarter of the image shines through the colours."""
    mixed = (image.astype(np.uint16) + 3 * colours.astype(np.uint16)) // 4
    return np.where(where[..., None], mixed, image).astype(np.uint8)


def _coloured(depth: NDArray[np.uint16], relative: bool) -> Picture:
    """Red near, blue far."""
    near = depth / 65535 if relative else 1 - np.log(np.clip(depth, NEAR_CM, WIDE_CM) / NEAR_CM) / REACH
    return np.asarray(cv2.applyColorMap((255 * near).astype(np.uint8), cv2.COLORMAP_TURBO)[..., ::-1], np.uint8)


def _legend(classes: ClassSet) -> list[Picture]:
    chips = []
    for name, colour in zip(classes.names, classes.colours, strict=True):
        chip = _text(name, COLUMNS * THUMB // LEGEND, indent=LINE + 4)
        chip[3:-3, 3 : LINE - 3] = colour
        chips.append(chip)
    blank = np.full_like(chips[0], 255)
    chips += [blank] * (-len(chips) % LEGEND)
    return [np.concatenate(chips[first : first + LEGEND], axis=1) for first in range(0, len(chips), LEGEND)]


def _text(text: str, width: int, *, indent: int = 4) -> Picture:
    line = np.full((LINE, width, 3), 255, np.uint8)
    cv2.putText(line, text, (indent, LINE - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1, cv2.LINE_AA)
    return line


def _chart(histograms: Mapping[str, Histogram], numerator: float) -> list[Picture]:
    """One set of axes for metric and one for relative depth, one line per part."""
    kinds = sorted({one.kind for one in histograms.values()})
    if not kinds:
        return []
    with charts.style():
        figure = Figure(figsize=(COLUMNS * THUMB / DPI, CHART / DPI), dpi=DPI)
        for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
            for part, one in histograms.items():
                if one.kind == kind:
                    axes.stairs(one.shares, one.edges, label=charts.label(part), linewidth=1.5)
            axes.set(xlabel=axis(kind, numerator), ylabel="share of the pixels with depth", ylim=(0, None))
            axes.legend()
        drawn = io.BytesIO()
        figure.savefig(drawn, format="rgba", dpi=DPI, facecolor="white")
    return [np.frombuffer(drawn.getvalue(), np.uint8).reshape(CHART, COLUMNS * THUMB, 4)[..., :3]]
