"""How much of each predicted file every class takes, as a table."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dadist.classes import ClassSet
from dadist.deploy.prediction import Prediction
from dadist.report.cells import no_formulas
from dadist.storage.atomic import atomic

# What no class may be called, since columns of metrics.csv are called so.
FILE, IMAGES = "source", "images"


class Shares:
    """Pixels of each class in a file: an image, or all frames of a video."""

    def __init__(self, file: Path, classes: ClassSet) -> None:
        self.file, self.images = file, 0
        self.pixels: NDArray[np.int64] = np.zeros(len(classes), np.int64)

    def add(self, prediction: Prediction) -> None:
        """Count one image more."""
        self.images += 1
        self.pixels += np.bincount(prediction.labels.ravel(), minlength=len(self.pixels))

    @property
    def each(self) -> NDArray[np.float64]:
        """Share of each class, ``(C,)``, of sum 1."""
        return self.pixels / max(int(self.pixels.sum()), 1)


def mean(files: Sequence[Shares], classes: ClassSet) -> NDArray[np.float64]:
    """Share of each class ``(C,)`` in all files; one file counts as much as another."""
    total = np.zeros(len(classes))
    for one in files:
        total += one.each
    return total / max(len(files), 1)


def save(files: Sequence[Shares], classes: ClassSet, path: Path) -> None:
    """Write a row per file.

    Columns: source (the file), images (1, or a video's frames), and one per class, in 0..1.
    """
    rows = [
        {FILE: os.fspath(one.file), IMAGES: one.images, **dict(zip(classes.names, one.each, strict=True))}
        for one in files
    ]
    table = no_formulas(pd.DataFrame(rows, columns=[FILE, IMAGES, *classes.names]))
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6f", errors="surrogateescape")
