"""Pseudo-labels of a split: what a network is sure of."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dadist.classes import IGNORE
from dadist.data.prepared import Prepared
from dadist.data.rows import Checked, Rows
from dadist.inference import batches, predict
from dadist.model.segmenter import Segmenter
from dadist.provenance import atomic

NAMES = ("labels", "confidence")


class PseudoLabels:
    """A folder of pseudo-labels, opened read-only.

    labels ``(N, H, W)`` uint8 train ids, 255 where the network was not sure; confidence ``(N, H, W)`` uint8, the
    probability of the most probable class in steps of 1/255; counts: what the stage that wrote it reports.
    """

    def __init__(self, folder: Path) -> None:
        index = folder / "index.json"
        if not index.is_file():
            raise FileNotFoundError(f"{index}: expected pseudo-labels, got none; run the stage pseudo_label")
        content = json.loads(index.read_text(encoding="utf-8"))
        self.counts: dict[str, list[int]] = {name: value for name, value in content.items() if name != "checks"}
        self.labels, self.confidence = (
            Checked.over(
                np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray), path, content["checks"][name]
            )
            for name, path in ((name, folder / f"{name}.npy") for name in NAMES)
        )

    @staticmethod
    def create(folder: Path, shape: tuple[int, int, int]) -> tuple[Rows, Rows]:
        """Labels and confidence to fill; `finish` makes the folder readable."""
        folder.mkdir(parents=True, exist_ok=True)
        labels, confidence = (Rows.create(folder / f"{name}.npy", shape, np.uint8) for name in NAMES)
        return labels, confidence

    @staticmethod
    def finish(
        folder: Path, filled: tuple[Rows, Rows], counts: dict[str, list[int]], checks: dict[str, list[int]]
    ) -> None:
        """Write the index, last; ``checks`` are what putting the rows returned."""
        for rows in filled:
            rows.sync()
        with atomic(folder / "index.json") as path:
            path.write_text(json.dumps({**counts, "checks": checks}) + "\n", encoding="utf-8")


def label(
    segmenter: Segmenter,
    images: Prepared,
    folder: Path,
    *,
    first: int,
    classes: int,
    confidence: float,
    batch: int,
    progress: Callable[[int], None],
) -> None:
    """Label the ``first`` images of a split; a pixel keeps its class iff its probability is at least ``confidence``.

    The rule is the same for every class (Wu & Liu, NeurIPS 2022, Algorithm 1: 0.9).
    """
    labels, sure = PseudoLabels.create(folder, images.images[:first].shape[:3])
    counts, checks = np.zeros(classes, np.int64), {name: list[int]() for name in NAMES}
    for rows in batches(first, batch):
        predicted, probability = predict(segmenter, images.images[rows])
        predicted[~(probability >= confidence)] = IGNORE  # so that nan is not sure either
        predicted[~images.inside(np.arange(rows.start, rows.stop))] = IGNORE  # padding shows nothing
        checks["labels"] += labels.put(rows.start, predicted)
        checks["confidence"] += sure.put(rows.start, np.rint(probability * 255).astype(np.uint8))
        counts += np.bincount(predicted.ravel(), minlength=256)[:classes]
        progress(rows.stop)
    PseudoLabels.finish(folder, (labels, sure), {"labelled": counts.tolist()}, checks)
