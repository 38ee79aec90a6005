"""Depth files of a split by a network of the user's; who is stopped goes on where it was."""

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from dadist.config.depth_sections import DepthNetwork
from dadist.data.depth_estimator import DepthEstimator, Map
from dadist.data.png import write_png
from dadist.data.prefetch import ahead
from dadist.data.readers.bad_files import read_or_note
from dadist.data.readers.base import Files, read_image
from dadist.data.readers.estimated import INDEX, UNITS, VERSION, depth_file
from dadist.data.snapshot import Snapshot
from dadist.storage import seal
from dadist.storage.atomic import sync_folder
from dadist.storage.digest import key
from dadist.storage.errors import DataError
from dadist.storage.journal import Journal
from dadist.storage.workspace import CONTENT, JOURNAL, explaining_full_disk, workplace

MOST_BAD = 100  # images; beyond, it is not the files: read no others


class _Read(NamedTuple):
    """What is read of an image."""

    scene: int
    given: Map | None  # None: it is bad
    size: tuple[int, ...]  # (width, height)
    messages: list[str]  # what is wrong with it


def write(
    images: Snapshot,
    folder: Path,
    file: Path,
    network: DepthNetwork,
    opened: Callable[[], DepthEstimator],
    *,
    skip_bad: bool,
    workers: int,
    code: str,
    progress: Callable[[int], Callable[[int], None]],
) -> None:
    """Estimate the depth of each image, and write it as a folder for `readers.estimated.Estimated`.

    Whoever is stopped goes on where it was, in the same groups of images, so that the files are the same.

    Args:
        images: Of a split.
        folder: The output; it appears whole.
        file: Of the network.
        network: What the config says of it.
        opened: Gives the network, if there is anything to do.
        skip_bad: Whether an image that cannot be read is left out, or named at the end.
        workers: How many images are read at a time.
        code: Digest of what else decides the files.
        progress: Called with the number of images to do; what it returns, with the number of those done so far.

    Raises:
        DataError: An image cannot be read, or what the network says of it is no depth.
        OSError: A file is missing, or the disk is full.
    """
    # How many images are in a group is told apart from what they are: less memory is no reason to begin anew.
    decides = key(dataclasses.replace(network, file="", batch=1), [file], code)
    wanted = images.fingerprint(decides) + "-without-bad" * skip_bad
    with explaining_full_disk(folder), workplace(folder, INDEX, images.key(decides), wanted) as place:
        if place is None:
            logging.info("%s: made before, and its files are the same", folder)
            return
        content = place / CONTENT
        content.mkdir(exist_ok=True)
        with Journal(place / JOURNAL, partial(_sync, place, _folders(images, content))) as journal:
            checks = {
                mark["scene"]: mark["check"] for mark in journal.marks if mark["stamp"] == images.stamps[mark["scene"]]
            }
            bad = _estimate(images, content, opened(), checks, journal, workers, progress, skip_bad)
            journal.sync()
        _judge(bad, len(checks), images, skip_bad)
        seal.save(_index(network, images, checks, bad, decides), content / INDEX, version=VERSION)


def _estimate(
    images: Snapshot,
    content: Path,
    estimator: DepthEstimator,
    checks: dict[int, int],
    journal: Journal,
    workers: int,
    progress: Callable[[int], Callable[[int], None]],
    skip_bad: bool,
) -> dict[int, str]:
    """Do the groups that ``checks`` does not have whole, and note them there; by scene what is wrong with it."""
    bad: dict[int, str] = {}
    todo = [group for group in _groups(len(images.scenes), estimator.batch) if not all(one in checks for one in group)]
    report, done = progress(sum(map(len, todo))), 0
    if checks:
        logging.info("%d of %d images were done before", len(checks), len(images.scenes))
    with ThreadPoolExecutor(workers) as pool:

        def read(group: range) -> list[_Read]:
            return list(pool.map(lambda index: _read(index, images.scenes[index], estimator), group))

        with contextlib.closing(ahead(read, todo)) as every:
            for group in every:
                bad |= {one.scene: "\n".join(one.messages) for one in group if one.messages}
                if len(bad) >= MOST_BAD and not skip_bad:
                    raise DataError(_message(bad))
                for one, said in _said(estimator, group):
                    scene = images.scenes[one.scene]
                    path = depth_file(content, scene.name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    checks[one.scene] = check = write_png(path, estimator.stored(said, scene.image, one.size))
                    journal.add({"scene": one.scene, "stamp": images.stamps[one.scene], "check": check})
                done += len(group)
                report(done)
    return bad


def _groups(images: int, batch: int) -> list[range]:
    return [range(first, min(first + batch, images)) for first in range(0, images, batch)]


def _read(index: int, scene: Files, estimator: DepthEstimator) -> _Read:
    messages: list[str] = []
    image = read_or_note(messages, read_image, scene.image)
    if image is None:
        return _Read(index, None, (), messages)
    return _Read(index, estimator.given(image), image.shape[1::-1], messages)


def _said(estimator: DepthEstimator, group: list[_Read]) -> Iterator[tuple[_Read, NDArray[Any]]]:
    """The sound images of a group with what the network says of them."""
    sound = [one for one in group if one.given is not None]
    given = [one.given for one in sound if one.given is not None]
    if given:
        yield from zip(sound, estimator(given), strict=True)


def _sync(place: Path, folders: set[Path]) -> None:
    """Wait until the names of the files are on the disk; the files were when they were written."""
    for path in (place, *folders):
        if path.is_dir():
            sync_folder(path)


def _folders(images: Snapshot, content: Path) -> set[Path]:
    """Those that files stand in, and the folders around them."""
    inner = {depth_file(content, scene.name).parent for scene in images.scenes}
    return {content, *inner, *(path for one in inner for path in one.parents if content in path.parents)}


def _judge(bad: dict[int, str], sound: int, images: Snapshot, skip_bad: bool) -> None:
    """Raise DataError for images that are bad, if they are not to be left out, or if none is left; else log them."""
    if bad and not skip_bad:
        raise DataError(f"{_message(bad)}; or `skip_bad: true` in the domain leaves such images out")
    if not sound:
        raise DataError(f"{_message(bad)}\nexpected images beside the bad ones, which skip_bad leaves out, got none")
    for index in sorted(bad):
        logging.warning("left out %s: %s", images.scenes[index].name, bad[index])


def _message(bad: dict[int, str]) -> str:
    return "\n".join(bad[index] for index in sorted(bad))


def _index(
    network: DepthNetwork, images: Snapshot, checks: dict[int, int], bad: dict[int, str], made: str
) -> dict[str, Any]:
    kind = "relative" if network.kind == "relative" else "metric"
    return {
        "depth_kind": kind,
        "unit": UNITS[kind],
        "network": dataclasses.asdict(network),
        "made": made,  # hash of the network, its section and the code
        "checks": {images.scenes[index].name: checks[index] for index in sorted(checks)},
        "left_out": {images.scenes[index].name: bad[index] for index in sorted(bad)},
    }
