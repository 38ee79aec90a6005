"""How many components the mixtures need: held-out likelihood by class, as a table and as small curves."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dadist.report.cells import no_formulas
from dadist.report.image_grid import save
from dadist.storage.atomic import atomic

CELL = (190, 120)  # width and height of one curve with its title, pixels
ACROSS = 4  # curves per row
MARGIN = 12  # pixels around a curve
BAR = 20  # pixels of a title
INK, GREY = (40, 40, 40), (200, 200, 200)


def table(likelihoods: NDArray[np.float64], components: Sequence[int], classes: Sequence[str], path: Path) -> None:
    """Write one row per number of components as CSV: components, the mean over the classes with a value, the classes.

    Args:
        likelihoods: Mean log-likelihood of held-out points in nats, ``(components, classes)``; nan without points.
        components: Numbers of components.
        classes: Names.
        path: CSV to write.
    """
    rows = pd.DataFrame(likelihoods, columns=list(classes))
    rows.insert(0, "mean", rows.mean(axis=1))
    rows.insert(0, "components", list(components))
    with atomic(path) as temporary:
        no_formulas(rows.round(4)).to_csv(temporary, index=False)


def plot(likelihoods: NDArray[np.float64], components: Sequence[int], classes: Sequence[str], path: Path) -> None:
    """Draw one curve per class over the numbers of components, each to its own height, a dot at the best.

    Arguments as of ``table``; a title says which number is best and how much it gains on the first, in nats.
    """
    down = -(-len(classes) // ACROSS)
    picture = np.full((down * CELL[1], ACROSS * CELL[0], 3), 255, np.uint8)
    for index, (name, values) in enumerate(zip(classes, likelihoods.T, strict=True)):
        row, column = divmod(index, ACROSS)
        cell = picture[row * CELL[1] : (row + 1) * CELL[1], column * CELL[0] : (column + 1) * CELL[0]]
        if np.isfinite(values).all():
            best = int(values.argmax())
            _curve(cell, values, components, best)
            name = f"{name}: {components[best]}, +{values[best] - values[0]:.2f}"
        cv2.putText(cell, name, (MARGIN, BAR - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    save(picture, path)


def _curve(cell: NDArray[np.uint8], values: NDArray[np.float64], components: Sequence[int], best: int) -> None:
    """Draw into a cell ``(height, width, 3)``."""
    top, bottom, left, right = BAR + 4, CELL[1] - MARGIN, MARGIN, CELL[0] - MARGIN
    cv2.rectangle(cell, (left, top), (right, bottom), GREY)
    x = np.interp(components, (components[0], max(components[-1], components[0] + 1)), (left, right))
    y = np.interp(values, (values.min(), max(values.max(), values.min() + 1e-9)), (bottom - 3, top + 3))
    points = np.rint(np.stack((x, y), axis=1)).astype(np.int32)
    cv2.polylines(cell, [points], False, INK, 1, cv2.LINE_AA)
    cv2.circle(cell, points[best].tolist(), 3, INK, -1, cv2.LINE_AA)
