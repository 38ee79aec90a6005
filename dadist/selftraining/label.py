"""Pseudo-labels of a split: what a network is sure of."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dadist.classes import IGNORE
from dadist.data.prefetch import ahead
from dadist.data.prepared import Prepared
from dadist.model.inference import batches, predict
from dadist.model.segmenter import Segmenter
from dadist.selftraining.pseudo_labels import filling


def label(
    segmenter: Segmenter,
    images: Prepared,
    folder: Path,
    *,
    first: int,
    classes: int,
    confidence: float,
    batch: int,
    key: str,
    progress: Callable[[int], None],
) -> None:
    """Label the ``first`` images of a split; a pixel keeps its class iff its probability is at least ``confidence``.

    The rule is the same for every class (Wu & Liu, NeurIPS 2022, Algorithm 1: 0.9).
    """
    with filling(folder, (first, images.height, images.width), ("labels", "confidence"), key) as made:
        if made is None:
            return
        todo = (made.left[part] for part in batches(len(made.left), batch))
        with contextlib.closing(ahead(lambda rows: (rows, images.images[rows]), todo)) as every:
            for rows, pixels in every:
                predicted, probability = predict(segmenter, pixels)
                predicted[~(probability >= confidence)] = IGNORE  # so that nan is not sure either
                shown = images.inside(rows)
                predicted[~shown] = IGNORE  # padding shows nothing
                sure = np.rint(probability * 255).astype(np.uint8)
                for index, row in enumerate(rows):
                    counts = np.bincount(predicted[index].ravel(), minlength=256)[:classes].tolist()
                    arrays = {"labels": predicted[index], "confidence": sure[index]}
                    made.put(row, arrays, {"labelled": counts}, int(shown[index].sum()))
                progress(len(made.done))
        made.finish({})
