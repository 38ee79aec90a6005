"""Confusion matrices, intersection over union, and the record of an evaluation."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE, ClassSet
from dadist.evaluation.depth import DepthErrors
from dadist.storage import seal

VERSION = 2  # of the format of metrics.json
# Pixels at once, with the memory that takes; OpenCV counts in float32, exactly up to 2^24.
COUNTED = 1 << 22
WORD = 8  # pixels looked at together for where a run begins
RUGGED = 0.5  # share of words with a beginning beyond which counting one by one is faster (measured)


def confusion(truth: NDArray[np.integer], prediction: NDArray[np.integer], classes: int) -> NDArray[np.uint64]:
    """Pixels of each true class (rows) by predicted class (columns).

    Args:
        truth: Train ids, any shape; ``IGNORE`` is not counted.
        prediction: Train ids, same shape; every pixel has a class.
        classes: C.

    Returns:
        ``(C, C)``; add up over images.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"prediction: expected the shape of the truth, {truth.shape}, got {prediction.shape}")
    pairs = _pairs(_bytes("truth", truth, classes), _bytes("prediction", prediction, classes))
    for name, counts in (("truth", np.delete(pairs.sum(1), IGNORE)), ("prediction", pairs.sum(0))):
        found = np.flatnonzero(counts)
        if found.size and found[-1] >= classes:
            raise ValueError(f"{name}: expected train ids from 0 to {classes - 1}, got {found[0]} to {found[-1]}")
    return pairs[:classes, :classes]


def _pairs(truth: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """How often each pair of bytes occurs, ``(256, 256)``: by runs, which are long in street maps, else one by one."""
    pairs, codes, lengths = np.zeros((256, 256), np.uint64), [], []
    for begin in range(0, truth.size, COUNTED):
        part = [one[begin : begin + COUNTED] for one in (truth, prediction)]
        first = _first_pixels(*part)
        if first is None:
            pairs += cv2.calcHist(part, [0, 1], None, [256, 256], [0, 256, 0, 256]).astype(np.uint64)
        else:
            codes.append(part[0][first].astype(np.intp) * 256 + part[1][first])
            lengths.append(np.diff(first, append=part[0].size))
    if codes:
        runs = np.bincount(np.concatenate(codes), np.concatenate(lengths), minlength=256 * 256)
        pairs += runs.astype(np.uint64).reshape(256, 256)
    return pairs


def _first_pixels(truth: NDArray[np.uint8], prediction: NDArray[np.uint8]) -> NDArray[np.intp] | None:
    """Where runs begin, in which neither map changes; None where there are too many."""
    size = truth.size
    begins = np.zeros(-(-size // WORD) * WORD, np.bool_)
    begins[0] = True
    np.not_equal(truth[1:], truth[:-1], out=begins[1:size])
    begins[1:size] |= prediction[1:] != prediction[:-1]
    words = begins.view(np.uint64)
    some = np.flatnonzero(words != 0)
    if len(some) > RUGGED * len(words):
        return None
    inside = np.flatnonzero(words[some].view(np.bool_))
    found: NDArray[np.intp] = some[inside // WORD] * WORD + inside % WORD
    return found


def _bytes(name: str, ids: NDArray[np.integer], classes: int) -> NDArray[np.uint8]:
    """Train ids, any shape, in a row of one byte each."""
    if ids.dtype != np.uint8 and ids.size and not 0 <= ids.min() <= ids.max() <= IGNORE:
        raise ValueError(f"{name}: expected train ids from 0 to {classes - 1}, got {ids.min()} to {ids.max()}")
    return np.ascontiguousarray(ids, np.uint8).reshape(-1)


def iou(confusion: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Intersection over union of each class, percent: ``(C,)``.

    A class that is neither labelled nor predicted anywhere has none: nan.
    """
    matrix = confusion.astype(np.float64)
    union = matrix.sum(0) + matrix.sum(1) - np.diag(matrix)
    scores = np.full(len(matrix), np.nan)
    np.divide(100 * np.diag(matrix), union, out=scores, where=union > 0)
    return scores


def mean_iou(scores: NDArray[np.float64], subset: Sequence[int] | None = None) -> float:
    """Mean of the classes (or those of ``subset``) that have a score; nan if none has.

    Args:
        scores: One number per class, nan for none: ``(C,)``.
        subset: Train ids; such as the 13 of the 16 classes that the starred mean counts.
    """
    counted = scores if subset is None else scores[list(subset)]
    counted = counted[~np.isnan(counted)]
    return float(counted.mean()) if counted.size else float("nan")


@dataclass(frozen=True)
class Metrics:
    """What one model scored on one data set, and how it was made and measured."""

    setting: str  # such as "s2c16"
    method: str
    seed: int
    round: str  # "q0" the adapted model; "q1", "q2" after self-training
    classes: ClassSet
    confusion: list[list[int]]  # (C, C) pixels, rows the truth
    depth: DepthErrors | None  # None without a depth head, or without depth to compare with
    images: int
    protocol: dict[str, str | int | float]  # whatever else a reader of the numbers must know

    @classmethod
    def of(
        cls,
        protocol: dict[str, str | int | float],
        classes: ClassSet,
        confusion: NDArray[np.uint64],
        depth: DepthErrors | None,
        images: int,
    ) -> "Metrics":
        """Of a model, whose setting, method, seed and round stand in its protocol; confusion ``(C, C)``."""
        return cls(
            setting=str(protocol["setting"]),
            method=str(protocol["method"]),
            seed=int(protocol["seed"]),
            round=str(protocol["round"]),
            classes=classes,
            confusion=confusion.tolist(),
            depth=depth,
            images=images,
            protocol=protocol,
        )

    def __post_init__(self) -> None:
        count = len(self.classes)
        if [len(row) for row in self.confusion] != [count] * count:
            raise ValueError(f"confusion: expected {count} rows of {count} for class set {self.classes.name}")

    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each class, percent: ``(C,)``."""
        return iou(np.array(self.confusion, np.uint64))

    def miou(self, subset: Sequence[int] | None = None) -> float:
        """Mean over the classes (or those of ``subset``) that have a score, percent; nan if none has."""
        return mean_iou(self.iou(), subset)

    def save(self, path: Path) -> None:
        """Write as JSON, all or nothing."""
        seal.save(dataclasses.asdict(self), path, version=VERSION)

    @classmethod
    def load(cls, path: Path) -> "Metrics":
        """Read what ``save`` wrote.

        Raises:
            FileNotFoundError: No such file.
            ValueError: The file holds something else.
        """
        (one,) = cls.load_all(path)
        return one

    @classmethod
    def save_all(cls, several: Sequence["Metrics"], path: Path) -> None:
        """One model measured in several ways, in one file."""
        seal.save({"ways": [dataclasses.asdict(one) for one in several]}, path, version=VERSION)

    @classmethod
    def load_all(cls, path: Path) -> list["Metrics"]:
        """Read what ``save_all`` or ``save`` wrote.

        Raises:
            FileNotFoundError: No such file.
            ValueError: The file holds something else.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: expected metrics, found no file; run the rule evaluate")
        what, remedy = "metrics as evaluate writes them", "delete it and run the rule evaluate again"
        content = seal.load(path, version=VERSION, what=what, remedy=remedy)
        try:
            return [cls._from(one) for one in content.get("ways", [content])]
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{path}: expected {what}, got {error}; {remedy}") from error

    @classmethod
    def _from(cls, content: dict[str, Any]) -> "Metrics":
        classes, depth = ClassSet.from_json(json.dumps(content["classes"])), content["depth"]
        return cls(
            **{**content, "classes": classes, "depth": depth if depth is None else DepthErrors.from_record(depth)}
        )
