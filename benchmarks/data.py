"""How fast and how large the ways to keep training samples are, measured side by side on full-size files."""

import argparse
import csv
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.codecs import PACKINGS, Sample, Unpack, png
from benchmarks.timing import REPEATS
from dadist.classes import CLASS_SETS, ids
from dadist.config.schema import Appearance
from dadist.data.inventory import Inventory, SplitPlan
from dadist.data.loader import Sampling, SourceLoader, TargetLoader
from dadist.data.preparation import write
from dadist.data.prepared import Prepared
from dadist.data.readers import cityscapes, synthia
from dadist.data.readers.base import Files, Reader, decode
from dadist.data.streets import render
from dadist.runtime.memory import keep_freed_memory
from dadist.storage.atomic import atomic

SIZES = {"synthia": (1280, 760), "cityscapes": (2048, 1024)}  # (width, height) of the shipped files
IMAGES = {"synthia": 9400, "cityscapes": 2975}  # of the source, and of the target's training split
# Noise of this strength makes PNGs of 1.1 bytes a pixel, as leftImg8bit has them (11 GB for 5000 images).
LOOK = Appearance(palette=0.0, haze=0.0, light=0.0, noise=0.1, camera=0.0, statistics=0.0, bonnet=False)
TABLE = CLASS_SETS["16"].lookup("synthia", ids("synthia"))
Way = tuple[Callable[[], None], float]  # what reads every image once, and MB an image on the disk


@dataclass(frozen=True)
class Row:
    """One way to keep the samples of one data set."""

    dataset: str
    way: str
    images_per_s: float  # of processor time on one core; of wall-clock time where `way` says cold
    mb_per_image: float  # on the disk, with the labels and depth of a source

    def gb(self) -> float:
        """What the whole data set takes, in 10^9 bytes."""
        return self.mb_per_image * IMAGES[self.dataset] / 1000


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("--width", type=int, default=1280, help="of a sample, pixels (%(default)s)")
    parser.add_argument("--height", type=int, default=760, help="of a sample, pixels (%(default)s)")
    parser.add_argument("--images", type=int, default=12, help="of each data set (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Reading prepared arrays against reading image files."""
    keep_freed_memory()  # as every stage does
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rows = run_data(asked.width, asked.height, asked.images, asked.out)
    finally:
        torch.set_num_threads(threads)
    sys.stdout.write(f"{'data set':10}  {'way':36}  {'images/s':>9}  {'MB an image':>11}  {'GB in all':>9}\n")
    for row in rows:
        sys.stdout.write(
            f"{row.dataset:10}  {row.way:36}  {row.images_per_s:9.1f}  {row.mb_per_image:11.2f}  {row.gb():9.1f}\n"
        )


def run_data(width: int, height: int, images: int, out: Path) -> list[Row]:
    """Render ``images`` scenes as SYNTHIA and Cityscapes ship them, and time ways to read them at another size.

    Every way reads each image once a repetition, the ways taking turns, one thread; the median of REPEATS counts.

    Args:
        width: Of the samples, in pixels.
        height: Of the samples, in pixels.
        images: How many of each data set; a dozen or two do.
        out: CSV to write; all else goes into a folder beside it, and is removed.
    """
    cv2.setNumThreads(1)
    readers = {"synthia": synthia.reader(synthia.Options()), "cityscapes": cityscapes.reader(cityscapes.Options())}
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        root = Path(scratch)
        _render(root, images)
        ways = {
            (name, way): made
            for name, reader in readers.items()
            for way, made in _ways(reader, root / name, (width, height)).items()
        }
        times: dict[tuple[str, str], list[float]] = {key: [] for key in ways}
        for _ in range(REPEATS):
            for key, (read_all, _) in ways.items():
                times[key].append(_seconds(read_all, cold="cold" in key[1], folder=root / key[0] / "prepared"))
    rows = [Row(*key, images / statistics.median(times[key]), mb) for key, (_, mb) in ways.items()]
    with atomic(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["dataset", "way", "images_per_s", "mb_per_image", "gb"])
        for row in rows:
            table.writerow(
                [row.dataset, row.way, f"{row.images_per_s:.1f}", f"{row.mb_per_image:.3f}", f"{row.gb():.1f}"]
            )
    return rows


def _render(root: Path, images: int) -> None:
    """The source with labels repacked to one channel as well, which PIL needs, and the target's training split."""
    (width, height), (wide, high) = SIZES["synthia"], SIZES["cityscapes"]
    source, target = root / "synthia", root / "cityscapes"
    render.write_synthia(source, LOOK, seed=1, images=images, width=width, height=height, workers=1)
    render.write_cityscapes(target, LOOK, seed=1, train=images, val=0, width=wide, height=high, workers=1)
    (source / "parsed_LABELS").mkdir()
    for path in (source / "GT/LABELS").iterdir():
        _save(source / "parsed_LABELS" / path.name, decode(path)[..., 0].astype(np.uint8), 1)
    for path in (*(source / "RGB").iterdir(), *(target / "leftImg8bit").rglob("*.png")):
        _save(path, decode(path)[..., ::-1], 6)


def _ways(reader: Reader, root: Path, size: tuple[int, int]) -> dict[str, Way]:
    """The ways to read one data set, by name."""
    source = "all" in reader.splits
    plan = SplitPlan(
        "all" if source else "train", *size, "stretch", CLASS_SETS["16"], source, source, native=False, images=0
    )
    scenes = Inventory(reader, root, plan, None).scenes

    def prepare(name: str) -> None:
        write(reader, root, root / name, plan, names=None, workers=1, code=str(time.monotonic_ns()))

    def every(read: Callable[[int], Any]) -> Callable[[], None]:
        def read_all() -> None:
            for index in range(len(scenes)):
                read(index)

        return read_all

    def rows() -> None:
        prepared = Prepared(root / "prepared")  # anew: checksums are compared; pages that stay mapped are not dropped
        for index in range(len(scenes)):
            _by_rows(prepared, index)

    prepare("prepared")
    prepare("known")
    known = Prepared(root / "known")
    (again := every(lambda index: _by_rows(known, index)))()
    files = [path for scene in scenes for path in (scene.image, scene.labels, scene.depth) if path is not None]
    shipped, raw = _mb(files) / len(scenes), _mb((root / "prepared").iterdir()) / len(scenes)
    ways: dict[str, Way] = {
        "shipped PNGs, PIL (depth by OpenCV)": (every(lambda i: _by_pil(scenes[i], size)), shipped),
        "shipped PNGs, OpenCV": (every(lambda i: _by_opencv(scenes[i], size)), shipped),
        "prepare itself": (lambda: prepare("again"), shipped),
        "prepared arrays, warm, first time": (rows, raw),
        "prepared arrays, warm, again": (again, raw),
        "batches of a training, from them": (every(_loader(known)), raw),
        "prepared arrays, cold, first time": (rows, raw),
    }
    for name, (pack, unpack) in PACKINGS.items():
        folder = root / name.replace(" ", "_")
        folder.mkdir()
        for index in range(len(scenes)):
            for part, content in enumerate(pack(_by_rows(known, index))):
                (folder / f"{index}.{part}").write_bytes(content)
        ways[name] = (every(_reader(folder, unpack, size, 3 if source else 1)), _mb(folder.iterdir()) / len(scenes))
    return ways


def _loader(prepared: Prepared) -> Callable[[int], Any]:
    """What a training calls for a batch of one image, by the number of its step."""
    sampling = Sampling(1, 1, mirror=True, device="cpu")
    if prepared.has_depth:
        return SourceLoader(prepared, sampling, numerator=1.0, zero_depth="keep")
    return TargetLoader(prepared, sampling)


def _by_pil(scene: Files, size: tuple[int, int]) -> Sample:
    """As a plain data loader does; PIL cannot read 16 bits in colour."""
    with Image.open(scene.image) as image:
        sample = [np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC))]
    if scene.labels and scene.depth:
        with Image.open(scene.labels.parents[2] / "parsed_LABELS" / scene.labels.name) as labels:
            sample.append(TABLE[np.asarray(labels.resize(size, Image.Resampling.NEAREST))])
        depth = _imread(scene.depth, cv2.IMREAD_ANYDEPTH)
        sample.append(cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST))
    return sample


def _by_opencv(scene: Files, size: tuple[int, int]) -> Sample:
    image = cv2.resize(_imread(scene.image, cv2.IMREAD_COLOR), size, interpolation=cv2.INTER_CUBIC)
    sample: Sample = [cv2.cvtColor(image, cv2.COLOR_BGR2RGB)]
    if scene.labels and scene.depth:
        labels, depth = _imread(scene.labels, cv2.IMREAD_UNCHANGED), _imread(scene.depth, cv2.IMREAD_ANYDEPTH)
        sample.append(TABLE[cv2.resize(labels[..., 2], size, interpolation=cv2.INTER_NEAREST)])
        sample.append(cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST))
    return sample


def _by_rows(prepared: Prepared, index: int) -> Sample:
    arrays: Sample = [prepared.images]
    if prepared.pixels.any():
        arrays += [prepared.labels, prepared.depth]
    return [array[index].copy() for array in arrays]


def _imread(path: Path, flags: int) -> NDArray[Any]:
    stored = cv2.imread(str(path), flags)
    assert stored is not None, path
    return stored


def _save(path: Path, array: NDArray[Any], level: int) -> None:
    path.write_bytes(png(array, level))


def _reader(folder: Path, unpack: Unpack, size: tuple[int, int], parts: int) -> Callable[[int], Sample]:
    return lambda index: unpack([(folder / f"{index}.{part}").read_bytes() for part in range(parts)], size)


def _mb(files: Iterable[Path]) -> float:
    return sum(path.stat().st_size for path in files) / 1e6


def _seconds(read_all: Callable[[], None], *, cold: bool, folder: Path) -> float:
    """Processor time; wall-clock time where the folder's files are cold, which the kernel drops from memory then."""
    if cold:
        for path in folder.iterdir():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    clock = time.perf_counter if cold else time.process_time
    begun = clock()
    read_all()
    return clock() - begun
