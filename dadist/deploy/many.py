"""Predictions of many files, images and videos, written into a folder with a page to look them through."""

import contextlib
import logging
import math
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dadist.data.readers.content import require_file
from dadist.deploy import writers
from dadist.deploy.contact_sheet import ContactSheet, Seen
from dadist.deploy.inputs import Input
from dadist.deploy.overlapped import overlapped, side_by_side
from dadist.deploy.photographs import photograph
from dadist.deploy.prediction import Prediction
from dadist.deploy.predictor import Model
from dadist.deploy.servers import Server
from dadist.deploy.shares import Shares
from dadist.deploy.video import Shown, Video, recording
from dadist.runtime.progress import Progress

BAD = (ValueError, OSError, MemoryError)  # a file may be; the others go on


@dataclass(frozen=True)
class Asked:
    """What is wanted of each file."""

    drawings: list[str] | None  # None: all of an image, the overlay of a video
    server: Server | None  # whose format is asked for
    scale: float | None
    tile: tuple[int, int] | None
    batch: int
    depth: Path | None  # folder of depth files


@dataclass
class _File:
    """A file on its way from the disk to the disk."""

    number: int
    given: Input
    image: NDArray[np.uint8] | None = None  # (H, W, 3), of one that does not move
    maps: list[str] = field(default_factory=list)  # to write of it
    seen: Seen | None = None
    error: Exception | None = None


def predict_files(model: Model, inputs: Sequence[Input], asked: Asked, out: Path, name: str) -> int:
    """Predict every file; one that cannot be is named on stderr, and the others go on.

    Args:
        model: Ready to predict.
        inputs: What to predict.
        asked: What to write of it.
        out: Folder to write to.
        name: Of the model, in words.

    Returns:
        How many could not be predicted.
    """
    progress, failed = Progress("file", len(inputs)), 0
    one_video, ended = threading.Lock(), threading.Event()
    sheet = ContactSheet(out, model.classes, len(inputs))

    def read(one: _File) -> None:
        require_file(one.given.file)
        if not one.given.moves:
            one.image = photograph(one.given.file)
            if asked.server:
                asked.server.require_size(one.image.shape[1], one.image.shape[0])

    def look(one: _File) -> None:
        if one.image is not None:
            one.seen = _image(model, one, one.image, asked)
            return
        with one_video:  # its frames go side by side
            one.seen = _video(model, one.given, asked, out, workers, ended)

    def write(one: _File) -> None:
        assert one.seen is not None
        if asked.server:
            writers.write_numbers(one.given.name, one.seen.found, asked.server, out)
            return
        if one.image is not None:
            writers.write(one.given.name, one.image, one.seen.found, out, one.maps)
        sheet.add(one.number, one.given.name, one.seen)

    files = (_tried(read, _File(number, one)) for number, one in enumerate(inputs))
    workers = side_by_side(math.inf if asked.scale or asked.tile else model.pixels)
    steps = overlapped(files, lambda one: _tried(look, one), lambda one: _tried(write, one), workers, ended.set)
    with contextlib.closing(steps):
        for one in steps:
            if one.error:
                where = "" if str(one.given.file) in str(one.error) else f"{one.given.file}: "
                progress.interrupt(f"dadist predict: error: {where}{one.error}")
                failed += 1
            progress(one.number + 1, f"{failed} failed" if failed else "")
    sys.stdout.write(f"{len(inputs) - failed} of {len(inputs)} files predicted into {out}\n")
    if sheet.files:
        sys.stdout.write(f"look at them: {sheet.save(failed, name)}\n")
    return failed


def _tried(step: Callable[[_File], None], one: _File) -> _File:
    """A file after a step; one that failed before is left as it is."""
    if one.error is None:
        try:
            step(one)
        except BAD as error:
            one.error = error
    return one


def _image(model: Model, one: _File, image: NDArray[np.uint8], asked: Asked) -> Seen:
    shares = Shares(one.given.file, model.classes)
    size = asked.server.size if asked.server else None
    depth = None if asked.depth is None else _depth_file(asked.depth, one.given.name)
    found = model.predict(image, scale=asked.scale, tile=asked.tile, batch=asked.batch, size=size, depth=depth)
    if not asked.server:
        one.maps = [name for name in asked.drawings or writers.DRAWINGS if name != "depth" or model.has_depth]
    _make(found, one.maps)
    shares.add(found)
    return Seen(shares, image, found, f"overlay/{one.given.name}.jpg" if "overlay" in one.maps else None)


def _make(found: Prediction, maps: Sequence[str]) -> None:
    """Make what is written of a prediction, where its network has run: the thread that writes has no cores for that."""
    found.labels  # noqa: B018 - made when it is first asked for
    if "confidence" in maps:
        found.confidence  # noqa: B018
    if "depth" in maps:
        found.depth_m  # noqa: B018


def _depth_file(folder: Path, name: str) -> Path:
    """The depth file of an image, of whatever extension."""
    place = folder / name
    there = place.parent.iterdir() if place.parent.is_dir() else ()
    found = sorted(one for one in there if one.is_file() and one.name.rpartition(".")[0] == place.name)
    if len(found) != 1:
        got = " and ".join(one.name for one in found) or "none"
        raise ValueError(f"{place}.*: expected one depth file named as the image, got {got}")
    return found[0]


def _video(model: Model, one: Input, asked: Asked, out: Path, workers: int, ended: threading.Event) -> Seen:
    """The overlay as a video, other maps as a folder of frames; nobody waits for it once the run has ``ended``."""
    maps, link = asked.drawings or ["overlay"], f"overlay/{one.name}.mp4"
    frames = [name for name in maps if name != "overlay"]
    shares, firsts = Shares(one.file, model.classes), list[Seen]()
    with contextlib.ExitStack() as opened:
        video, take = opened.enter_context(Video(one.file)), None
        if "overlay" in maps:
            take = opened.enter_context(recording(out / link, video.tick))
        progress = Progress("frame", video.announced)

        def look(shown: Shown) -> tuple[Shown, Prediction]:
            found = model.predict(shown.pixels, scale=asked.scale, tile=asked.tile, batch=asked.batch)
            _make(found, frames)
            return shown, found

        def write(given: tuple[Shown, Prediction]) -> None:
            shown, found = given
            shares.add(found)
            if not firsts:
                firsts.append(Seen(shares, shown.pixels, found, link if take else None))
            writers.write(f"{one.name}/{shares.images - 1:06}", shown.pixels, found, out, frames)
            if take is not None:
                take(shown._replace(pixels=writers.overlay(shown.pixels, found)))

        each = opened.enter_context(contextlib.closing(overlapped(video, look, write, workers)))
        for index, _ in enumerate(each):
            if ended.is_set():
                raise InterruptedError("expected all frames, got the end of the run")
            if video.announced:
                progress(index + 1)
    if video.damaged:
        logging.warning(
            "%s: some of it is damaged and left out, %d frames are predicted; copy it again", one.file, video.read
        )
    elif video.read < video.announced:
        logging.warning("%s: %d frames of the %d that it announces", one.file, video.read, video.announced)
    return firsts[0]
