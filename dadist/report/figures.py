"""Pictures of what the networks see."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE, ClassSet, colourise
from dadist.data.fit import Size, nearest
from dadist.data.prepared import Prepared
from dadist.inference import predict, spread
from dadist.model.segmenter import Segmenter
from dadist.provenance import atomic

GAP = 4  # pixels between cells
BAR = 22  # pixels of a title


def panel(
    target: Prepared,
    segmenters: Sequence[Segmenter],
    titles: Sequence[str],
    path: Path,
    *,
    truth: bool,
    images: int,
    scale: int,
) -> None:
    """One row an image: input, truth, then a column a model; unlabelled pixels of the truth are black, padding white.

    Args:
        target: Target images; ``images`` of them are shown, evenly spread.
        segmenters: In eval mode.
        titles: One a segmenter.
        path: PNG to write.
        truth: Whether there is a column of the images' labels.
        images: Rows.
        scale: Whole-number enlargement.
    """
    rows = spread(len(target), images)
    pictures = target.images[rows]
    columns = [("input", pictures)]
    if truth:
        columns.append(("truth", _coloured(_truth(target, rows), target.classes)))
    for title, segmenter in zip(titles, segmenters, strict=True):
        labels, _ = predict(segmenter, pictures)
        columns.append((title, _coloured(labels, target.classes)))
    padding = ~target.inside(rows)
    for _, cells in columns:
        cells[padding] = 255
    grid = np.concatenate([_column(title, cells, scale) for title, cells in columns], axis=1)
    with atomic(path) as temporary:
        cv2.imwrite(str(temporary), grid[:, :-GAP, ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _truth(target: Prepared, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Labels at the size of the images, ``(N, H, W)``."""
    frame: Size = (target.width, target.height)
    contents = [frame] * len(rows) if target.content is None else [(w, h) for w, h in target.content[rows].tolist()]
    return np.stack(
        [nearest(target.truth(row), content, frame, IGNORE) for row, content in zip(rows, contents, strict=True)]
    )


def _coloured(labels: NDArray[np.uint8], classes: ClassSet) -> NDArray[np.uint8]:
    return np.stack([colourise(one, classes) for one in labels])


def _column(title: str, cells: NDArray[np.uint8], scale: int) -> NDArray[np.uint8]:
    """A title above the cells ``(N, H, W, 3)``, one below the other on white."""
    width = cells.shape[2] * scale
    bar = np.full((BAR, width, 3), 255, np.uint8)
    cv2.putText(bar, title, (3, BAR - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    gap = np.full((GAP, width, 3), 255, np.uint8)
    parts = [bar]
    for cell in cells:
        parts += [cell.repeat(scale, 0).repeat(scale, 1), gap]
    column = np.concatenate(parts[:-1])
    return np.concatenate([column, np.full((len(column), GAP, 3), 255, np.uint8)], axis=1)
