"""How fast predictions are counted against labels: ours and others, and what reading the bytes takes."""

import argparse
import sys
from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from dadist.bench.race import REPEATS, Line, lines, machine, race, save, text
from dadist.classes import CLASS_SETS, IGNORE
from dadist.config import Look
from dadist.data import streets
from dadist.evaluate import confusion
from dadist.model.segmenter import upsample

PART, OURS, CLASSES = "evaluation", "ours", len(CLASS_SETS["16"])
LOOK = Look(palette=0.0, haze=0.0, light=0.0, noise=0.0, camera=0.0, statistics=0.0, bonnet=True)
STRIDE = 8  # pixels between the cells of a network's grid
WRONG = 0.35  # deviation of the noise on logits of 0 and 1: a tenth of the pixels is wrong then
Bytes = NDArray[np.uint8]
Counts = NDArray[np.integer]


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("--width", type=int, default=2048, help="of the labels, pixels (%(default)s)")
    parser.add_argument("--height", type=int, default=1024, help="of the labels, pixels (%(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of each way; the median counts (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Confusion matrices of labels and predictions."""
    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        truth = street(asked.width, asked.height)
        found = counting(truth, asked.repeats)
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])
    save(found, asked.out, machine())
    sys.stdout.write(f"{machine()}; one thread, seconds of processor time\n\n{text(found)}")


def street(width: int, height: int) -> Bytes:
    """Labels of a street ``(H, W)``, its own car's bonnet without."""
    labels = streets.render(LOOK, seed=1, index=0, width=width, height=height).labels
    return np.where(labels == streets.LANE, 0, labels).astype(np.uint8)


def logits(truth: Bytes) -> torch.Tensor:
    """What a fair network might say of a street: noisy logits of its labels ``(C, h, w)``, on a grid."""
    cells = np.where(truth == IGNORE, 0, truth)[::STRIDE, ::STRIDE]
    noise = np.random.default_rng(1).normal(0, WRONG, (CLASSES, *cells.shape))
    return torch.from_numpy((np.eye(CLASSES)[:, cells] + noise).astype(np.float32))


def counting(truth: Bytes, repeats: int) -> list[Line]:
    """Confusion matrices: of a street and its prediction, and of two maps of noise, where no pixel is like the next.

    Raises:
        ValueError: A way counts something else.
    """
    random = np.random.default_rng(2)
    predicted = upsample(logits(truth)[None], truth.shape)[0].max(0).indices.to(torch.uint8).numpy()
    noise = tuple(random.integers(0, CLASSES, truth.shape, np.uint8) for _ in range(2))
    found = list[Line]()
    for name, pair in {"street": (truth, predicted), "noise": noise}.items():
        ways = _counters(*pair)
        for way, count in ways.items():
            if not np.array_equal(count(), ways[OURS]()):
                raise ValueError(f"{way}: expected the counts that we have of {name}, got others")
        timed: dict[str, Callable[[], object]] = {
            **ways,
            "floor: both maps read once": lambda pair=pair: [cv2.sumElems(one) for one in pair],  # type: ignore[misc]
        }
        case = f"confusion matrix, {name}, {truth.shape[1]}x{truth.shape[0]}"
        found += lines(PART, case, race(timed, repeats=repeats), ours=OURS, repeats=repeats)
    return found


def _counters(truth: Bytes, predicted: Bytes) -> dict[str, Callable[[], Counts]]:
    from sklearn.metrics import confusion_matrix

    classes = np.arange(CLASSES)

    def by_class_pairs() -> Counts:
        labelled = truth != IGNORE
        codes = CLASSES * truth[labelled].astype(int) + predicted[labelled]
        return np.bincount(codes, minlength=CLASSES**2).reshape(CLASSES, CLASSES)

    def by_byte_pairs() -> Counts:
        codes = 256 * truth.astype(np.intp) + predicted
        return np.bincount(codes.ravel(), minlength=256**2).reshape(256, 256)[:CLASSES, :CLASSES]

    def by_opencv() -> Counts:
        maps, sides = [truth.ravel(), predicted.ravel()], [256, 256]
        pairs = cv2.calcHist(maps, [0, 1], None, sides, [0, 256, 0, 256])
        return np.asarray(pairs[:CLASSES, :CLASSES], np.int64)

    def by_histogram() -> Counts:
        edges = np.arange(CLASSES + 1) - 0.5
        return np.histogram2d(truth.ravel(), predicted.ravel(), [edges, edges])[0].astype(np.int64)

    def by_scikit() -> Counts:
        labelled = truth != IGNORE
        return np.asarray(confusion_matrix(truth[labelled], predicted[labelled], labels=classes))

    return {
        OURS: lambda: confusion(truth, predicted, CLASSES),
        "OpenCV calcHist": by_opencv,
        "NumPy bincount of 256 truth + prediction": by_byte_pairs,
        "NumPy bincount of C truth + prediction, masked": by_class_pairs,
        "NumPy histogram2d": by_histogram,
        "scikit-learn confusion_matrix": by_scikit,
    }
