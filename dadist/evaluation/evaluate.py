"""A network against the labels of a split: what is counted for its metrics, the next batch read meanwhile."""

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dadist.data.prefetch import ahead
from dadist.data.prepared import Prepared
from dadist.evaluation.confusion import confusion
from dadist.evaluation.depth import DepthErrors, depth_errors
from dadist.model.inference import batches, most_probable, outputs
from dadist.model.segmenter import Outputs, Segmenter, upsample
from dadist.prior.use import PriorOf
from dadist.storage.journal import Journal

Counted = tuple[list[NDArray[np.uint64]], DepthErrors | None]
Fusing = Callable[[Tensor, Tensor | None], Tensor]  # logits and z, on the network's grid, to logits


@torch.no_grad()
def score(
    segmenter: Segmenter,
    data: Prepared,
    journal: Journal,
    *,
    batch: int,
    numerator: float,
    cap_m: float,
    prior: PriorOf | None = None,
    ways: Sequence[Fusing | None] = (None,),
    progress: Callable[[int], None],
) -> Counted:
    """A confusion matrix ``(C, C)`` per way over a split, and depth errors where network and data set have metres.

    Args:
        segmenter: In eval mode, on any device.
        data: Labelled.
        journal: Of the images that are done; those in it are not looked at again.
        batch: Images at once; changes no number.
        numerator: Of the inverse depth.
        cap_m: Of the depth errors, metres.
        prior: Gives the depth of the images to the ways.
        ways: What is made of the network's logits before they are enlarged; None: nothing.
        progress: Called with the number of images done.
    """
    done = {mark["row"]: mark for mark in journal.marks}
    left = [row for row in range(len(data)) if row not in done]
    metres = segmenter.has_depth and data.has_depth and data.depth_kind == "metric" and not data.depth_estimated
    read = partial(_read, data, depth=metres)
    with contextlib.closing(ahead(read, (left[part] for part in batches(len(left), batch)))) as every:
        for given in every:
            found = outputs(segmenter, given.images)
            z = None if prior is None else prior.z(given.rows, found)
            logits = [found.logits if way is None else way(found.logits, z) for way in ways]
            errors = _depth_errors(found, data, given, numerator, cap_m)
            for index, row in enumerate(given.rows):
                counts = [_confusion(one[index], data, row, given.truths[index]).tolist() for one in logits]
                record = None if errors is None else errors[index].record()
                done[row] = mark = {"row": row, "confusions": counts, "depth": record}
                journal.add(mark)
            progress(len(done))
    return _sum([done[row] for row in range(len(data))], len(ways), len(data.classes))


class _Batch(NamedTuple):
    """What is read of some rows."""

    rows: list[int]
    images: NDArray[np.uint8]  # (B, H, W, 3)
    truths: list[NDArray[np.uint8]]
    depth: NDArray[np.uint16] | None  # (B, H, W) centimetres


def _read(data: Prepared, rows: list[int], *, depth: bool) -> _Batch:
    return _Batch(rows, data.images[rows], [data.truth(row) for row in rows], data.depth[rows] if depth else None)


def _depth_errors(
    found: Outputs, data: Prepared, given: _Batch, numerator: float, cap_m: float
) -> list[DepthErrors] | None:
    """Of each image; None where network or data set have no depth."""
    if found.depth is None or given.depth is None:
        return None
    depth = upsample(found.depth, (data.height, data.width))[:, 0].double().cpu().numpy()
    return [
        depth_errors(one, true, numerator=numerator, cap_m=cap_m) for one, true in zip(depth, given.depth, strict=True)
    ]


def _confusion(logits: Tensor, data: Prepared, row: int, truth: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Of one image; logits ``(C, h, w)``."""
    width, height = data.frame(row)
    predicted = most_probable(logits, (height, width))[: truth.shape[0], : truth.shape[1]]
    return confusion(truth, predicted, len(data.classes))


def _sum(marks: list[dict[str, Any]], ways: int, classes: int) -> Counted:
    totals, errors = [np.zeros((classes, classes), np.uint64) for _ in range(ways)], None
    for mark in marks:
        for total, counts in zip(totals, mark["confusions"], strict=True):
            total += np.array(counts, np.uint64)
        if mark["depth"] is not None:
            one = DepthErrors.from_record(mark["depth"])
            errors = one if errors is None else errors + one
    return totals, errors
