"""A split at its working size, checked and written once as plain arrays that every later stage maps into memory."""

import dataclasses
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dadist import provenance
from dadist.classes import ClassSet
from dadist.data.base import DataError, Files, Reader, chosen, read_image, require_known, require_size
from dadist.data.rows import Rows

VERSION = 2  # of the folder's format
INDEX = "index.json"
ARRAYS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {  # type, and shape beyond (N, H, W)
    "images": (np.uint8, (3,)),
    "labels": (np.uint8, ()),
    "depth": (np.uint16, ()),
}
T = TypeVar("T", bound=np.generic)
_AGAIN = "delete the folder and prepare the split again"


class Prepared:
    """A folder that `write` made, opened read-only.

    Labels and depth are opened when they are first asked for, so who asks for images alone touches no label.
    An object that goes to another process takes the folder's path with it, not the arrays.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        index = _read_index(folder / INDEX)
        self.names: list[str] = index["names"]
        self.classes = ClassSet.from_json(json.dumps(index["classes"]))
        self.width: int = index["width"]
        self.height: int = index["height"]
        self.label_size: tuple[int, int] = tuple(index["label_size"])  # (width, height)
        self.pixels: NDArray[np.int64] = np.array(index["pixels"], np.int64)  # (C,) before resizing; 0 without labels
        self.images: NDArray[np.uint8] = self._open("images")  # (N, H, W, 3) RGB

    def __len__(self) -> int:
        return len(self.names)

    def __reduce__(self) -> tuple[type["Prepared"], tuple[Path]]:
        return Prepared, (self.folder,)

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """Train ids, ``(N, H, W)``; at ``label_size``, which is the images' size or that of the label files."""
        return self._open("labels")

    @cached_property
    def depth(self) -> NDArray[np.uint16]:
        """Centimetres, ``(N, H, W)``; 0 where there is no depth, 65535 where it is far."""
        return self._open("depth")

    def _open(self, name: str) -> NDArray[Any]:
        path = self.folder / f"{name}.npy"
        if not path.is_file():
            raise DataError(f"{path}: expected {name}, found no such file; prepare this split with {name} = true")
        try:
            # A plain view: rows taken from a memmap object would be memmap objects, slower to handle.
            array: NDArray[Any] = np.load(path, mmap_mode="r").view(np.ndarray)
        except (ValueError, EOFError) as error:
            raise DataError(f"{path}: expected a whole .npy file, got {error}; {_AGAIN}") from error
        dtype, channels = ARRAYS[name]
        width, height = self.label_size if name == "labels" else (self.width, self.height)
        shape = (len(self), height, width, *channels)
        if array.shape != shape or array.dtype != dtype:
            raise DataError(
                f"{path}: expected {np.dtype(dtype)} {shape}, got {array.dtype} {array.shape}; "
                f"it was not written together with {INDEX}: {_AGAIN}"
            )
        return array


@dataclass(frozen=True)
class Plan:
    """What to make of a split."""

    split: str
    width: int  # pixels
    height: int  # pixels
    fit: Literal["stretch", "pad"]
    classes: ClassSet
    labels: bool  # whether to look at them at all; never for the target's training split
    depth: bool
    native: (
        bool  # whether labels keep the size of their files, as an evaluation wants them; all must then have one size
    )
    images: int  # at most so many, the first; 0 for all


def write(
    reader: Reader,
    root: Path,
    folder: Path,
    plan: Plan,
    *,
    names: Path | None,
    workers: int,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Read, check and resize a split of the data set at ``root``, and write it as a folder for `Prepared`.

    Images are resized by PIL's bicubic filter, as in the authors' code; labels and depth take the nearest pixel to
    the centre of each cell. The index is written last, so a folder with an index is whole.

    Args:
        names: Text file that names the scenes to take; None for all.
        workers: How many images are in work at a time.
        progress: Called with the number of images done so far.

    Raises:
        DataError: A file is not what it should be.
        FileNotFoundError: A file or folder is missing.
    """
    scenes = reader.files(root, plan.split, labels=plan.labels, depth=plan.depth)
    scenes = (chosen(scenes, names) if names else scenes)[: plan.images or None]
    label_size = (plan.width, plan.height)
    if plan.native and scenes[0].labels is not None:
        label_size = reader.read_labels(scenes[0].labels).shape[1::-1]
    sizes = {"images": (plan.width, plan.height), "depth": (plan.width, plan.height), "labels": label_size}
    rows = _begin(folder, len(scenes), sizes, labels=plan.labels, depth=plan.depth)
    pixels = np.zeros(len(plan.classes), np.int64)
    job = _Job(reader, reader.ids(root), plan.classes, sizes, plan.native, rows)
    for done, counts in enumerate(_each(job, scenes, workers), 1):
        pixels += counts
        if progress is not None:
            progress(done)
    if plan.labels:
        _warn_of_absent(pixels, plan.classes, f"{root} ({plan.split}, {len(scenes)} images)")
    for array in rows.values():
        array.sync()
    index = {
        "version": VERSION,
        "dataset": reader.dataset,
        "split": plan.split,
        "classes": dataclasses.asdict(plan.classes),
        "width": plan.width,
        "height": plan.height,
        "label_size": label_size,
        "pixels": pixels.tolist(),
        "names": [scene.name for scene in scenes],
    }
    with provenance.atomic(folder / INDEX) as temporary:
        temporary.write_text(json.dumps(index, indent=1), encoding="utf-8")


def _begin(
    folder: Path, images: int, sizes: dict[str, tuple[int, int]], *, labels: bool, depth: bool
) -> dict[str, Rows]:
    """An empty file for each array; what an earlier writing left goes, its index first."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in (INDEX, *(f"{name}.npy" for name in ARRAYS)):
        (folder / old).unlink(missing_ok=True)
    wanted = {"images": True, "labels": labels, "depth": depth}
    return {
        name: Rows.create(folder / f"{name}.npy", (images, *sizes[name][::-1], *channels), dtype)
        for name, (dtype, channels) in ARRAYS.items()
        if wanted[name]
    }


def _each(work: "_Job", scenes: list[Files], workers: int) -> Iterator[NDArray[np.int64]]:
    """``work`` on every scene, results in order; the first error ends it.

    Threads, as decoding and resizing let go of the interpreter lock: on 1280x760 an image takes 77 ms with one and
    38 ms with two, and processes are no faster. Threads need no start method, and none outlives a killed parent.
    """
    if workers == 1:
        yield from map(work, range(len(scenes)), scenes)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(work, range(len(scenes)), scenes)


@dataclass(frozen=True)
class _Job:
    """What is done to each scene."""

    reader: Reader
    ids: dict[int, str | None]
    classes: ClassSet
    sizes: dict[str, tuple[int, int]]  # (width, height) of each array
    native: bool
    rows: dict[str, Rows]

    def __call__(self, index: int, scene: Files) -> NDArray[np.int64]:
        """Write one scene; its pixels per class before resizing, ``(C,)``."""
        image = read_image(scene.image)
        counts = np.zeros(256, np.int64)  # per train id
        if scene.labels is not None:
            raw = self.reader.read_labels(scene.labels)
            require_size(scene.labels, raw, scene.image, image)
            seen = np.bincount(raw.ravel(), minlength=256)
            require_known(scene.labels, seen, self.reader.dataset, self.ids)
            if self.native and raw.shape[1::-1] != self.sizes["labels"]:
                raise DataError(
                    f"{scene.labels}: expected the size of the split's first label file, {self.sizes['labels']}, "
                    f"got {raw.shape[1::-1]}; labels that are evaluated as they are must agree in size"
                )
            train_ids = self.classes.lookup(self.reader.dataset, self.ids)
            np.add.at(counts, train_ids, seen)
            self.rows["labels"].put(index, train_ids[_nearest(raw, self.sizes["labels"])])
        if scene.depth is not None:
            depth = self.reader.read_depth(scene.depth)
            require_size(scene.depth, depth, scene.image, image)
            if not depth.any():
                raise DataError(f"{scene.depth}: expected depth in centimetres, got 0 everywhere; copy the file again")
            self.rows["depth"].put(index, _nearest(depth, self.sizes["depth"]))
        self.rows["images"].put(index, _bicubic(image, self.sizes["images"]))
        return counts[: len(self.classes)]


def _bicubic(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if image.shape[1::-1] == size:
        return image
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def _nearest(stored: NDArray[T], size: tuple[int, int]) -> NDArray[T]:
    """The pixel that holds each cell's centre: row floor((i + 0.5) H / height), columns likewise."""
    rows, columns = (
        (2 * np.arange(cells) + 1) * pixels // (2 * cells)
        for cells, pixels in zip(size[::-1], stored.shape, strict=True)
    )
    return stored[np.ix_(rows, columns)]


def _warn_of_absent(pixels: NDArray[np.int64], classes: ClassSet, where: str) -> None:
    for name, count in zip(classes.names, pixels, strict=True):
        if count == 0:
            logging.warning(
                "class %r has no labelled pixel in %s: it will not be learned, or its IoU will be nan", name, where
            )


def _read_index(path: Path) -> dict[str, Any]:
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        version = index.get("version")
    except (FileNotFoundError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: expected the index of a prepared split, got {error!r}; {_AGAIN}") from error
    if version != VERSION:
        raise DataError(f"{path}: expected a prepared split of version {VERSION}, got {version!r}; {_AGAIN}")
    return dict(index)
