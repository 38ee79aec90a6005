"""How fast samples are prepared and read: ours, and plain loops with PIL and OpenCV over the files as shipped."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.timing import REPEATS, Timing, machine, one_thread, save, text, time_in_turns, timings
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

PART, OURS = "data", "ours"
PIL, OPENCV = "shipped PNGs, PIL (depth by OpenCV)", "shipped PNGs, OpenCV"
SIZES = {"synthia": (1280, 760), "cityscapes": (2048, 1024)}  # (width, height) of the shipped files
# Noise of this strength makes PNGs of 1.1 bytes per pixel, as leftImg8bit has them (11 GB for 5000 images).
APPEARANCE = Appearance(palette=0.0, haze=0.0, light=0.0, noise=0.1, camera=0.0, statistics=0.0, bonnet=False)
TABLE = CLASS_SETS["16"].lookup("synthia", ids("synthia"))
Sample = list[NDArray[Any]]  # image (H, W, 3); for the source also labels (H, W) and depth (H, W)


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("--width", type=int, default=1280, help="of a sample, pixels (%(default)s)")
    parser.add_argument("--height", type=int, default=760, help="of a sample, pixels (%(default)s)")
    parser.add_argument("--images", type=int, default=12, help="of each data set (%(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of each way; the median counts (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Preparing samples and reading them again, against reading image files as they are shipped."""
    keep_freed_memory()  # as every stage does
    readers = {"synthia": synthia.reader(synthia.Options()), "cityscapes": cityscapes.reader(cityscapes.Options())}
    with one_thread(), tempfile.TemporaryDirectory(dir=asked.out.parent) as scratch:
        render_data_sets(Path(scratch), asked.images)
        rows = [
            row
            for name, reader in readers.items()
            for row in time_data_set(reader, Path(scratch, name), (asked.width, asked.height), asked.repeats)
        ]
    save(rows, asked.out, machine())
    sys.stdout.write(
        f"{machine()}; one thread, seconds of processor time per sample, from a cold disk by the clock\n\n{text(rows)}"
    )


def render_data_sets(root: Path, images: int) -> None:
    """Files as SYNTHIA and Cityscapes ship them, with the source's labels also in one channel, which PIL needs."""
    (width, height), (wide, high) = SIZES["synthia"], SIZES["cityscapes"]
    source, target = root / "synthia", root / "cityscapes"
    render.write_synthia(source, APPEARANCE, seed=1, images=images, width=width, height=height, workers=1)
    render.write_cityscapes(target, APPEARANCE, seed=1, train=images, val=0, width=wide, height=high, workers=1)
    (source / "parsed_LABELS").mkdir()
    for path in (source / "GT/LABELS").iterdir():
        _write_png(source / "parsed_LABELS" / path.name, decode(path)[..., 0].astype(np.uint8), 1)
    for path in (*(source / "RGB").iterdir(), *(target / "leftImg8bit").rglob("*.png")):
        _write_png(path, decode(path)[..., ::-1], 6)


def time_data_set(reader: Reader, root: Path, size: tuple[int, int], repeats: int) -> list[Timing]:
    """Preparing and reading the samples of one data set at ``size`` (width, height)."""
    source = "all" in reader.splits
    plan = SplitPlan(
        "all" if source else "train", *size, "stretch", CLASS_SETS["16"], source, source, native=False, images=0
    )
    scenes = Inventory(reader, root, plan, None).scenes
    numbers = range(len(scenes))

    def prepare(name: str) -> None:
        write(reader, root, root / name, plan, names=None, workers=1, code=str(time.monotonic_ns()))

    def read_anew() -> None:  # compares checksums, and leaves no page mapped, which the kernel could not drop
        prepared = Prepared(root / "prepared")
        _each(lambda index: by_rows(prepared, index), numbers)()

    prepare("prepared")
    prepare("known")
    known = Prepared(root / "known")
    shipped = {
        PIL: _each(lambda index: by_pil(scenes[index], size), numbers),
        OPENCV: _each(lambda index: by_opencv(scenes[index], size), numbers),
    }
    reading = {
        "ours, batches of a training": _each(_loader(known), numbers),
        "prepared arrays, first time": read_anew,
        "prepared arrays, again": _each(lambda index: by_rows(known, index), numbers),
    }
    seconds = time_in_turns({OURS: lambda: prepare("again"), **reading, **shipped}, repeats=repeats)
    cold = "prepared arrays, first time, cold disk"
    seconds |= time_in_turns(
        {cold: read_anew}, repeats=repeats, clock=time.perf_counter, before=lambda: _drop_pages(root / "prepared")
    )
    each = {way: total / len(scenes) for way, total in seconds.items()}
    rows = []
    for case, ways in {"preparing": (OURS, *shipped), "reading": (*reading, cold, *shipped)}.items():
        name = f"{case} a sample of {reader.dataset}, {size[0]}x{size[1]}"
        rows += timings(PART, name, {way: each[way] for way in ways}, ours=ways[0], repeats=repeats)
    return rows


def by_pil(scene: Files, size: tuple[int, int]) -> Sample:
    """As a plain data loader does; PIL cannot read 16 bits in colour."""
    with Image.open(scene.image) as image:
        sample = [np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC))]
    if scene.labels and scene.depth:
        with Image.open(scene.labels.parents[2] / "parsed_LABELS" / scene.labels.name) as labels:
            sample.append(TABLE[np.asarray(labels.resize(size, Image.Resampling.NEAREST))])
        depth = _imread(scene.depth, cv2.IMREAD_ANYDEPTH)
        sample.append(cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST))
    return sample


def by_opencv(scene: Files, size: tuple[int, int]) -> Sample:
    """The same by OpenCV alone."""
    image = cv2.resize(_imread(scene.image, cv2.IMREAD_COLOR), size, interpolation=cv2.INTER_CUBIC)
    sample: Sample = [cv2.cvtColor(image, cv2.COLOR_BGR2RGB)]
    if scene.labels and scene.depth:
        labels, depth = _imread(scene.labels, cv2.IMREAD_UNCHANGED), _imread(scene.depth, cv2.IMREAD_ANYDEPTH)
        sample.append(TABLE[cv2.resize(labels[..., 2], size, interpolation=cv2.INTER_NEAREST)])
        sample.append(cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST))
    return sample


def by_rows(prepared: Prepared, index: int) -> Sample:
    """A copy of one row of each prepared array."""
    arrays: Sample = [prepared.images]
    if prepared.pixels.any():
        arrays += [prepared.labels, prepared.depth]
    return [array[index].copy() for array in arrays]


def _loader(prepared: Prepared) -> Callable[[int], object]:
    """What a training calls for a batch of one image, by the number of its step."""
    sampling = Sampling(1, 1, mirror=True, device="cpu")
    if prepared.has_depth:
        return SourceLoader(prepared, sampling, numerator=1.0, zero_depth="keep")
    return TargetLoader(prepared, sampling)


def _each(read: Callable[[int], object], numbers: Sequence[int]) -> Callable[[], None]:
    def read_all() -> None:
        for number in numbers:
            read(number)

    return read_all


def _drop_pages(folder: Path) -> None:
    """The kernel forgets the content of the folder's files; the next reading comes from the disk."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _imread(path: Path, flags: int) -> NDArray[Any]:
    stored = cv2.imread(str(path), flags)
    assert stored is not None, path
    return stored


def _write_png(path: Path, array: NDArray[Any], level: int) -> None:
    path.write_bytes(cv2.imencode(".png", array, [cv2.IMWRITE_PNG_COMPRESSION, level])[1].tobytes())
