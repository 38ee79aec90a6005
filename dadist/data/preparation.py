"""A split of a data set, made into the arrays that `Prepared` opens; who is stopped goes on where it was."""

import dataclasses
import logging
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dadist.classes import ClassSet
from dadist.config.prior_sections import Camera
from dadist.data.inventory import Inventory, SplitPlan
from dadist.data.packing import BadFilesError, Packed, Packer, copied, each
from dadist.data.prepared import INDEX, VERSION
from dadist.data.readers.base import Reader
from dadist.data.resize import content_size
from dadist.storage import seal
from dadist.storage.arrays import Rows
from dadist.storage.errors import DataError
from dadist.storage.journal import Journal
from dadist.storage.workspace import CONTENT, JOURNAL, explaining_full_disk, workplace

WHOLE = "whole"  # inside a workplace: what was made with rows for bad images
MOST_BAD = 100  # images; beyond, it is not the files: read no others


def write(
    reader: Reader,
    root: Path,
    folder: Path,
    plan: SplitPlan,
    *,
    names: Path | None,
    workers: int,
    code: str = "",
    progress: Callable[[int], Callable[[int], None]] | None = None,
) -> None:
    """Read, check and resize a split of the data set at ``root``, and write it as a folder for `Prepared`.

    Images are resized by PIL's bicubic filter, as in the authors' code; labels and depth take the nearest pixel to
    the centre of each cell; what a padded frame does not show of them is black, ignored, without depth.

    Whoever is stopped goes on where it was: the folder is made in a `workplace` beside it, where a `Journal` knows the
    images that are done; an image whose files have changed since is done again. The folder appears whole.

    An image of which a file is bad stops nothing: the others are read first, so that all bad files are named at once.
    With ``skip_bad`` of the plan it is then left out, and the index says so.

    Args:
        names: Text file that names the scenes to take; None for all.
        workers: How many images are in work at a time.
        code: What else decides the arrays, such as a digest of the reader; work of another code is not gone on with.
        progress: Called with the number of images to do; what it returns, with the number of those done so far.

    Raises:
        DataError: Files are not what they should be.
        OSError: A file or folder is missing, or the disk is full.
    """
    inventory = Inventory(reader, root, plan, names)
    key = inventory.key(code)
    wanted = f"{key}-{inventory.fingerprint()}" + "-without-bad" * plan.skip_bad
    with explaining_full_disk(folder), workplace(folder, INDEX, key, wanted) as place:
        if place is None:
            logging.info("%s: made before, and its files are the same", folder)
            return
        content, file = place / CONTENT, place / JOURNAL
        if file.exists():
            packer = Packer.resume(reader, inventory.ids, plan, content, len(inventory.scenes))
        else:
            shutil.rmtree(content, ignore_errors=True)
            packer = Packer.begin(reader, inventory.ids, plan, content, len(inventory.scenes))
        with Journal(file, packer.sync) as journal:
            known, bad = _pack(packer, journal, inventory, workers, progress)
            journal.sync()
        _judge(bad, inventory, len(known))
        packed = [known[index] for index in sorted(known)]
        pixels = [sum(column) for column in zip(*(one.pixels for one in packed), strict=True)]
        if plan.labels:
            _warn_of_absent(pixels, plan.classes, f"{root} ({plan.split}, {len(packed)} images)")
        made = _without_bad(place, sorted(known)) if bad else content
        index = _index(inventory, reader, pixels, known, bad)
        if plan.cameras:
            index["camera"] = _middle([reader.camera(inventory.scenes[scene].image) for scene in sorted(known)])
        index["arrays"] = _arrays(packer, made, packed)
        seal.save(index, made / INDEX, version=VERSION)
        if made != content:
            # Without the journal, whoever is stopped from here on begins anew: its rows are no longer the arrays'.
            file.unlink()
            content.rename(place / WHOLE)
            made.rename(content)


def _pack(
    packer: Packer,
    journal: Journal,
    inventory: Inventory,
    workers: int,
    progress: Callable[[int], Callable[[int], None]] | None,
) -> tuple[dict[int, Packed], dict[int, str]]:
    """Do what the journal does not have; by scene what is known of it, or what is wrong with it."""
    scenes, stamps = inventory.scenes, inventory.stamps
    known = {
        mark["scene"]: Packed(mark["pixels"], mark["size"], mark["checks"])
        for mark in journal.marks
        if mark["stamp"] == stamps[mark["scene"]]
    }
    bad: dict[int, str] = {}
    left = [index for index in range(len(scenes)) if index not in known]
    if known:
        logging.info("%d of %d images were done before", len(known), len(scenes))

    def work(index: int) -> None:
        try:
            known[index] = packed = packer(index, scenes[index])
        except BadFilesError as error:
            bad[index] = str(error)
            if len(bad) == MOST_BAD and not inventory.plan.skip_bad:
                raise DataError(_message(bad)) from error
            return
        journal.add({"scene": index, "stamp": stamps[index], **packed._asdict()})

    report = progress(len(left)) if progress is not None else None
    for done in each(work, left, workers):
        if report is not None:
            report(done)
    return known, bad


def _arrays(packer: Packer, made: Path, packed: list[Packed]) -> dict[str, Any]:
    """What the index says of each array, of as many rows as are packed."""
    shapes = {name: (len(packed), *rows.shape[1:]) for name, rows in packer.rows.items()}
    return {
        name: Rows.open(made / f"{name}.npy", shape, packer.rows[name].dtype.type).record(
            [one.checks[name] for one in packed]
        )
        for name, shape in sorted(shapes.items())
    }


def _judge(bad: dict[int, str], inventory: Inventory, sound: int) -> None:
    """Raise DataError for images that are bad, if they are not to be left out, or if none is left; else log them."""
    if bad and not inventory.plan.skip_bad:
        raise DataError(_message(bad))
    if bad and not sound:
        raise DataError(f"{_message(bad)}\nexpected images beside the bad ones, which skip_bad leaves out, got none")
    for index in sorted(bad):
        logging.warning("left out %s: %s", inventory.scenes[index].name, bad[index])


def _message(bad: dict[int, str]) -> str:
    """All that is wrong, a line for each file, and what can be done beside mending them."""
    lines = [bad[index] for index in sorted(bad)]
    lines[-1] += "; or `skip_bad: true` in the domain leaves such images out"
    return "\n".join(lines)


def _without_bad(place: Path, rows: list[int]) -> Path:
    """What was made, but for the scenes that are bad; beside it."""
    kept = place / "kept"
    for left in (kept, place / WHOLE):
        shutil.rmtree(left, ignore_errors=True)
    copied(place / CONTENT, kept, rows)
    return kept


def _index(
    inventory: Inventory, reader: Reader, pixels: list[int], known: dict[int, Packed], bad: dict[int, str]
) -> dict[str, Any]:
    plan, packed = inventory.plan, [known[index] for index in sorted(known)]
    sizes, frame = [one.size for one in packed], (plan.width, plan.height)
    return {
        "dataset": reader.dataset,
        "depth_kind": reader.depth_kind,
        "depth_estimated": reader.depth_estimated,
        "split": plan.split,
        "classes": dataclasses.asdict(plan.classes),
        "width": plan.width,
        "height": plan.height,
        "original": Counter(sorted(map(tuple, sizes))).most_common(1)[0][0] if sizes else frame,
        "content": [content_size(size, frame, plan.fit) for size in sizes] if plan.fit == "pad" else None,
        "native": sizes if plan.native and plan.labels else None,
        "pixels": pixels,
        "pixels_of_each": [one.pixels for one in packed] if plan.labels else None,
        "files": [one.checks["labels"] for one in packed] if plan.native and plan.labels else [],
        "names": [inventory.scenes[index].name for index in sorted(known)],
        "left_out": {inventory.scenes[index].name: bad[index] for index in sorted(bad)},
    }


def _middle(cameras: list[Camera]) -> dict[str, float]:
    """The median of each number, which a few odd files do not move."""
    rows = [dataclasses.asdict(one) for one in cameras]
    return {name: float(np.median([row[name] for row in rows])) for name in rows[0]}


def _warn_of_absent(pixels: list[int], classes: ClassSet, where: str) -> None:
    for name, count in zip(classes.names, pixels, strict=True):
        if count == 0:
            logging.warning(
                "class %r has no labelled pixel in %s: it will not be learned, or its IoU will be nan", name, where
            )
