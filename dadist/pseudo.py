"""Pseudo-labels of a split: what a network is sure of."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE
from dadist.data.prepared import Prepared
from dadist.inference import batches, predict
from dadist.model.segmenter import Segmenter
from dadist.provenance import atomic
from dadist.refine import remove_small, thresholds


class PseudoLabels:
    """A folder of pseudo-labels, opened read-only.

    labels ``(N, H, W)`` uint8 train ids, 255 where the network was not sure; confidence ``(N, H, W)`` uint8, the
    probability of the most probable class in steps of 1/255; counts: what the stage that wrote it reports.
    """

    def __init__(self, folder: Path) -> None:
        index = folder / "index.json"
        if not index.is_file():
            raise FileNotFoundError(f"{index}: expected pseudo-labels, got none; run the stage pseudo_label")
        self.counts: dict[str, list[int]] = json.loads(index.read_text(encoding="utf-8"))
        self.labels: NDArray[np.uint8] = np.load(folder / "labels.npy", mmap_mode="r", allow_pickle=False)
        self.confidence: NDArray[np.uint8] = np.load(folder / "confidence.npy", mmap_mode="r", allow_pickle=False)

    @staticmethod
    def create(folder: Path, shape: tuple[int, int, int]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Labels and confidence to fill in place; `finish` makes the folder readable."""
        folder.mkdir(parents=True, exist_ok=True)
        create = np.lib.format.open_memmap
        return (
            create(folder / "labels.npy", mode="w+", dtype=np.uint8, shape=shape),
            create(folder / "confidence.npy", mode="w+", dtype=np.uint8, shape=shape),
        )

    @staticmethod
    def finish(folder: Path, counts: dict[str, list[int]]) -> None:
        """Write the index, last."""
        with atomic(folder / "index.json") as path:
            path.write_text(json.dumps(counts) + "\n", encoding="utf-8")


def label(
    segmenter: Segmenter,
    images: Prepared,
    folder: Path,
    *,
    classes: int,
    confidence: float,
    batch: int,
    progress: Callable[[int], None],
) -> None:
    """Label every image of a split; a pixel keeps its class iff its probability is at least ``confidence``.

    The rule is the same for every class (Wu & Liu, NeurIPS 2022, Algorithm 1: 0.9).
    """
    labels, sure = PseudoLabels.create(folder, images.images.shape[:3])
    counts = np.zeros(classes, np.int64)
    for rows in batches(len(images), batch):
        predicted, probability = predict(segmenter, images.images[rows])
        predicted[probability < confidence] = IGNORE
        labels[rows], sure[rows] = predicted, np.rint(probability * 255).astype(np.uint8)
        counts += np.bincount(predicted.ravel(), minlength=256)[:classes]
        progress(rows.stop)
    PseudoLabels.finish(folder, {"labelled": counts.tolist()})


def refine(
    labels: Path,
    refined: Path,
    pixels: NDArray[np.int64],
    *,
    base: float,
    span: float,
    unit: str,
    floor: float,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Erase the regions of every map that are smaller than their class's threshold.

    Args:
        labels: Folder of pseudo-labels.
        refined: Folder to write; counts "labelled" and "kept" pixels a class.
        pixels: Source pixels a class, ``(C,)``.
        base: Threshold of the rarest class.
        span: What the most frequent class's has on top.
        unit: "pixels" of the working resolution, as in the authors' code, or shares of the "image".
        floor: No threshold is below so many pixels.
        progress: Called with the number of maps done.
    """
    given = PseudoLabels(labels)
    area = given.labels.shape[1] * given.labels.shape[2] if unit == "image" else 1
    least = np.maximum(thresholds(pixels, base=base * area, span=span * area), floor)
    out, sure = PseudoLabels.create(refined, given.labels.shape)
    sure[:] = given.confidence
    counts = np.zeros((2, 256), np.int64)
    for row, before in enumerate(given.labels):
        out[row] = remove_small(before, least)
        counts += [np.bincount(one.ravel(), minlength=256) for one in (before, out[row])]
        if progress:
            progress(row + 1)
    classes = len(pixels)
    kept = {"labelled": counts[0, :classes].tolist(), "kept": counts[1, :classes].tolist()}
    PseudoLabels.finish(refined, {**kept, "thresholds": np.rint(least).astype(int).tolist()})
