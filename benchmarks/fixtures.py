"""Rendered streets for a benchmark, and passes over them: as our stages make them, and image by image, plainly."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dadist.classes import IGNORE, ClassSet
from dadist.config.schema import Appearance, Setting
from dadist.data.inventory import SplitPlan
from dadist.data.preparation import write
from dadist.data.prepared import Prepared
from dadist.data.readers import cityscapes, synthia
from dadist.data.streets import render
from dadist.evaluation.evaluate import score
from dadist.model.inference import tensor
from dadist.model.segmenter import Segmenter, upsample
from dadist.selftraining.label import label
from dadist.selftraining.pseudo_labels import PseudoLabels
from dadist.storage.workspace import notes

LOOK = Appearance(palette=0.0, haze=0.0, light=0.0, noise=0.0, camera=0.0, statistics=0.0, bonnet=True)
ELSEWHERE = Appearance(palette=0.6, haze=0.6, light=0.6, noise=0.6, camera=0.0, statistics=0.0, bonnet=False)
CONFIDENCE = 0.9  # of a pseudo-label
Counts = NDArray[np.integer]
Labels = NDArray[np.uint8]
Ways = tuple[Callable[[], NDArray[np.integer]], Callable[[], NDArray[np.integer]]]  # ours, the plain one


def prepared(
    folder: Path, images: int, size: tuple[int, int], *, shown: tuple[int, int], classes: ClassSet
) -> Prepared:
    """A split of streets that the network sees at ``shown`` (W, H), with labels of ``size`` (H, W) of their own."""
    plan = SplitPlan("val", *shown, "stretch", classes, labels=True, depth=False, native=True, images=0)
    root = folder / "streets"
    render.write_cityscapes(root, LOOK, seed=1, train=0, val=images, width=size[1], height=size[0], workers=1)
    write(cityscapes.reader(cityscapes.Options()), root, folder / "split", plan, names=None, workers=1)
    return Prepared(folder / "split")


def domains(folder: Path, setting: Setting, images: int) -> tuple[Prepared, Prepared]:
    """What a training reads, at the setting's sizes: a source with labels and depth, and a target without."""
    source, target = setting.source, setting.target
    render.write_synthia(
        folder / "synthia", LOOK, seed=1, images=images, width=source.width, height=source.height, workers=1
    )
    render.write_cityscapes(
        folder / "cityscapes",
        ELSEWHERE,
        seed=2,
        train=images,
        val=0,
        width=target.width,
        height=target.height,
        workers=1,
    )
    readers = {"all": synthia.reader(synthia.Options()), "train": cityscapes.reader(cityscapes.Options())}
    for (split, reader), view, labelled in zip(readers.items(), (source, target), (True, False), strict=True):
        plan = SplitPlan(
            split, view.width, view.height, "stretch", setting.classes, labelled, labelled, native=False, images=0
        )
        write(reader, folder / reader.dataset, folder / split, plan, names=None, workers=1)
    return Prepared(folder / "all"), Prepared(folder / "train")


def evaluations(segmenter: Segmenter, data: Prepared, folder: Path, batch: int) -> Ways:
    """Files to confusion matrices ``(C, C)``; ``folder`` is for the journals, ``batch`` is ours."""
    numbers, where = itertools.count(), next(segmenter.parameters()).device

    def ours() -> Counts:
        with notes(folder / f"{next(numbers)}.json", "") as journal:
            return score(segmenter, data, journal, batch=batch, numerator=1.0, cap_m=1.0, progress=lambda _: None)[0]

    @torch.no_grad()
    def plain() -> Counts:
        classes = len(data.classes)
        total = np.zeros((classes, classes), np.int64)
        for row in range(len(data)):
            truth, logits = data.truth(row), segmenter(tensor(data.images[[row]]).to(where)).logits
            total += pairs(truth, upsample(logits, truth.shape)[0].cpu().numpy().argmax(0), classes)
        return total

    return ours, plain


def labellings(segmenter: Segmenter, data: Prepared, folder: Path, batch: int) -> Ways:
    """Images to pseudo-labels ``(N, H, W)``; of the plain way nothing is written."""
    numbers, where = itertools.count(), next(segmenter.parameters()).device

    def ours() -> Labels:
        made = folder / f"{next(numbers)}"
        label(
            segmenter,
            data,
            made,
            first=len(data),
            classes=len(data.classes),
            confidence=CONFIDENCE,
            batch=batch,
            key="",
            progress=lambda _: None,
        )
        return PseudoLabels(made).labels

    @torch.no_grad()
    def plain() -> Labels:
        found = []
        for row in range(len(data)):
            logits = segmenter(tensor(data.images[[row]]).to(where)).logits
            probabilities = upsample(logits, (data.height, data.width))[0].softmax(0).cpu().numpy()
            found.append(np.where(probabilities.max(0) >= CONFIDENCE, probabilities.argmax(0), IGNORE))
        return np.stack(found).astype(np.uint8)

    return ours, plain


def pairs(truth: Labels, predicted: NDArray[np.integer], classes: int) -> Counts:
    """A confusion matrix ``(C, C)`` by NumPy's bincount of the labelled pixels."""
    labelled = truth != IGNORE
    codes = classes * truth[labelled].astype(int) + predicted[labelled]
    return np.bincount(codes, minlength=classes**2).reshape(classes, classes)
