"""How fast predictions are brought to the size of labels and counted against them: ours, and those of libraries."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.fixtures import SOURCE_APPEARANCE, Counts, count_pairs, evaluation_passes, prepare_validation
from benchmarks.timing import REPEATS, Timing, machine, one_thread, save, text, time_in_turns, timings
from dadist.classes import CLASS_SETS, IGNORE
from dadist.data.prepared import Prepared
from dadist.data.streets import render
from dadist.evaluation.confusion import confusion
from dadist.model.inference import batches, most_probable, tensor
from dadist.model.layouts import build
from dadist.model.segmenter import Architecture, Outputs, upsample
from dadist.runtime.memory import keep_freed_memory

PART, OURS, CLASSES = "evaluation", "ours", len(CLASS_SETS["16"])
STRIDE = 8  # pixels between the cells of a network's grid
INPUT, BATCH = (640, 320), 4  # (width, height) that the network sees, and how many at once
TOLERANCE = 1e-4  # share of the pixels whose class may differ, as batches are rounded in other ways
NOISE = 0.35  # standard deviation, on logits of 0 and 1: a tenth of the cells is wrong then
REGION = 8  # cells of a side that err alike: a network calls parts of things wrong, not single cells
Bytes = NDArray[np.uint8]


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("--width", type=int, default=2048, help="of the labels, pixels (%(default)s)")
    parser.add_argument("--height", type=int, default=1024, help="of the labels, pixels (%(default)s)")
    parser.add_argument("--images", type=int, default=16, help="of a whole evaluation (%(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of each way; the median counts (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Labels from logits, confusion matrices, and whole evaluations."""
    keep_freed_memory()  # as every stage does
    with one_thread():
        truth = street(asked.width, asked.height)
        rows = time_labelling(truth, asked.repeats) + time_counting(truth, asked.repeats)
    with tempfile.TemporaryDirectory(dir=asked.out.parent) as scratch:
        data = prepare_validation(Path(scratch), asked.images, truth.shape, shown=INPUT, classes=CLASS_SETS["16"])
        rows += time_evaluation(Path(scratch), data, asked.repeats)
    save(rows, asked.out, machine())
    sys.stdout.write(f"{machine()}; seconds of one thread's time, of whole evaluations by the clock\n\n{text(rows)}")


def street(width: int, height: int) -> Bytes:
    """Labels of a street ``(H, W)``, without the camera car's bonnet."""
    labels = render.render(SOURCE_APPEARANCE, seed=1, index=0, width=width, height=height).labels
    return np.where(labels == render.LANE, 0, labels).astype(np.uint8)


def logits(truth: Bytes, region: int = REGION) -> torch.Tensor:
    """Noisy logits of a street's labels ``(C, h, w)`` on a grid, as a fair network might have them.

    Args:
        truth: The labels ``(H, W)``.
        region: Cells of a side that err alike; 1: each by itself.
    """
    cells = np.where(truth == IGNORE, 0, truth)[::STRIDE, ::STRIDE]
    height, width = cells.shape
    drawn = np.random.default_rng(1).normal(0, NOISE, (CLASSES, -(-height // region), -(-width // region)))
    noise = drawn.repeat(region, 1).repeat(region, 2)[:, :height, :width]
    return torch.from_numpy((np.eye(CLASSES)[:, cells] + noise).astype(np.float32))


def time_labelling(truth: Bytes, repeats: int) -> list[Timing]:
    """The most probable class of each pixel, from logits on a grid: of a fair network, and with errors cell by cell.

    Raises:
        ValueError: A way finds other classes than single pixels that rounding decides.
    """
    rows = list[Timing]()
    for errors, region in {"in regions": REGION, "cell by cell": 1}.items():
        given, size = logits(truth, region), truth.shape
        ways = _labellers(given, size)
        for way, label in ways.items():
            if (label() != ways[OURS]()).mean() > TOLERANCE:
                raise ValueError(f"{way}: expected our labels, got others")
        timed: dict[str, Callable[[], object]] = {**ways, "floor: logits enlarged": lambda: upsample(given[None], size)}  # noqa: B023 - called at once
        case = f"labels from logits, errors {errors}, {given.shape[2]}x{given.shape[1]} to {size[1]}x{size[0]}"
        rows += timings(PART, case, time_in_turns(timed, repeats=repeats), ours=OURS, repeats=repeats)
    return rows


def _labellers(given: torch.Tensor, size: tuple[int, ...]) -> dict[str, Callable[[], Bytes]]:
    def by_argmax() -> Bytes:
        labels: Bytes = upsample(given[None], size)[0].argmax(0).to(torch.uint8).numpy()
        return labels

    def by_indices_of_max() -> Bytes:
        labels: Bytes = upsample(given[None], size)[0].max(0).indices.to(torch.uint8).numpy()
        return labels

    def by_numpy() -> Bytes:
        labels: Bytes = upsample(given[None], size)[0].numpy().argmax(0).astype(np.uint8)
        return labels

    return {
        OURS: lambda: most_probable(given, (size[0], size[1])),
        "torch argmax": by_argmax,
        "torch max's indices": by_indices_of_max,
        "NumPy argmax": by_numpy,
    }


def time_counting(truth: Bytes, repeats: int) -> list[Timing]:
    """Confusion matrices: of a street and its prediction, and of two maps of noise, where no pixel is like the next.

    Raises:
        ValueError: A way counts something else.
    """
    random = np.random.default_rng(2)
    predicted = upsample(logits(truth)[None], truth.shape)[0].max(0).indices.to(torch.uint8).numpy()
    noise = tuple(random.integers(0, CLASSES, truth.shape, np.uint8) for _ in range(2))
    rows = list[Timing]()
    for name, pair in {"street": (truth, predicted), "noise": noise}.items():
        ways = _counters(*pair)
        for way, count in ways.items():
            if not np.array_equal(count(), ways[OURS]()):
                raise ValueError(f"{way}: expected our counts of {name}, got others")
        timed: dict[str, Callable[[], object]] = {
            **ways,
            "floor: both maps read once": lambda pair=pair: [cv2.sumElems(one) for one in pair],  # type: ignore[misc]
        }
        case = f"confusion matrix, {name}, {truth.shape[1]}x{truth.shape[0]}"
        rows += timings(PART, case, time_in_turns(timed, repeats=repeats), ours=OURS, repeats=repeats)
    return rows


@torch.no_grad()
def time_evaluation(folder: Path, data: Prepared, repeats: int) -> list[Timing]:
    """Whole evaluations of a small network, from files to confusion matrices.

    Raises:
        ValueError: The plain way counts something else.
    """
    torch.manual_seed(1)
    architecture = Architecture("street", data.classes, (), "parallel", bn="train", rates=(1, 2), pixels="imagenet")
    segmenter = build(architecture).eval()
    segmenter.register_forward_hook(_fair(street(data.width, data.height)))
    ours, plain = evaluation_passes(segmenter, data, folder, BATCH)
    different = np.abs(ours().astype(np.int64) - plain()).sum() / plain().sum()
    if different > TOLERANCE:
        raise ValueError(f"plain loop: expected our counts but for {TOLERANCE:.0e} of them, got {different:.1e} others")
    timed: dict[str, Callable[[], object]] = {
        OURS: ours,
        "plain loop": plain,
        "reading alone": lambda: [(Prepared(data.folder).images[[row]], data.truth(row)) for row in range(len(data))],
        "network alone": lambda: [segmenter(tensor(data.images[part])) for part in batches(len(data), BATCH)],
    }
    seconds = time_in_turns(timed, repeats=repeats, clock=time.perf_counter)
    case = f"an image of a split, {torch.get_num_threads()} threads, labels of {'x'.join(map(str, data.native[0]))}"  # type: ignore[index]
    return timings(PART, case, {way: each / len(data) for way, each in seconds.items()}, ours=OURS, repeats=repeats)


def _fair(truth: Bytes) -> Callable[[object, object, Outputs], Outputs]:
    """In the place of what an untrained network says, what a fair one might of a street; the network runs all the same.

    Noise alone would have an edge between classes everywhere.
    """
    fair = logits(truth)

    def answer(_: object, __: object, found: Outputs) -> Outputs:
        (height, width), (most_high, most_wide) = found.logits.shape[-2:], fair.shape[-2:]
        rows = torch.linspace(0, most_high - 1, height).round().long()
        return replace(
            found,
            logits=fair[:, rows][..., torch.linspace(0, most_wide - 1, width).round().long()].expand_as(found.logits),
        )

    return answer


def _counters(truth: Bytes, predicted: Bytes) -> dict[str, Callable[[], Counts]]:
    from sklearn.metrics import confusion_matrix

    classes = np.arange(CLASSES)

    def by_byte_pairs() -> Counts:
        codes = 256 * truth.astype(np.intp) + predicted
        return np.bincount(codes.ravel(), minlength=256**2).reshape(256, 256)[:CLASSES, :CLASSES]

    def by_opencv() -> Counts:
        maps, sides = [truth.ravel(), predicted.ravel()], [256, 256]
        counts = cv2.calcHist(maps, [0, 1], None, sides, [0, 256, 0, 256])
        return np.asarray(counts[:CLASSES, :CLASSES], np.int64)

    def by_histogram() -> Counts:
        edges = np.arange(CLASSES + 1) - 0.5
        counts: Counts = np.histogram2d(truth.ravel(), predicted.ravel(), [edges, edges])[0].astype(np.int64)
        return counts

    def by_scikit() -> Counts:
        labelled = truth != IGNORE
        return np.asarray(confusion_matrix(truth[labelled], predicted[labelled], labels=classes))

    return {
        OURS: lambda: confusion(truth, predicted, CLASSES),
        "OpenCV calcHist": by_opencv,
        "NumPy bincount of 256 truth + prediction": by_byte_pairs,
        "NumPy bincount of C truth + prediction, masked": lambda: count_pairs(truth, predicted, CLASSES),
        "NumPy histogram2d": by_histogram,
        "scikit-learn confusion_matrix": by_scikit,
    }
