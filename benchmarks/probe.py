"""How much a source is worth for a target before any training: a linear classifier of frozen features, from one to the
other."""

import argparse
import csv
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.timing import columns
from dadist.classes import IGNORE
from dadist.data.prepared import Prepared
from dadist.data.transforms import at_centres
from dadist.evaluation.confusion import confusion
from dadist.model.checkpoint import restore
from dadist.model.inference import batches, tensor
from dadist.model.layouts import build
from dadist.model.published import packaged, recognise
from dadist.model.segmenter import Architecture, Segmenter, normalised, upsample
from dadist.model.weight_files import read

BACKBONE, BATCH = "efficientnet_lite0", 4
CELLS = 20000  # that the classifier learns from, drawn from all images
Floats = NDArray[np.float32]


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("source", type=Path, help="a prepared split with labels, such as results/data/…")
    parser.add_argument("targets", type=Path, nargs="+", help="prepared splits with labels of the same classes")
    parser.add_argument("--images", type=int, default=150, help="of the source, the first (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the cells that are drawn (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """IoU of every class on each target.

    Raises:
        ValueError: The splits have unlike classes, or one has no labels.
    """
    source, targets, begun = Prepared(asked.source), [Prepared(one) for one in asked.targets], time.monotonic()
    for one in (source, *targets):
        if one.classes != source.classes:
            raise ValueError(
                f"{one.folder}: expected the classes of {source.folder}, {', '.join(source.classes.names)}"
            )
        if not one.pixels.any():
            raise ValueError(f"{one.folder}: expected a split with labels, got none")
    network = _network(source)
    probe = fitted(*_drawn(network, source, asked.images, asked.seed))
    found = {str(target.folder): score(network, probe, target) for target in targets}
    with asked.out.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["source", "images", "target", "mIoU", *source.classes.names])
        for name, iou in found.items():
            values = (f"{100 * value:.1f}" for value in (np.nanmean(iou), *iou))
            rows.writerow([source.folder, min(asked.images, len(source)), name, *values])
    names = ("mIoU", *source.classes.names)
    table = {
        name: dict(zip(names, 100 * np.array([np.nanmean(iou), *iou]), strict=True)) for name, iou in found.items()
    }
    said = columns("IoU of a linear probe, percent", table, "{:.1f}")
    sys.stdout.write(f"{time.monotonic() - begun:.0f} s\n\n{said}")


def _network(source: Prepared) -> Segmenter:
    """The pretrained backbone, whose stages stand side by side on the grid of the second."""
    architecture = Architecture(BACKBONE, source.classes, (), "parallel", "frozen", (1,), "lite", "hypercolumns", 32)
    network, file = build(architecture), packaged(BACKBONE)
    start = recognise(file, read(file))
    assert start is not None
    restore(network, start, least=0.95)
    return network.eval().to(memory_format=torch.channels_last)


@torch.inference_mode()
def features(network: Segmenter, images: torch.Tensor) -> torch.Tensor:
    """Images ``(B, 3, H, W)`` in 0..255 to the features of all stages ``(B, channels, h, w)``."""
    found: torch.Tensor = network.decoder(network.backbone(normalised(images, network)))
    return found


def _drawn(network: Segmenter, source: Prepared, images: int, seed: int) -> tuple[Floats, NDArray[np.uint8]]:
    """Features ``(CELLS, channels)`` and classes of labelled cells, alike many of each image."""
    draw, count = np.random.default_rng(seed), min(images, len(source))
    values, classes = list[Floats](), list[NDArray[np.uint8]]()
    for rows in batches(count, BATCH):
        maps = features(network, tensor(source.images[rows])).permute(0, 2, 3, 1)
        truths = np.stack([source.labels[row] for row in range(*rows.indices(count))])
        labels = at_centres(torch.from_numpy(truths), maps.shape[1:3])
        for cells, truth in zip(maps.flatten(1, 2).numpy(), labels.flatten(1).numpy(), strict=True):
            labelled = np.flatnonzero(truth != IGNORE)
            chosen = draw.choice(labelled, min(-(-CELLS // count), len(labelled)), replace=False)
            values.append(cells[chosen])
            classes.append(truth[chosen])
    return np.concatenate(values), np.concatenate(classes)


def fitted(values: Floats, classes: NDArray[np.uint8]) -> torch.nn.Conv2d:
    """Logistic regression of standardised features, as a 1x1 convolution of ``(B, channels, h, w)``."""
    from sklearn.linear_model import LogisticRegression

    mean, deviation = values.mean(0), values.std(0) + 1e-6
    model = LogisticRegression(C=0.01, max_iter=200).fit((values - mean) / deviation, classes)
    probe = torch.nn.Conv2d(values.shape[1], int(classes.max()) + 1, 1)
    weight, bias = np.zeros((probe.out_channels, values.shape[1])), np.full(probe.out_channels, -np.inf)
    # Of two classes only the second has a row.
    seen = model.classes_[-len(model.coef_) :]
    bias[model.classes_] = 0
    weight[seen] = model.coef_ / deviation
    bias[seen] = model.intercept_ - model.coef_ @ (mean / deviation)
    probe.load_state_dict({"weight": torch.from_numpy(weight)[..., None, None], "bias": torch.from_numpy(bias)})
    return probe


@torch.inference_mode()
def score(network: Segmenter, probe: torch.nn.Conv2d, target: Prepared) -> NDArray[np.float64]:
    """IoU of each class, at the size of the labels; NaN for a class that neither truth nor prediction has."""
    count = len(target.classes)
    counts = np.zeros((count, count))
    for rows in batches(len(target), BATCH):
        said = probe(features(network, tensor(target.images[rows])))
        for row, logits in zip(range(*rows.indices(len(target))), said, strict=True):
            truth = target.truth(row)
            label = upsample(logits[None], truth.shape)[0].argmax(0).to(torch.uint8).numpy()
            counts += confusion(truth, label, count)
    right = np.diag(counts)
    with np.errstate(invalid="ignore"):
        return np.asarray(right / (counts.sum(0) + counts.sum(1) - right))
