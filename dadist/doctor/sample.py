"""A few scenes of a split, evenly spread, read completely by its own reader."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE
from dadist.data.readers.base import (
    Files,
    Reader,
    read_image,
    require_depth,
    require_known,
    require_size,
    required_size,
)
from dadist.doctor.faults import Finding, error_finding, finding
from dadist.doctor.tree import Split
from dadist.storage.errors import DataError

Pixel = TypeVar("Pixel", np.uint8, np.uint16)

THUMB = 320  # pixels, width of what the picture shows
FEWEST = 256  # rows and columns of a depth map that are kept of it, if it has them
SQUARES = 8  # in a row and in a column of an image: depth that is sparse all over is in each
MUCH = 0.5  # share of pixels that is worth a look when it is ignored


@dataclass(frozen=True)
class Seen:
    """What was read of one scene; thumbnails for the picture, depth as `Reader.read_depth` gives it."""

    scene: Files
    image: NDArray[np.uint8]  # (h, w, 3) thumbnail
    labels: NDArray[np.uint8] | None  # (h, w) train ids, thumbnail
    depth: NDArray[np.uint16] | None  # (h, w) thumbnail
    ids: NDArray[np.int64]  # (256,) pixels per raw id; 0 without labels
    depths: NDArray[np.uint16]  # (h, w) some rows and columns of the depth map; (0, 0) without depth
    relative: bool  # whether depth is relative
    covered: float  # share of SQUARES x SQUARES squares that have depth
    findings: list[Finding]


def pick(count: int, wanted: int, seed: int) -> list[int]:
    """``wanted`` of ``count`` indices at equal distances from a start that the seed draws; sorted."""
    wanted = min(count, wanted)
    start = np.random.default_rng(seed).random()
    return [int((index + start) * count / wanted) for index in range(wanted)]


def look(split: Split, scenes: Sequence[Files], workers: int) -> list[Seen]:
    """Reads the scenes; those that cannot be read have a finding in place of pictures."""
    if not scenes:
        return []
    ids = split.reader.ids(split.root)
    lookup = split.plan.classes.lookup(split.reader.dataset, ids)

    def one(scene: Files) -> Seen:
        return _see(split.reader, scene, ids, lookup)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, scenes))


def _see(reader: Reader, scene: Files, ids: dict[int, str | None], lookup: NDArray[np.uint8]) -> Seen:
    findings: list[Finding] = []
    image, raw, depth = np.zeros((1, 1, 3), np.uint8), None, None
    role = "image"
    try:
        image = read_image(scene.image)
        role = "labels"
        raw = reader.read_labels(scene.labels) if scene.labels else None
        role = "depth"
        depth = reader.read_depth(scene.depth) if scene.depth else None
        role = "size"
        for path, stored, require in ((scene.labels, raw, require_size), (scene.depth, depth, required_size(reader))):
            if path is not None and stored is not None:
                require(path, stored, scene.image, image)
    except (DataError, OSError) as error:
        findings.append(error_finding("size-mismatch" if role == "size" else f"{role}-format", error))
    seen = np.zeros(256, np.int64)
    if raw is not None and scene.labels is not None:
        seen = np.bincount(raw.ravel(), minlength=256)
        try:
            require_known(scene.labels, seen, reader.dataset, ids)
        except DataError as error:
            findings.append(error_finding("unknown-ids", error))
        if raw.shape == image.shape[:2] and (image == raw[..., None]).all():
            findings.append(finding("image-is-labels", scene.image, f"expected an image, got {scene.labels} again"))
    if depth is not None and scene.depth is not None:
        try:
            require_depth(scene.depth, depth)
        except DataError as error:
            findings.append(error_finding("depth-constant" if depth.any() else "depth-empty", error))
    shown = _small(image, cv2.INTER_AREA)
    return Seen(
        scene,
        shown,
        None if raw is None else lookup[_small(raw, cv2.INTER_NEAREST)],
        None if depth is None else _resized(depth, shown.shape[1::-1]),
        seen,
        np.zeros((0, 0), np.uint16) if depth is None else _thinned(depth),
        reader.depth_kind == "relative",
        0.0 if depth is None else _covered(depth),
        findings,
    )


def _thinned(depth: NDArray[np.uint16]) -> NDArray[np.uint16]:
    step = max(1, min(depth.shape) // FEWEST)
    return depth[::step, ::step].copy()


def _covered(depth: NDArray[np.uint16]) -> float:
    rows, columns = (np.linspace(0, side, SQUARES + 1).astype(int)[:-1] for side in depth.shape)
    known = np.add.reduceat(np.add.reduceat(depth > 0, rows, axis=0, dtype=np.int64), columns, axis=1)
    return float(np.mean(known > 0))


def _small(array: NDArray[Pixel], how: int) -> NDArray[Pixel]:
    """At most THUMB wide."""
    height, width = array.shape[:2]
    if width <= THUMB:
        return array
    return _resized(array, (THUMB, max(1, round(height * THUMB / width))), how)


def _resized(array: NDArray[Pixel], size: tuple[int, ...], how: int = cv2.INTER_NEAREST) -> NDArray[Pixel]:
    return np.asarray(cv2.resize(array, size, interpolation=how), array.dtype)


def judge(split: Split, seen: Sequence[Seen]) -> Iterator[Finding]:
    """What the sample says of the whole split, after what was found in single files."""
    for one in seen:
        yield from one.findings
    whole = [one for one in seen if not one.findings]
    grey = [one.scene.image for one in whole if one.image.size > 3 and not np.ptp(one.image, axis=2).any()]
    if grey:
        what = f"expected colours, got equal channels in {len(grey)} of {len(whole)} images"
        yield finding("grey-image", grey[0], what)
    labelled = [one for one in whole if one.labels is not None]
    if labelled:
        yield from _judge_labels(split, labelled)


def _judge_labels(split: Split, seen: Sequence[Seen]) -> Iterator[Finding]:
    classes, known = split.plan.classes, split.reader.ids(split.root)
    folder = str(seen[0].scene.labels)
    ids = np.sum([one.ids for one in seen], axis=0)
    lookup = classes.lookup(split.reader.dataset, known)
    pixels = np.bincount(lookup, ids, minlength=256)
    share = pixels[IGNORE] / max(ids.sum(), 1)
    present = ", ".join(map(str, np.flatnonzero(ids)))
    if share == 1:
        what = f"expected pixels of class set {classes.name}, got none but raw ids {present}"
        yield finding("no-labels", folder, what)
        return
    # Train ids of the 19 classes are ids of most data sets too; but then those beyond 18 never come.
    labelled = [raw for raw, label in known.items() if label is not None]
    if not ids[19:IGNORE].any() and sum(raw > 18 for raw in labelled) > len(labelled) / 2:
        yield finding("train-ids", folder, f"expected raw ids up to {max(labelled)}, got none but {present}")
        return
    if share > MUCH:
        yield finding("mostly-ignored", folder, f"expected pixels with a class, got {share:.0%} without one")
    reachable = set(lookup.tolist())
    unseen = [name for index, name in enumerate(classes.names) if index in reachable and not pixels[index]]
    if unseen:
        what = f"expected every class in {len(seen)} images, got no pixel of {', '.join(unseen)}"
        yield finding("class-unseen", folder, what)
