"""What every data set's reader offers, and the reading of one file with its checks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from dadist.config.records import Record
from dadist.storage.errors import DamagedError, DataError

FAR_CM = 65535  # of a depth map: farther than its 16 bits reach, such as the sky


class WrongPackageError(FileNotFoundError):
    """A folder that holds another package of the data set than its reader reads."""


@dataclass(frozen=True)
class Files:
    """The files of one scene."""

    name: str  # unique in its split
    image: Path
    labels: Path | None
    depth: Path | None


class Reader(Protocol):
    """A data set on disk as it is shipped; ``reader(options)`` of its module makes one."""

    dataset: str  # name: qualifies its labels in a class set
    splits: tuple[str, ...]  # "all" for a package that is not divided, else "train", "val"
    labelled: tuple[str, ...]  # the splits that have labels
    shipped: str  # for who has not got it: which archives, what the folder must look like
    counts: Mapping[str, int] = MappingProxyType({})  # images per split that its owner ships, where one does

    def files(self, root: Path, split: str, *, labels: bool, depth: bool) -> list[Files]:
        """The scenes of a split, sorted by name; opens no file, and looks at no folder that is not asked for.

        Raises:
            FileNotFoundError: A folder or file is missing; the message has the remedy.
            ValueError: The data set has no such split, or none of what was asked for.
        """
        ...

    def ids(self, root: Path) -> dict[int, str | None]:
        """Raw id → label; None: defined, but without a label (void)."""
        ...

    def relevant(self, options: dict[str, Any], split: str, *, labels: bool, depth: bool) -> dict[str, Any]:
        """The reader's options, without what `files` of this split does not depend on: changing that runs nothing."""
        return options

    def read_labels(self, path: Path) -> NDArray[np.uint8]:
        """Raw class ids, ``(H, W)``."""
        ...

    def read_depth(self, path: Path) -> NDArray[np.uint16]:
        """Centimetres, ``(H, W)``; 0 where there is no depth, 65535 where it is far."""
        ...


@dataclass(frozen=True)
class NoOptions(Record):
    """Of a data set that has only one shape."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """An image, ``(H, W, 3)`` RGB; an alpha channel is dropped.

    Raises:
        DataError: It is damaged, or not an 8-bit colour image.
    """
    image = _decode_jpeg(path) if path.suffix.lower() in (".jpg", ".jpeg") else decode(path)
    if image.dtype != np.uint8 or image.ndim != 3:
        raise DataError(f"{path}: expected an 8-bit RGB image, got {kind(image)}; convert it to 8-bit RGB")
    return np.ascontiguousarray(image[..., :3])


def decode(path: Path) -> NDArray[Any]:
    """An image file as it is stored, ``(H, W)`` or ``(H, W, channels)`` with red first, 8 or 16 bit.

    OpenCV keeps 16 bits in colour, where PIL keeps the high byte alone, and it refuses a PNG with a wrong checksum.

    Raises:
        DataError: It is truncated, damaged, or not an image.
    """
    # Read by Python, so that a file that cannot be opened says why, and an audit of opened files sees it.
    content = np.frombuffer(path.read_bytes(), np.uint8)
    stored = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
    if stored is None:
        raise damaged(path)
    if stored.ndim == 2:
        return stored
    return cv2.cvtColor(stored, cv2.COLOR_BGR2RGB if stored.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)


def _decode_jpeg(path: Path) -> NDArray[Any]:
    """As `decode`, for JPEG, turned upright where the camera noted how it was held.

    Where the file is cut, OpenCV fills with grey and PIL refuses.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            return np.asarray(upright if upright.mode == "L" else upright.convert("RGB"))
    except OSError as error:
        raise damaged(path) from error


def damaged(path: Path) -> DamagedError:
    """What to raise for a file that cannot be decoded."""
    return DamagedError(
        f"{path}: expected a whole image file, got one that cannot be decoded "
        "(truncated, damaged, or not an image); copy or download the file again"
    )


def read_size(path: Path) -> tuple[int, int]:
    """(width, height) of an image file, without decoding it."""
    try:
        with Image.open(path) as image:
            return image.size
    except OSError as error:
        raise damaged(path) from error


def kind(array: NDArray[Any]) -> str:
    """Depth and channels of a decoded file in words, for messages."""
    channels = 1 if array.ndim == 2 else array.shape[2]
    return f"{array.dtype.itemsize * 8}-bit with {channels} channel{'s' * (channels > 1)}"


def listing(folder: Path, pattern: str, remedy: str) -> list[Path]:
    """The files of ``folder`` that match ``pattern``, sorted; at least one.

    Raises:
        FileNotFoundError: There is no such folder, or no such file in it.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: expected a folder with {pattern}, found no such folder; {remedy}")
    # Files like ._0000000.png are left behind by archives made on a Mac.
    # Sorted as text, ten times as fast as paths: every planning lists tens of thousands.
    found = sorted((path for path in folder.glob(pattern) if not path.name.startswith(".")), key=str)
    if not found:
        raise FileNotFoundError(f"{folder}: expected {pattern}, found none; {remedy}")
    return found


def require(paths: list[Path], remedy: str) -> list[Path]:
    """The paths themselves, if every one exists.

    Raises:
        FileNotFoundError: Some do not; the message names the first.
    """
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{missing[0]}: expected a file for each of {len(paths)} images, {len(missing)} missing; {remedy}"
        )
    return paths


def require_size(path: Path, stored: NDArray[Any], image_path: Path, image: NDArray[np.uint8]) -> None:
    """Raise DataError unless labels or depth are as large as their image."""
    if stored.shape != image.shape[:2]:
        (height, width), (got_height, got_width) = image.shape[:2], stored.shape
        raise DataError(
            f"{path}: expected {width}x{height} as {image_path}, got {got_width}x{got_height}; "
            "the two are not of one scene or one was resized: copy both again"
        )


def require_known(path: Path, seen: NDArray[np.int64], dataset: str, known: Iterable[int]) -> None:
    """Raise DataError if pixels were ``seen``, ``(256,)``, of an id that the data set does not define."""
    foreign = sorted(set(np.flatnonzero(seen).tolist()) - set(known))
    if foreign:
        raise DataError(
            f"{path}: expected ids of {dataset}, got {', '.join(map(str, foreign))} as well; "
            "labels of another data set or already mapped to train ids? take the files as shipped"
        )


def chosen(scenes: list[Files], names: Path) -> list[Files]:
    """The scenes that a text file names, one name per line, in its order.

    A line may be a scene's name or the path of its image, as published lists have it.

    Raises:
        FileNotFoundError: There is no such file.
        DataError: It names a scene twice, or one that is not there, or none.
    """
    if not names.is_file():
        raise FileNotFoundError(f"{names}: expected a list of names, found no file; see `lists` of the domain")
    try:
        text = names.read_text(encoding="utf-8-sig")  # some editors begin a file with a mark of its encoding
    except UnicodeDecodeError as error:
        raise DataError(f"{names}: expected a text file in UTF-8, got {error}; save it as UTF-8") from error
    lines = [line.strip() for line in text.splitlines()]
    known = {key: scene for scene in scenes for key in (scene.name, scene.image.name, scene.image.stem)}
    found = []
    for number, line in enumerate(lines, 1):
        if line:
            scene = known.get(line) or known.get(Path(line).name)
            if scene is None:
                raise DataError(
                    f"{names}, line {number}: expected a name like {scenes[0].name}, got {line}, which the data set "
                    "does not have; a list of another data set or split?"
                )
            found.append(scene)
    if not found:
        raise DataError(
            f"{names}: expected one name per line, got an empty file; remove it from `lists` for all images"
        )
    if len(set(found)) < len(found):
        double = next(scene.name for scene in found if found.count(scene) > 1)
        raise DataError(f"{names}: expected each name once, got {double} twice; remove one")
    return found
