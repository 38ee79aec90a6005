"""One scene of a data set, read, checked and put at its place in a prepared split."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE
from dadist.data.inventory import SplitPlan
from dadist.data.png import write_png
from dadist.data.readers.bad_files import collecting, read_or_note
from dadist.data.readers.base import (
    Files,
    Reader,
    read_image,
    require_depth,
    require_known,
    require_size,
    required_size,
)
from dadist.data.resize import Size, bicubic, content_size, nearest
from dadist.storage.arrays import Rows
from dadist.storage.atomic import sync_folder
from dadist.storage.errors import DataError

ARRAYS: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {  # type, and shape beyond (N, H, W)
    "images": (np.uint8, (3,)),
    "labels": (np.uint8, ()),
    "depth": (np.uint16, ()),
}
NATIVE = "labels"  # folder of labels that keep the size of their files


def native_file(index: int) -> str:
    """Labels of one image at the size of their file.

    As PNG: 28 kB for 1024x2048, read in 3.5 ms (a plain array: 2.1 MB), and every viewer opens it.
    """
    return f"{NATIVE}/{index:06}.png"


class Packed(NamedTuple):
    """What is known of a scene once it is written."""

    pixels: list[int]  # per class before resizing; 0 without labels
    size: Size  # of its files
    checks: dict[str, int]  # name of an array → checksum of its row; of labels of their own size, that of the file


class BadFilesError(DataError):
    """Of one scene: files that are not what they should be, or cannot be read; a line for each."""


@dataclass(frozen=True)
class Packer:
    """What is done to each scene of a split."""

    reader: Reader
    ids: dict[int, str | None]
    plan: SplitPlan
    folder: Path
    rows: dict[str, Rows]

    @classmethod
    def begin(cls, reader: Reader, ids: dict[int, str | None], plan: SplitPlan, folder: Path, images: int) -> "Packer":
        """With an empty file for each array."""
        folder.mkdir()
        if plan.labels and plan.native:
            (folder / NATIVE).mkdir()
        rows = {path.stem: Rows.create(path, *kind) for path, kind in _arrays(plan, folder, images).items()}
        return cls(reader, ids, plan, folder, rows)

    @classmethod
    def resume(cls, reader: Reader, ids: dict[int, str | None], plan: SplitPlan, folder: Path, images: int) -> "Packer":
        """With the files that ``begin`` made."""
        rows = {path.stem: Rows.open(path, *kind) for path, kind in _arrays(plan, folder, images).items()}
        return cls(reader, ids, plan, folder, rows)

    def __call__(self, index: int, scene: Files) -> Packed:
        """Write scene number ``index``.

        Raises:
            BadFilesError: One of its files is not what it should be, or cannot be read.
        """
        image, raw, seen, depth = self._read(scene)
        size: Size = (image.shape[1], image.shape[0])
        frame = (self.plan.width, self.plan.height)
        content = content_size(size, frame, self.plan.fit)
        pixels, checks = [0] * len(self.plan.classes), {}
        if raw is not None:
            pixels, checks["labels"] = self._pack_labels(index, raw, seen, content)
        if depth is not None:
            (checks["depth"],) = self.rows["depth"].put(index, nearest(depth, content, frame, 0))
        (checks["images"],) = self.rows["images"].put(index, bicubic(image, content, frame))
        return Packed(pixels, size, checks)

    def _read(
        self, scene: Files
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None, NDArray[np.int64], NDArray[np.uint16] | None]:
        """Image, raw ids, pixels of each id ``(256,)`` and depth; each file is tried, so that all bad ones are told."""
        messages: list[str] = []
        image = read_or_note(messages, read_image, scene.image)
        raw = read_or_note(messages, self.reader.read_labels, scene.labels)
        depth = read_or_note(messages, self.reader.read_depth, scene.depth)
        seen = np.zeros(256, np.int64) if raw is None else histogram(raw)
        with collecting(messages):
            if scene.labels is not None:
                require_known(scene.labels, seen, self.reader.dataset, self.ids)
        with collecting(messages):
            if scene.depth is not None and depth is not None:
                require_depth(scene.depth, depth)
        if self.plan.depth and scene.depth is None and not messages:
            messages.append(
                f"{scene.image}: expected a depth file, got none, since it could not be read when depth was estimated; "
                "delete that folder of depth files, and run the same command again"
            )
        for path, stored, require in (
            (scene.labels, raw, require_size),
            (scene.depth, depth, required_size(self.reader)),
        ):
            with collecting(messages):
                if path is not None and stored is not None and image is not None:
                    require(path, stored, scene.image, image)
        if image is None or messages:
            raise BadFilesError("\n".join(messages))
        return image, raw, seen, depth

    def _pack_labels(
        self, index: int, raw: NDArray[np.uint8], seen: NDArray[np.int64], content: Size
    ) -> tuple[list[int], int]:
        """Write raw ids, of which so many are ``seen``, as train ids; pixels per class, ``(C,)``, and the checksum."""
        table = self.plan.classes.lookup(self.reader.dataset, self.ids)
        if self.plan.native:
            check = write_png(self.folder / native_file(index), table[raw])
        else:
            frame = (self.plan.width, self.plan.height)
            (check,) = self.rows["labels"].put(index, nearest(table[raw], content, frame, IGNORE))
        counts = np.zeros(256, np.int64)  # per train id
        np.add.at(counts, table, seen)
        return [int(count) for count in counts[: len(self.plan.classes)]], check

    def sync(self) -> None:
        """Wait until all that is written is on the disk."""
        for array in self.rows.values():
            array.sync()
        for folder in (self.folder.parent, self.folder, self.folder / NATIVE):
            if folder.is_dir():
                sync_folder(folder)


def _arrays(plan: SplitPlan, folder: Path, images: int) -> dict[Path, tuple[tuple[int, ...], type[np.generic]]]:
    """Shape and type of each file of arrays."""
    wanted = {"images": True, "labels": plan.labels and not plan.native, "depth": plan.depth}
    return {
        folder / f"{name}.npy": ((images, plan.height, plan.width, *channels), dtype)
        for name, (dtype, channels) in ARRAYS.items()
        if wanted[name]
    }


def copied(content: Path, kept: Path, rows: Sequence[int]) -> None:
    """Write some rows of the arrays of a folder, and labels of their own size, to another that takes its place.

    Args:
        content: With the arrays of all scenes.
        kept: Folder to make.
        rows: Numbers of the scenes to keep, in their order.
    """
    kept.mkdir()
    for path in content.glob("*.npy"):
        array = np.load(path, mmap_mode="r")
        target = Rows.create(kept / path.name, (len(rows), *array.shape[1:]), array.dtype.type)
        for new, old in enumerate(rows):
            target.put(new, array[old])
        target.sync()
    if (content / NATIVE).is_dir():
        (kept / NATIVE).mkdir()
        for new, old in enumerate(rows):
            shutil.copyfile(content / native_file(old), kept / native_file(new))
        sync_folder(kept / NATIVE)
    sync_folder(kept)


def each(work: Callable[[int], None], items: Sequence[int], workers: int) -> Iterator[int]:
    """Call ``work`` on every item, ``workers`` at a time; how many are done, each time one is. The first error ends it.

    Threads, as decoding and resizing let go of the interpreter lock: on 1280x760 an image takes 77 ms with one and
    38 ms with two, and processes are no faster. Threads need no start method, and none outlives a killed parent.
    """
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        pending: set[Future[None]] = set()
        try:
            for item in items:
                pending.add(pool.submit(work, item))
                while len(pending) >= 2 * workers:
                    finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for one in finished:
                        one.result()
                        yield (done := done + 1)
            for one in as_completed(pending):
                one.result()
                yield (done := done + 1)
        finally:
            pool.shutdown(cancel_futures=True)


def histogram(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many pixels have each value, ``(256,)``.

    By OpenCV, five times as fast as numpy.bincount; its counts are float32, exact to 2^24, hence the blocks.
    """
    blocks = np.array_split(values, values.size // 2**24 + 1)
    counts = [cv2.calcHist([block], [0], None, [256], [0, 256]) for block in blocks if block.size]
    seen: NDArray[np.int64] = np.sum(counts, axis=0, dtype=np.int64).ravel()
    return seen
