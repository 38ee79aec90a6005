"""How many images a second a trained model predicts: ours, a plain loop, and ONNX Runtime."""

import argparse
import contextlib
import io
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.timing import REPEATS, Timing, machine, save, text, time_in_turns, timings
from dadist.deploy import writers
from dadist.deploy.inputs import gather
from dadist.deploy.many import Asked, predict_files
from dadist.deploy.onnx import export
from dadist.deploy.predictor import Model, load
from dadist.model.checkpoint import Checkpoint
from dadist.model.inference import tensor
from dadist.model.segmenter import upsample
from dadist.runtime.memory import keep_freed_memory
from dadist.runtime.onnx_runtime import onnx_runtime

PART, OURS, WRITTEN = "predict", "ours", "dadist predict"
TOLERANCE = 0.01  # share of the pixels that the plain loop may call otherwise: other sums round otherwise
ALL = Asked(None, None, None, None, 1, None)
Bytes = NDArray[np.uint8]


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("model", type=Path, help="a model.pt")
    parser.add_argument("photos", type=Path, help="folder of photographs of its target, all of one shape")
    parser.add_argument("--images", type=int, default=16, help="how many of them (%(default)s)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="(%(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of each way; the median counts (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Labels in memory, and everything that the command writes."""
    keep_freed_memory()
    torch.set_num_threads(asked.threads)
    model, files = load(asked.model), [one.file for one in gather([str(asked.photos)])[: asked.images]]
    with tempfile.TemporaryDirectory(dir=asked.out.parent) as scratch:
        rows = time_labels(model, asked.model, files, Path(scratch), asked.repeats)
        rows += time_command(model, files, Path(scratch), asked.repeats)
    save(rows, asked.out, machine())
    sys.stdout.write(f"{machine()}; seconds of an image by the clock, {asked.threads} threads\n\n{text(rows)}")


def time_labels(model: Model, file: Path, files: Sequence[Path], scratch: Path, repeats: int) -> list[Timing]:
    """The class of each pixel, from files.

    Raises:
        ValueError: The plain loop finds other classes.
    """
    segmenter = Checkpoint.load(file).segmenter()
    plain = _plain(model, lambda images: segmenter(tensor(images)).logits)
    ways: dict[str, Callable[[], object]] = {
        OURS: lambda: [model.predict(one).labels for one in files],
        "ours, predict_each": lambda: [one.labels for one in model.predict_each(files)],
        "plain loop": lambda: [plain(one) for one in files],
        "floor: network alone": lambda: [_network(model) for _ in files],
    }
    if model.checkpoint.architecture.layout != "two_resolutions":
        by_onnx = _plain(model, _onnx(file, scratch / "lattice.onnx"))
        ways["plain loop by ONNX Runtime"] = lambda: [by_onnx(one) for one in files]
    different = np.mean([(model.predict(one).labels != plain(one)).mean() for one in files])
    if different > TOLERANCE:
        raise ValueError(f"plain loop: expected our labels but for {TOLERANCE} of them, got {different:.3f} others")
    return _timed("labels", model, ways, OURS, files, repeats)


def time_command(model: Model, files: Sequence[Path], scratch: Path, repeats: int) -> list[Timing]:
    """Every map that `dadist predict` writes, and its page; the plain loop writes the same maps, and no page."""
    numbers, inputs = itertools.count(), gather([str(one) for one in files])

    def ours() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            predict_files(model, inputs, ALL, scratch / f"{next(numbers)}", "a model")

    def plain() -> None:
        out = scratch / f"{next(numbers)}"
        maps = [name for name in writers.DRAWINGS if name != "depth" or model.has_depth]
        for one in inputs:
            image = np.ascontiguousarray(_read(one.file)[..., ::-1])
            writers.write(one.name, image, model.predict(image), out, maps)

    ways: dict[str, Callable[[], object]] = {WRITTEN: ours, "one after the other": plain}
    return _timed("all maps written", model, ways, WRITTEN, files, repeats)


def _timed(
    what: str, model: Model, ways: dict[str, Callable[[], object]], ours: str, files: Sequence[Path], repeats: int
) -> list[Timing]:
    seconds = time_in_turns(ways, repeats=repeats, clock=time.perf_counter)
    backbone, frame = model.checkpoint.architecture.backbone, model.checkpoint.frame
    case = f"{what}, {backbone} at {frame.width}x{frame.height}, {torch.get_num_threads()} threads"
    return timings(PART, case, {way: each / len(files) for way, each in seconds.items()}, ours=ours, repeats=repeats)


@torch.no_grad()
def _network(model: Model) -> None:
    frame = model.checkpoint.frame
    model.segmenter(torch.zeros(1, 3, frame.height, frame.width))


def _plain(model: Model, network: Callable[[Bytes], torch.Tensor]) -> Callable[[Path], Bytes]:
    """As one writes it first: PIL, the network, bilinear, argmax."""
    frame = model.checkpoint.frame

    @torch.no_grad()
    def label(file: Path) -> Bytes:
        image = Image.open(file).convert("RGB")
        small = np.asarray(image.resize((frame.width, frame.height), Image.Resampling.BICUBIC))
        labels: Bytes = upsample(network(small[None]), image.size[::-1])[0].argmax(0).to(torch.uint8).numpy()
        return labels

    return label


def _read(file: Path) -> Bytes:
    """``(H, W, 3)`` BGR."""
    return np.asarray(cv2.imread(str(file)), np.uint8)


def _onnx(model: Path, path: Path) -> Callable[[Bytes], torch.Tensor]:
    """The network by ONNX Runtime, on as many threads as torch."""
    export(Checkpoint.load(model), path, "lattice")
    runtime = onnx_runtime()
    given = runtime.SessionOptions()
    given.intra_op_num_threads = torch.get_num_threads()
    session = runtime.InferenceSession(str(path), given, providers=["CPUExecutionProvider"])
    (name,) = (one.name for one in session.get_inputs())
    return lambda images: torch.from_numpy(session.run(None, {name: images.transpose(0, 3, 1, 2)})[0])
