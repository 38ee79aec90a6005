"""A network against the labels of a split: what is counted for its metrics, the next batch read meanwhile."""

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from dadist.data.prefetch import ahead
from dadist.data.prepared import Prepared
from dadist.evaluation.confusion import confusion
from dadist.evaluation.depth import DepthErrors, depth_errors
from dadist.model.inference import batches, most_probable, outputs
from dadist.model.segmenter import Segmenter, upsample
from dadist.storage.journal import Journal

Counted = tuple[NDArray[np.uint64], DepthErrors | None]


@torch.no_grad()
def score(
    segmenter: Segmenter,
    data: Prepared,
    journal: Journal,
    *,
    batch: int,
    numerator: float,
    cap_m: float,
    progress: Callable[[int], None],
) -> Counted:
    """One confusion matrix over a split ``(C, C)``, and depth errors where network and data set have depth.

    Args:
        segmenter: In eval mode, on any device.
        data: Labelled.
        journal: Of the images that are done; those in it are not looked at again.
        batch: Images at once; changes no number.
        numerator: Of the inverse depth.
        cap_m: Of the depth errors, metres.
        progress: Called with the number of images done.
    """
    done = {mark["row"]: mark for mark in journal.marks}
    left = [row for row in range(len(data)) if row not in done]
    read = partial(_read, data, depth=segmenter.has_depth and data.has_depth)
    with contextlib.closing(ahead(read, (left[part] for part in batches(len(left), batch)))) as every:
        for given in every:
            for row, (counts, errors) in zip(given.rows, _batch(segmenter, data, given, numerator, cap_m), strict=True):
                record = None if errors is None else errors.record()
                done[row] = mark = {"row": row, "confusion": counts.tolist(), "depth": record}
                journal.add(mark)
            progress(len(done))
    return _sum([done[row] for row in range(len(data))], len(data.classes))


class _Batch(NamedTuple):
    """What is read of some rows."""

    rows: list[int]
    images: NDArray[np.uint8]  # (B, H, W, 3)
    truths: list[NDArray[np.uint8]]
    depth: NDArray[np.uint16] | None  # (B, H, W) centimetres


def _read(data: Prepared, rows: list[int], *, depth: bool) -> _Batch:
    return _Batch(rows, data.images[rows], [data.truth(row) for row in rows], data.depth[rows] if depth else None)


def _batch(segmenter: Segmenter, data: Prepared, given: _Batch, numerator: float, cap_m: float) -> Iterator[Counted]:
    found, size = outputs(segmenter, given.images), (data.height, data.width)
    depth = None
    if found.depth is not None and given.depth is not None:
        depth = upsample(found.depth, size)[:, 0].double().cpu().numpy()
    for index, (row, truth) in enumerate(zip(given.rows, given.truths, strict=True)):
        width, height = data.frame(row)
        predicted = most_probable(found.logits[index], (height, width))[: truth.shape[0], : truth.shape[1]]
        errors = None
        if depth is not None and given.depth is not None:
            errors = depth_errors(depth[index], given.depth[index], numerator=numerator, cap_m=cap_m)
        yield confusion(truth, predicted, len(data.classes)), errors


def _sum(marks: list[dict], classes: int) -> Counted:  # type: ignore[type-arg]
    total, errors = np.zeros((classes, classes), np.uint64), None
    for mark in marks:
        total += np.array(mark["confusion"], np.uint64)
        if mark["depth"] is not None:
            one = DepthErrors.from_record(mark["depth"])
            errors = one if errors is None else errors + one
    return total, errors
