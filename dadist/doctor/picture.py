"""What the doctor saw: sample images with their labels and depth laid over, and the colours of the classes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist.classes import ClassSet, colourise
from dadist.data.readers.base import FAR_CM
from dadist.doctor.sample import THUMB, Seen
from dadist.storage.atomic import atomic

Picture = NDArray[np.uint8]

COLUMNS = 3  # image, labels, depth
LINE = 18  # pixels of a line of text
NEAR_CM, WIDE_CM = 200, 20_000  # ends of the depth's colours, which follow its logarithm
LEGEND = 6  # classes per line


def draw(parts: Mapping[str, Sequence[Seen]], classes: ClassSet, path: Path, rows: int) -> None:
    """Writes a PNG: one heading per part, below it so many scenes of it, and the legend at the end.

    Args:
        parts: What was seen of each part, by its title.
        classes: For the colours; pixels without a class are left as they are.
        path: File to write.
        rows: Scenes per part.
    """
    lines = []
    for title, seen in parts.items():
        lines.append(_text(title, COLUMNS * THUMB))
        sound = [one for one in seen if not one.findings]
        lines += [_row(one, classes) for one in sound[:: max(1, len(sound) // max(rows, 1))][:rows]]
    picture = np.concatenate([*lines, *_legend(classes)])
    with atomic(path) as temporary:
        if not cv2.imwrite(str(temporary), picture[..., ::-1]):
            raise OSError(f"{path}: expected to write a PNG, could not; is the disk full?")


def _row(seen: Seen, classes: ClassSet) -> Picture:
    cells = [seen.image]
    if seen.labels is not None:
        known = seen.labels < len(classes)
        cells.append(_over(seen.image, colourise(seen.labels, classes), known))
    if seen.depth is not None:
        cells.append(_over(seen.image, _coloured(seen.depth), (seen.depth > 0) & (seen.depth < FAR_CM)))
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


def _coloured(depth: NDArray[np.uint16]) -> Picture:
    """Red near, blue far."""
    share = np.log(np.clip(depth, NEAR_CM, WIDE_CM) / NEAR_CM) / np.log(WIDE_CM / NEAR_CM)
    return np.asarray(cv2.applyColorMap((255 * (1 - share)).astype(np.uint8), cv2.COLORMAP_TURBO)[..., ::-1], np.uint8)


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
