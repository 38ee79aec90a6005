"""A split at its working size, checked and written once as plain arrays that every later stage maps into memory."""

import dataclasses
import json
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dadist import provenance
from dadist.classes import ClassSet
from dadist.data.base import DataError, Files, Reader, chosen, decode
from dadist.data.fit import Fit, Size, content_size, frame_around
from dadist.data.packing import ARRAYS, NATIVE, Packed, Packer, native_file
from dadist.data.rows import Rows

VERSION = 3  # of the folder's format
INDEX = "index.json"
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
        self.pixels: NDArray[np.int64] = np.array(index["pixels"], np.int64)  # (C,) before resizing; 0 without labels
        # (N, 2), width and height of what a padded frame shows of each image, on its upper left; None where it fills it
        self.content: NDArray[np.int64] | None = _pairs(index["content"])
        # (N, 2), width and height of labels that keep the size of their files; None for labels of the images' size
        self.native: NDArray[np.int64] | None = _pairs(index["native"])
        self.images: NDArray[np.uint8] = self._open("images")  # (N, H, W, 3) RGB

    def __len__(self) -> int:
        return len(self.names)

    def __reduce__(self) -> tuple[type["Prepared"], tuple[Path]]:
        return Prepared, (self.folder,)

    @property
    def has_depth(self) -> bool:
        """Whether the split was prepared with depth."""
        return (self.folder / "depth.npy").is_file()

    @cached_property
    def labels(self) -> NDArray[np.uint8]:
        """Train ids at the images' size, ``(N, H, W)``; `truth` has those of a split to evaluate on, of any size."""
        if self.native is not None:
            raise DataError(f"{self.folder}: expected labels at the images' size, got labels of their own; ask `truth`")
        return self._open("labels")

    @cached_property
    def depth(self) -> NDArray[np.uint16]:
        """Centimetres, ``(N, H, W)``; 0 where there is no depth, 65535 where it is far."""
        return self._open("depth")

    def truth(self, index: int) -> NDArray[np.uint8]:
        """Train ids of one image at the size that it is evaluated at, ``(h, w)``; without padding.

        Raises:
            DataError: The file is damaged, or not the one that was written together with the index.
            FileNotFoundError: It is not there.
        """
        if self.native is None:
            width, height = (self.width, self.height) if self.content is None else self.content[index]
            return self.labels[index, :height, :width]
        path, (width, height) = self.folder / native_file(index), self.native[index]
        labels = decode(path)
        if labels.shape != (height, width) or labels.dtype != np.uint8:
            raise DataError(
                f"{path}: expected labels of {width}x{height}, got {labels.dtype} {labels.shape}; "
                f"it was not written together with {INDEX}: {_AGAIN}"
            )
        return labels

    def frame(self, index: int) -> Size:
        """(width, height) of the whole network input in pixels of `truth`, which is its upper left part.

        Native labels of a padded split are, in the paper's protocol, extended on the right and bottom to the
        input's aspect ratio, and predictions are brought to that size.
        """
        if self.native is None:
            return self.width, self.height
        width, height = self.native[index].tolist()
        fit: Fit = "stretch" if self.content is None else "pad"
        return frame_around((width, height), (self.width, self.height), fit)

    def inside(self, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.bool_]:
        """Where the frame shows these images, ``(len(rows), H, W)``; False on padding."""
        if self.content is None:
            return np.ones((len(rows), self.height, self.width), bool)
        widths, heights = self.content[rows].T[..., None]  # (B, 1) each
        mask: NDArray[np.bool_] = (np.arange(self.height) < heights)[:, :, None] & (np.arange(self.width) < widths)[
            :, None
        ]
        return mask

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
        shape = (len(self), self.height, self.width, *channels)
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
    fit: Fit  # stretch to width x height, or shrink as a whole and pad
    classes: ClassSet
    labels: bool  # whether to look at them at all; never for the target's training split
    depth: bool
    native: bool  # whether labels keep the size of their files, as an evaluation wants them
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
    the centre of each cell; what a padded frame does not show of them is black, ignored, without depth. The index is
    written last, so a folder with an index is whole.

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
    frame = (plan.width, plan.height)
    rows = _begin(folder, len(scenes), plan)
    packer = Packer(reader, reader.ids(root), plan.classes, frame, plan.fit, plan.native, folder, rows)
    packed = []
    for done, one in enumerate(_each(packer, scenes, workers), 1):
        packed.append(one)
        if progress is not None:
            progress(done)
    pixels = [sum(column) for column in zip(*(one.pixels for one in packed), strict=True)]
    if plan.labels:
        _warn_of_absent(pixels, plan.classes, f"{root} ({plan.split}, {len(scenes)} images)")
    for array in rows.values():
        array.sync()
    sizes = [one.size for one in packed]
    index = {
        "version": VERSION,
        "dataset": reader.dataset,
        "split": plan.split,
        "classes": dataclasses.asdict(plan.classes),
        "width": plan.width,
        "height": plan.height,
        "content": [content_size(size, frame, plan.fit) for size in sizes] if plan.fit == "pad" else None,
        "native": sizes if plan.native and plan.labels else None,
        "pixels": pixels,
        "names": [scene.name for scene in scenes],
    }
    with provenance.atomic(folder / INDEX) as temporary:
        temporary.write_text(json.dumps(index, indent=1), encoding="utf-8")


def _begin(folder: Path, images: int, plan: Plan) -> dict[str, Rows]:
    """An empty file for each array; what an earlier writing left goes."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    wanted = {"images": True, "labels": plan.labels and not plan.native, "depth": plan.depth}
    if plan.labels and plan.native:
        (folder / NATIVE).mkdir()
    return {
        name: Rows.create(folder / f"{name}.npy", (images, plan.height, plan.width, *channels), dtype)
        for name, (dtype, channels) in ARRAYS.items()
        if wanted[name]
    }


def _each(work: Packer, scenes: list[Files], workers: int) -> Iterator[Packed]:
    """``work`` on every scene, results in order; the first error ends it.

    Threads, as decoding and resizing let go of the interpreter lock: on 1280x760 an image takes 77 ms with one and
    38 ms with two, and processes are no faster. Threads need no start method, and none outlives a killed parent.
    """
    if workers == 1:
        yield from map(work, range(len(scenes)), scenes)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(work, range(len(scenes)), scenes)


def _warn_of_absent(pixels: list[int], classes: ClassSet, where: str) -> None:
    for name, count in zip(classes.names, pixels, strict=True):
        if count == 0:
            logging.warning(
                "class %r has no labelled pixel in %s: it will not be learned, or its IoU will be nan", name, where
            )


def _pairs(listed: list[list[int]] | None) -> NDArray[np.int64] | None:
    return None if listed is None else np.array(listed, np.int64)


def _read_index(path: Path) -> dict[str, Any]:
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
        version = index.get("version")
    except (FileNotFoundError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: expected the index of a prepared split, got {error!r}; {_AGAIN}") from error
    if version != VERSION:
        raise DataError(f"{path}: expected a prepared split of version {VERSION}, got {version!r}; {_AGAIN}")
    return dict(index)
