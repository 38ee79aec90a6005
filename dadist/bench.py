"""How fast and how large the ways to keep training samples are, measured side by side on full-size files."""

import csv
import os
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dadist.classes import CLASS_SETS, ids
from dadist.config import Look
from dadist.data import streets, synthia
from dadist.data.base import decode
from dadist.data.origin import Plan
from dadist.data.prepared import Prepared, write
from dadist.provenance import atomic

SOURCE_SIZE = (1280, 760)  # of SYNTHIA's files
SETS = {"SYNTHIA": 9400, "Cityscapes train": 2975}  # images
REPEATS = 7
# Noise of this strength makes PNGs of 1.1 bytes a pixel, as leftImg8bit has them (11 GB for 5000 images).
LOOK = Look(palette=0.0, haze=0.0, light=0.0, noise=0.1, camera=0.0, statistics=0.0, bonnet=False)
TABLE = CLASS_SETS["16"].lookup("synthia", ids("synthia"))
Sample = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]  # image (H, W, 3), labels (H, W), depth (H, W)


@dataclass(frozen=True)
class Row:
    """One way: how fast a core is with it, and what it takes of the disk."""

    way: str
    images_per_s: float  # of processor time on one core; of wall-clock time where `way` says cold
    mb_per_image: float  # image, labels and depth

    def gb(self, images: int) -> float:
        """What so many images take, in 10^9 bytes."""
        return self.mb_per_image * images / 1000


def run_data(width: int, height: int, images: int, out: Path) -> list[Row]:
    """Render ``images`` scenes as SYNTHIA ships them, and time the ways to read them at ``width`` x ``height``.

    Every way reads each image once a repetition, the ways taking turns, one thread; the median of REPEATS counts.
    Depth and labels are read along. A table is written to ``out``, all else into a folder that goes.

    Args:
        width: Of the samples, in pixels.
        height: Of the samples, in pixels.
        images: How many; a few dozen do.
        out: CSV to write.
    """
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        root = Path(scratch)
        _render(root, images)
        ways = _ways(root, (width, height), images)
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(REPEATS):
            for name, (read_all, _) in ways.items():
                times[name].append(_seconds(read_all, cold="cold" in name, folder=root / "prepared"))
    rows = [Row(name, images / statistics.median(times[name]), mb) for name, (_, mb) in ways.items()]
    with atomic(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["way", "images_per_s", "mb_per_image", *(f"gb_{name}" for name in SETS)])
        for row in rows:
            sizes = [f"{row.gb(count):.1f}" for count in SETS.values()]
            table.writerow([row.way, f"{row.images_per_s:.1f}", f"{row.mb_per_image:.3f}", *sizes])
    return rows


def _render(root: Path, images: int) -> None:
    """SYNTHIA's folders, and labels repacked to one channel, as PIL needs them."""
    width, height = SOURCE_SIZE
    streets.write_synthia(root, LOOK, seed=1, images=images, width=width, height=height, workers=1)
    (root / "parsed_LABELS").mkdir()
    for path in (root / "GT/LABELS").iterdir():
        _save(root / "parsed_LABELS" / path.name, decode(path)[..., 0].astype(np.uint8))
    for path in (root / "RGB").iterdir():
        _save(path, decode(path)[..., ::-1], level=6)


def _ways(root: Path, size: tuple[int, int], images: int) -> dict[str, tuple[Callable[[], Any], float]]:
    """Name → what reads every image once, and MB an image on the disk."""
    plan = Plan("all", *size, "stretch", CLASS_SETS["16"], labels=True, depth=True, native=False, images=0)
    dataset = synthia.reader(synthia.Options())

    def prepare(name: str) -> None:
        write(dataset, root, root / name, plan, names=None, workers=1, code=str(time.monotonic_ns()))

    def every(read: Callable[[int], Any]) -> Callable[[], None]:
        def read_all() -> None:
            for index in range(images):
                read(index)

        return read_all

    def rows() -> None:
        prepared = Prepared(root / "prepared")  # anew: pages that are mapped can neither be dropped nor cost a look-up
        for index in range(images):
            _by_rows(prepared, index)

    prepare("prepared")
    shipped, raw = _mb(images, root / "RGB", root / "GT/LABELS", root / "Depth"), _mb(images, root / "prepared")
    ways: dict[str, tuple[Callable[[], Any], float]] = {
        "shipped PNGs, PIL (depth by OpenCV)": (every(lambda i: _by_pil(root, i, size)), shipped),
        "shipped PNGs, OpenCV": (every(lambda i: _by_opencv(root, i, size)), shipped),
        "prepare itself": (lambda: prepare("again"), shipped),
        "prepared arrays, warm": (rows, raw),
        "prepared arrays, cold": (rows, raw),
    }
    for name, (pack, unpack) in PACKINGS.items():
        folder = root / name.replace(" ", "_")
        folder.mkdir()
        for index in range(images):
            for part, content in enumerate(pack(_by_rows(Prepared(root / "prepared"), index))):
                (folder / f"{index}.{part}").write_bytes(content)
        ways[name] = (every(_reader(folder, unpack, size[::-1])), _mb(images, folder))
    return ways


def _by_pil(root: Path, index: int, size: tuple[int, int]) -> Sample:
    """As a plain data loader does; PIL cannot read 16 bits in colour."""
    name = f"{index:07}.png"
    with Image.open(root / "RGB" / name) as image, Image.open(root / "parsed_LABELS" / name) as labels:
        shown = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BICUBIC))
        seen = TABLE[np.asarray(labels.resize(size, Image.Resampling.NEAREST))]
    depth = _imread(root / "Depth" / name, cv2.IMREAD_ANYDEPTH)
    return shown, seen, cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)


def _by_opencv(root: Path, index: int, size: tuple[int, int]) -> Sample:
    name = f"{index:07}.png"
    image = _imread(root / "RGB" / name, cv2.IMREAD_COLOR)
    labels = _imread(root / "GT/LABELS" / name, cv2.IMREAD_UNCHANGED)[..., 2]
    depth = _imread(root / "Depth" / name, cv2.IMREAD_ANYDEPTH)
    shown = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), cv2.COLOR_BGR2RGB)
    seen = TABLE[cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)]
    return shown, seen, cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)


def _by_rows(prepared: Prepared, index: int) -> Sample:
    return prepared.images[index].copy(), prepared.labels[index].copy(), prepared.depth[index].copy()


def _imread(path: Path, flags: int) -> NDArray[Any]:
    stored = cv2.imread(str(path), flags)
    assert stored is not None, path
    return stored


def _png(array: NDArray[Any], level: int = 1) -> bytes:
    return bytes(cv2.imencode(".png", array, [cv2.IMWRITE_PNG_COMPRESSION, level])[1].tobytes())


def _save(path: Path, array: NDArray[Any], level: int = 1) -> None:
    path.write_bytes(_png(array, level))


def _jpeg(array: NDArray[np.uint8]) -> bytes:
    return bytes(cv2.imencode(".jpg", array, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())


def _plain(contents: list[bytes], shape: tuple[int, int]) -> Sample:
    image, labels, depth = (np.frombuffer(one, kind) for one, kind in zip(contents, ("u1", "u1", "<u2"), strict=True))
    return image.reshape(*shape, 3).copy(), labels.reshape(shape).copy(), depth.reshape(shape).copy()


def _decoded(contents: list[bytes], shape: tuple[int, int]) -> Any:
    return [cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_UNCHANGED) for one in contents]


# The alternatives: what each makes of a sample, a content an array, and how it is read again. float16 for the depth
# would save nothing: it has the 2 bytes of centimetres, and a thousandth of their precision.
PACKINGS: dict[str, tuple[Callable[[Sample], list[bytes]], Callable[[list[bytes], tuple[int, int]], Any]]] = {
    "raw, a file a sample": (lambda sample: [one.tobytes() for one in sample], _plain),
    "zlib level 1": (
        lambda sample: [zlib.compress(one.tobytes(), 1) for one in sample],
        lambda contents, shape: _plain([zlib.decompress(one) for one in contents], shape),
    ),
    "PNG level 1": (lambda sample: [_png(one) for one in sample], _decoded),
    "JPEG quality 95, PNG labels and depth": (lambda s: [_jpeg(s[0]), _png(s[1]), _png(s[2])], _decoded),
}


def _reader(folder: Path, unpack: Callable[[list[bytes], tuple[int, int]], Any], shape: tuple[int, int]) -> Any:
    return lambda index: unpack([(folder / f"{index}.{part}").read_bytes() for part in range(3)], shape)


def _mb(images: int, *folders: Path) -> float:
    """MB an image of all files in the folders."""
    return sum(path.stat().st_size for folder in folders for path in folder.iterdir()) / images / 1e6


def _seconds(read_all: Callable[[], Any], *, cold: bool, folder: Path) -> float:
    """Processor time; wall-clock time where the folder's files are cold, which the kernel drops from memory then."""
    if cold:
        for path in folder.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    clock = time.perf_counter if cold else time.process_time
    begun = clock()
    read_all()
    return clock() - begun
