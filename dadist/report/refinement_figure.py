"""Pseudo-labels before and after refinement, as the poster's Figure 4."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist.data.prepared import Prepared, spread
from dadist.report.figure_index import LabelledRound, ShownFigure
from dadist.report.image_grid import coloured, draw
from dadist.selftraining.pseudo_labels import PseudoLabels

REMOVED = (190, 0, 100)  # magenta, on grey of 170 and paler: 2.4 to 1 at least
SEEN = 320  # pixels that a column has on a page, about: a region is drawn wider by one of them on each side


def before_and_after(target: Prepared, before: PseudoLabels, after: PseudoLabels, path: Path, *, images: int) -> None:
    """One row per image: input, labels before, labels after, and what was removed on the image in grey.

    What has no label is black, padding white. Of the images that have lost something, those in the middle are shown,
    evenly spread.

    Args:
        target: Images that the labels are of, the first of them.
        before: As pseudo_label wrote them.
        after: As refine_labels did.
        path: PNG to write.
        images: Rows.
    """
    lost = np.array([(before.labels[row] != after.labels[row]).any() for row in range(len(before.labels))])
    rows = np.flatnonzero(lost) if lost.any() else np.arange(len(lost))
    rows = rows[spread(len(rows), images)]
    pictures = target.images[rows]
    given, kept = before.labels[rows], after.labels[rows]
    grey = np.stack([cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in pictures])
    erased = np.repeat(255 - (255 - grey[..., None]) // 3, 3, axis=3)
    for cells, gone in zip(erased, given != kept, strict=True):
        cells[_widened(gone)] = REMOVED
    columns = [
        ("input", pictures),
        ("before", coloured(given, target.classes)),
        ("after", coloured(kept, target.classes)),
        ("removed", erased),
    ]
    padding = ~target.inside(rows)
    for _, cells in columns:
        cells[padding] = 255
    draw(columns, path, scale=max(1, 480 // target.width))


def _widened(gone: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Regions ``(H, W)`` with a margin, without which those of a few pixels are lost when the picture is shrunk."""
    margin = -(-gone.shape[1] // SEEN)
    return cv2.dilate(gone.astype(np.uint8), np.ones((2 * margin + 1,) * 2, np.uint8)) > 0


def described(made: LabelledRound, after: PseudoLabels) -> ShownFigure:
    """What the page says of the picture of one round."""
    labelled, kept = (sum(after.counts[name]) for name in ("labelled", "kept"))
    lost = 1 - kept / max(labelled, 1)
    removed = (
        f"{lost:.1%} of the labelled pixels (magenta, with a margin so that one sees them)"
        if kept < labelled
        else "here none"
    )
    return ShownFigure(
        f"labels-{made.method}-{made.round}",
        "labels",
        f"{made.method} {made.round}",
        f"Pseudo-labels that {made.method} {made.round} of the first seed was trained on, before and after refinement: "
        f"regions that are too small for their class are removed, {removed}. Black has no label.",
        f"Images in four columns: input, labels before, labels after, removed. {lost:.1%} of the labels are removed.",
    )
