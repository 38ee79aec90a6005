"""Pseudo-labels of a split: what a network is sure of."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE
from dadist.config.prior_sections import Prior
from dadist.data.prefetch import ahead
from dadist.data.prepared import Prepared
from dadist.model.inference import batches, outputs, predict, probabilities_of, surest
from dadist.model.segmenter import Segmenter
from dadist.prior.use import PriorOf
from dadist.selftraining.pseudo_labels import filling


def label(
    segmenter: Segmenter,
    images: Prepared,
    folder: Path,
    *,
    first: int,
    classes: int,
    confidence: float,
    prior: PriorOf | None = None,
    weights: Prior | None = None,
    batch: int,
    key: str,
    progress: Callable[[int], None],
) -> None:
    """Label the ``first`` images of a split; a pixel keeps its class iff its probability is at least ``confidence``.

    The rule is the same for every class (Wu & Liu, NeurIPS 2022, Algorithm 1: 0.9). With a ``prior``, class and
    probability are those of the fused posterior, or, for doubt, the network's class with the less sure of the two.
    """
    with filling(folder, (first, images.height, images.width), ("labels", "confidence"), key) as made:
        if made is None:
            return
        todo = (made.left[part] for part in batches(len(made.left), batch))
        with contextlib.closing(ahead(lambda rows: (rows, images.images[rows]), todo)) as every:
            for rows, pixels in every:
                predicted, probability = _predict(segmenter, pixels, rows, prior, weights)
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


def _predict(
    segmenter: Segmenter, pixels: NDArray[np.uint8], rows: list[int], prior: PriorOf | None, weights: Prior | None
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Class ``(B, H, W)`` and its probability."""
    if prior is None or weights is None:
        return predict(segmenter, pixels)
    said, size = outputs(segmenter, pixels), pixels.shape[1:3]
    fused = prior.fusion(weights)(said.logits, prior.z(rows, said))
    if weights.use == "labels":
        return surest(fused, size)
    labels, sure = surest(said.logits, size)
    return labels, np.minimum(sure, probabilities_of(fused, labels))
