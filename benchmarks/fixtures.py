"""Rendered streets for a benchmark, and passes over them: as our stages do it, and by a plain loop over images."""

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

SOURCE_APPEARANCE = Appearance(palette=0.0, haze=0.0, light=0.0, noise=0.0, camera=0.0, statistics=0.0, bonnet=True)
TARGET_APPEARANCE = Appearance(palette=0.6, haze=0.6, light=0.6, noise=0.6, camera=0.0, statistics=0.0, bonnet=False)
CONFIDENCE = 0.9  # that a pseudo-label needs
Counts = NDArray[np.integer]
Labels = NDArray[np.uint8]
Passes = tuple[Callable[[], NDArray[np.integer]], Callable[[], NDArray[np.integer]]]  # ours, a plain loop's


def prepare_validation(
    folder: Path, images: int, size: tuple[int, int], *, shown: tuple[int, int], classes: ClassSet
) -> Prepared:
    """A split of streets that the network sees at ``shown`` (W, H), with labels of another ``size`` (H, W)."""
    plan = SplitPlan("val", *shown, "stretch", classes, labels=True, depth=False, native=True, images=0)
    root = folder / "streets"
    render.write_cityscapes(
        root, SOURCE_APPEARANCE, seed=1, train=0, val=images, width=size[1], height=size[0], workers=1
    )
    write(cityscapes.reader(cityscapes.Options()), root, folder / "split", plan, names=None, workers=1)
    return Prepared(folder / "split")


def prepare_domains(folder: Path, setting: Setting, images: int) -> tuple[Prepared, Prepared]:
    """What a training reads, at the setting's sizes: a source with labels and depth, and a target without."""
    source, target = setting.source, setting.target
    render.write_synthia(
        folder / "synthia",
        SOURCE_APPEARANCE,
        seed=1,
        images=images,
        width=source.width,
        height=source.height,
        workers=1,
    )
    render.write_cityscapes(
        folder / "cityscapes",
        TARGET_APPEARANCE,
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


def evaluation_passes(segmenter: Segmenter, data: Prepared, folder: Path, batch: int) -> Passes:
    """From files to confusion matrices ``(C, C)``; ``folder`` holds the journals, ``batch`` is the size of ours."""
    numbers, device = itertools.count(), next(segmenter.parameters()).device

    def ours() -> Counts:
        with notes(folder / f"{next(numbers)}.json", "") as journal:
            return score(segmenter, data, journal, batch=batch, numerator=1.0, cap_m=1.0, progress=lambda _: None)[0][0]

    @torch.no_grad()
    def plain() -> Counts:
        classes = len(data.classes)
        total = np.zeros((classes, classes), np.int64)
        for row in range(len(data)):
            truth, logits = data.truth(row), segmenter(tensor(data.images[[row]]).to(device)).logits
            total += count_pairs(truth, upsample(logits, truth.shape)[0].cpu().numpy().argmax(0), classes)
        return total

    return ours, plain


def labelling_passes(segmenter: Segmenter, data: Prepared, folder: Path, batch: int) -> Passes:
    """From images to pseudo-labels ``(N, H, W)``; the plain loop writes nothing."""
    numbers, device = itertools.count(), next(segmenter.parameters()).device

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
        labels = []
        for row in range(len(data)):
            logits = segmenter(tensor(data.images[[row]]).to(device)).logits
            probabilities = upsample(logits, (data.height, data.width))[0].softmax(0).cpu().numpy()
            labels.append(np.where(probabilities.max(0) >= CONFIDENCE, probabilities.argmax(0), IGNORE))
        return np.stack(labels).astype(np.uint8)

    return ours, plain


def count_pairs(truth: Labels, predicted: NDArray[np.integer], classes: int) -> Counts:
    """A confusion matrix ``(C, C)`` by NumPy's bincount of the labelled pixels."""
    labelled = truth != IGNORE
    codes = classes * truth[labelled].astype(int) + predicted[labelled]
    return np.bincount(codes, minlength=classes**2).reshape(classes, classes)
