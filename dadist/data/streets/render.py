"""Rendered street scenes in two domains, written as SYNTHIA and Cityscapes lay their files out.

A scene is drawn from (seed, index) alone and in metres: it is the same street at any appearance, size and number of
workers.
The source has the default appearance (all 0), the target another; train, val and source streets differ.
"""

import itertools
import json
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist import classes
from dadist.config.schema import Appearance
from dadist.data.readers.base import FAR_CM
from dadist.data.streets.appearance import Dice, air, camera
from dadist.data.streets.ground import LANE
from dadist.data.streets.layout import add_bonnet, lay_out
from dadist.data.streets.rasterize import depth_at, rasterise
from dadist.data.streets.scene import Camera
from dadist.data.streets.shading import colour
from dadist.data.streets.stereo import calibration, disparity

__all__ = ["LANE", "RenderedScene", "render", "write_cityscapes", "write_synthia"]

STREAMS = {"synthia": 0, "train": 1, "val": 2}  # each split has streets of its own
CITIES = {"train": ("alderfurt", "birkenau", "corvenia"), "val": ("dunmere", "eschental")}  # invented


@dataclass(frozen=True)
class RenderedScene:
    """One rendered scene."""

    image: NDArray[np.uint8]  # (H, W, 3) RGB
    labels: NDArray[np.uint8]  # (H, W) train ids of the 16 classes; LANE for lane marking, IGNORE for the bonnet
    instances: NDArray[np.uint16]  # (H, W) 1.. for people, riders and vehicles, else 0
    depth_m: NDArray[np.float32]  # (H, W) along the optical axis, exact; infinite for the sky
    camera: Camera  # that saw it


def render(appearance: Appearance, *, seed: int, index: int, width: int, height: int) -> RenderedScene:
    """Renders scene ``index`` of the stream ``seed``; the same arguments give the same arrays.

    Args:
        appearance: The domain.
        seed: Of the stream of scenes, 0 or more.
        index: Of the scene in the stream.
        width: In pixels; sizes show the same street from the same place.
        height: In pixels.
    """
    dice = Dice(appearance, seed, index)
    seen, weather = camera(dice), air(dice)
    scene = lay_out(dice, weather.sun)
    if appearance.bonnet:
        add_bonnet(scene, dice, seen, height / width, classes.IGNORE)
    buffers = rasterise(scene, seen, width, height)
    sky = classes.CLASS_SETS["16"].names.index("sky")
    table = np.array([(sky, 0), *((s.label, s.instance) for s in buffers.surfaces)])
    centres = buffers.solid[1::2, 1::2]
    return RenderedScene(
        image=colour(buffers, seen, weather, width, height),
        labels=table[:, 0].astype(np.uint8)[centres],
        instances=table[:, 1].astype(np.uint16)[centres],
        depth_m=depth_at(buffers.planes, buffers.solid, 2).astype(np.float32),
        camera=seen,
    )


def write_synthia(
    root: Path,
    appearance: Appearance,
    *,
    seed: int,
    images: int,
    width: int,
    height: int,
    workers: int,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Writes scenes as SYNTHIA-RAND-CITYSCAPES does: ``RGB``, ``GT/LABELS`` and ``Depth``, seven-digit names.

    Labels are 16-bit in three channels: class in the first (red), instance in the second. Depth is in centimetres,
    16-bit, the same in three channels; 65535 is the sky.

    Args:
        root: Folder to write in.
        appearance: The domain.
        seed: Of the data set.
        images: How many.
        width: In pixels.
        height: In pixels.
        workers: Processes; 1 or fewer renders in this one.
        progress: Called with the number of images done.
    """
    for folder in ("RGB", "GT/LABELS", "Depth"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    task = partial(_write_synthia_scene, root, appearance, stream(seed, "synthia"), width, height)
    _run(task, [(index,) for index in range(images)], workers, progress)


def write_cityscapes(
    root: Path,
    appearance: Appearance,
    *,
    seed: int,
    train: int,
    val: int,
    width: int,
    height: int,
    workers: int,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Writes scenes as Cityscapes does: ``leftImg8bit``, ``disparity`` and ``camera`` of both splits; ``gtFine`` label
    ids of val alone.

    The train split has no labels: nothing could read one by mistake.

    Args:
        root: Folder to write in.
        appearance: The domain.
        seed: Of the data set.
        train: How many images to train on.
        val: How many images to evaluate on.
        width: In pixels.
        height: In pixels.
        workers: Processes; 1 or fewer renders in this one.
        progress: Called with the number of images done.
    """
    tasks = []
    for split, images in (("train", train), ("val", val)):
        for index in range(images):
            city = CITIES[split][index * len(CITIES[split]) // images]
            for folder in ("leftImg8bit", "disparity", "camera", *(["gtFine"] if split == "val" else [])):
                (root / folder / split / city).mkdir(parents=True, exist_ok=True)
            tasks.append((split, city, index, stream(seed, split)))
    _run(partial(_write_cityscapes_scene, root, appearance, width, height), tasks, workers, progress)


def _write_synthia_scene(root: Path, appearance: Appearance, seed: int, width: int, height: int, index: int) -> None:
    street = render(appearance, seed=seed, index=index, width=width, height=height)
    name = f"{index:07d}.png"
    raw = _raw_ids("synthia", lane=22, ignored=0)[street.labels].astype(np.uint16)
    labels = np.stack([raw, street.instances, np.zeros_like(raw)], 2)
    depth = np.repeat(_centimetres(street.depth_m)[..., None], 3, 2)
    _write(root / "RGB" / name, street.image)
    _write(root / "GT" / "LABELS" / name, labels)
    _write(root / "Depth" / name, depth)


def _write_cityscapes_scene(
    root: Path, appearance: Appearance, width: int, height: int, split: str, city: str, index: int, seed: int
) -> None:
    street = render(appearance, seed=seed, index=index, width=width, height=height)
    name = f"{city}_{index:06d}_000019"
    _write(root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png", street.image)
    if split == "val":
        raw = _raw_ids("cityscapes", lane=7, ignored=1)[street.labels]
        _write(root / "gtFine" / split / city / f"{name}_gtFine_labelIds.png", raw)
    _write(root / "disparity" / split / city / f"{name}_disparity.png", disparity(street.depth_m, street.camera))
    text = json.dumps(calibration(street.camera, width, height), indent=4)
    (root / "camera" / split / city / f"{name}_camera.json").write_text(text + "\n", encoding="utf-8")


def _raw_ids(dataset: str, *, lane: int, ignored: int) -> NDArray[np.uint8]:
    """Table from the renderer's ids to a data set's."""
    table = np.zeros(256, np.uint8)
    for row in classes.TABLE:
        raw = getattr(row, dataset)
        if row.sixteen is not None and raw is not None:
            table[row.sixteen] = raw
    table[LANE], table[classes.IGNORE] = lane, ignored
    return table


def _centimetres(depth_m: NDArray[np.float32]) -> NDArray[np.uint16]:
    near = np.clip(np.floor(np.where(np.isinf(depth_m), 0, depth_m) * 100 + 0.5), 1, FAR_CM - 1)
    return np.where(np.isinf(depth_m), FAR_CM, near).astype(np.uint16)


def _write(path: Path, array: NDArray[Any]) -> None:
    """Writes a PNG; channels are given in the order red, green, blue."""
    if array.ndim == 3:
        array = np.ascontiguousarray(array[..., ::-1])  # cv2 wants blue first
    if not cv2.imwrite(str(path), array, [cv2.IMWRITE_PNG_COMPRESSION, 1]):
        raise OSError(f"{path}: expected to write a PNG, cv2 could not; is the disk full?")


def stream(seed: int, split: str) -> int:
    """The seed of a split's scenes."""
    return int(np.random.SeedSequence((seed, STREAMS[split])).generate_state(1)[0])


def _run(
    task: Callable[..., None],
    arguments: Iterable[tuple[object, ...]],
    workers: int,
    progress: Callable[[int], None] | None,
) -> None:
    """Calls the task on each tuple of arguments, in order, in so many processes."""
    for done, _ in enumerate(_results(task, list(arguments), workers), 1):
        if progress is not None:
            progress(done)


def _results(task: Callable[..., None], arguments: list[tuple[object, ...]], workers: int) -> Iterator[None]:
    if workers <= 1:
        yield from itertools.starmap(task, arguments)
        return
    # Not fork: numpy's and cv2's threads make it unsafe, and Python 3.12 warns.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_begin) as pool:
        yield from pool.map(task, *zip(*arguments, strict=True), chunksize=4)


def _begin() -> None:
    """Begin a worker: one thread of OpenCV, and an end when its parent's comes, which kill -9 does not tell it."""
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
