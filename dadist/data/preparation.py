"""A split of a data set, made into the arrays that `Prepared` opens; who is stopped goes on where it was."""

import dataclasses
import json
import logging
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dadist.classes import ClassSet
from dadist.data.inventory import Inventory, SplitPlan
from dadist.data.packing import Packed, Packer, each
from dadist.data.prepared import INDEX, VERSION
from dadist.data.readers.base import Reader
from dadist.data.resize import content_size
from dadist.storage.journal import Journal
from dadist.storage.workspace import CONTENT, JOURNAL, full_disk_told, workplace


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

    Args:
        names: Text file that names the scenes to take; None for all.
        workers: How many images are in work at a time.
        code: What else decides the arrays, such as a digest of the reader; work of another code is not gone on with.
        progress: Called with the number of images to do; what it returns, with the number of those done so far.

    Raises:
        DataError: A file is not what it should be.
        OSError: A file or folder is missing, or the disk is full.
    """
    inventory = Inventory(reader, root, plan, names)
    key = inventory.key(code)
    with full_disk_told(folder), workplace(folder, INDEX, key, f"{key}-{inventory.fingerprint()}") as place:
        if place is None:
            logging.info("%s: made before, and its files are the same", folder)
            return
        content, file = place / CONTENT, place / JOURNAL
        if file.exists():
            packer = Packer.resume(reader, inventory.ids, plan, content)
        else:
            shutil.rmtree(content, ignore_errors=True)
            packer = Packer.begin(reader, inventory.ids, plan, content, len(inventory.scenes))
        with Journal(file, packer.sync) as journal:
            packed = _pack(packer, journal, inventory, workers, progress)
            journal.sync()
        pixels = [sum(column) for column in zip(*(one.pixels for one in packed), strict=True)]
        if plan.labels:
            _warn_of_absent(pixels, plan.classes, f"{root} ({plan.split}, {len(packed)} images)")
        index = _index(inventory, reader.dataset, pixels, packed)
        with (content / INDEX).open("w", encoding="utf-8") as stream:
            json.dump(index, stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())


def _pack(
    packer: Packer,
    journal: Journal,
    inventory: Inventory,
    workers: int,
    progress: Callable[[int], Callable[[int], None]] | None,
) -> list[Packed]:
    """Do what the journal does not have; what is known of each scene, in order."""
    scenes, stamps = inventory.scenes, inventory.stamps
    known = {
        mark["scene"]: Packed(mark["pixels"], mark["size"], mark["checks"])
        for mark in journal.marks
        if mark["stamp"] == stamps[mark["scene"]]
    }
    left = [index for index in range(len(scenes)) if index not in known]
    if known:
        logging.info("%d of %d images were done before", len(known), len(scenes))

    def work(index: int) -> None:
        known[index] = packed = packer(index, scenes[index])
        journal.add({"scene": index, "stamp": stamps[index], **packed._asdict()})

    report = progress(len(left)) if progress is not None else None
    for done in each(work, left, workers):
        if report is not None:
            report(done)
    return [known[index] for index in range(len(scenes))]


def _index(inventory: Inventory, dataset: str, pixels: list[int], packed: list[Packed]) -> dict[str, Any]:
    plan, sizes = inventory.plan, [one.size for one in packed]
    frame = (plan.width, plan.height)
    return {
        "version": VERSION,
        "dataset": dataset,
        "split": plan.split,
        "classes": dataclasses.asdict(plan.classes),
        "width": plan.width,
        "height": plan.height,
        "original": Counter(sorted(map(tuple, sizes))).most_common(1)[0][0] if sizes else frame,
        "content": [content_size(size, frame, plan.fit) for size in sizes] if plan.fit == "pad" else None,
        "native": sizes if plan.native and plan.labels else None,
        "pixels": pixels,
        "checks": {name: [one.checks[name] for one in packed] for name in (packed[0].checks if packed else ())},
        "names": [scene.name for scene in inventory.scenes],
    }


def _warn_of_absent(pixels: list[int], classes: ClassSet, where: str) -> None:
    for name, count in zip(classes.names, pixels, strict=True):
        if count == 0:
            logging.warning(
                "class %r has no labelled pixel in %s: it will not be learned, or its IoU will be nan", name, where
            )
