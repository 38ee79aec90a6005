"""What every data set's reader offers, and the reading of one image file with its checks."""

import contextlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from dadist.config.prior_sections import Camera
from dadist.config.records import Record
from dadist.data.readers.content import BITS, HEIF, JPEG, TIFF, UNDECODED, contents, orientation, turned
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
    cameras: bool = False  # whether it has camera files
    depth_kind: str = "metric"  # what `read_depth` gives: "metric", centimetres; or "relative"
    depth_estimated: bool = False  # whether a network made the depth files that are read in place of the data set's

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

    def camera(self, image: Path) -> Camera:
        """That of an image, from its file.

        Raises:
            DataError: It has none, as all of a data set without `cameras`.
        """
        raise DataError(f"{image}: expected a camera file, but the data set {self.dataset} has none")

    def read_depth(self, path: Path) -> NDArray[np.uint16]:
        """Centimetres, ``(H, W)``; 0 where there is no depth, 65535 where it is far.

        Of a reader of relative depth: inverse depth from 1, the farthest of the image, to 65535, the nearest.
        """
        ...


@dataclass(frozen=True)
class NoOptions(Record):
    """Of a data set that has only one shape."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """A photograph as one sees it, ``(H, W, 3)`` RGB, upright: whoever needs one takes it from here.

    What the file is says its content, not its name. Grey becomes three equal channels; an alpha channel is dropped.

    Raises:
        DataError: It is damaged, or has more than 8 bits, or is no file.
        FileNotFoundError: There is no such file.
    """
    image = decode(path)
    if image.dtype != np.uint8:
        raise DataError(f"{path}: expected an 8-bit RGB image, got {kind(image)}; convert it to 8-bit RGB")
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, 2)
    return np.ascontiguousarray(image[..., :3])


def decode(path: Path) -> NDArray[Any]:
    """An image file as it is stored, but upright: ``(H, W)`` or ``(H, W, channels)`` with red first, 8 or 16 bit.

    OpenCV keeps 16 bits in colour, where PIL keeps the high byte alone, and it refuses a PNG with a wrong checksum.
    Where a JPEG is cut, OpenCV fills with grey and PIL refuses.

    Raises:
        DataError: It is truncated, damaged, or not an image, or no file.
        FileNotFoundError: There is no such file.
    """
    content = contents(path)
    with decoding(path):
        stored = _decode_jpeg(content) if content.startswith(JPEG) else _decode_other(content)
        held = orientation(content)
    if stored is None:
        raise _of_a_phone(path) if content[4:8] == HEIF else damaged(path)
    return turned(stored, held)


def _decode_jpeg(content: bytes) -> NDArray[Any]:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image if image.mode == "L" else image.convert("RGB"))


def _decode_other(content: bytes) -> NDArray[Any] | None:
    if content.startswith(TIFF):
        # OpenCV multiplies colours with alpha; PIL does not know every kind of TIFF.
        with contextlib.suppress(UnidentifiedImageError), Image.open(io.BytesIO(content)) as image:
            if image.mode == "RGBA" and set(image.getexif().get(BITS, ())) == {8}:
                return np.asarray(image)
    stored = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if content else None
    if stored is None or stored.ndim == 2:
        return stored
    return cv2.cvtColor(stored, cv2.COLOR_BGR2RGB if stored.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)


@contextlib.contextmanager
def decoding(path: Path) -> Iterator[None]:
    """What the decoders inside raise of a file, as `DataError` that names it."""
    try:
        yield
    except UNDECODED as error:
        raise damaged(path) from error
    except Image.DecompressionBombError as error:
        raise too_large(path) from error


def damaged(path: Path) -> DamagedError:
    """What to raise for a file that cannot be decoded."""
    return DamagedError(
        f"{path}: expected a whole image file, got one that cannot be decoded "
        "(truncated, damaged, or not an image); copy or download the file again"
    )


def _of_a_phone(path: Path) -> DataError:
    return DataError(f"{path}: expected JPEG, PNG, WebP, TIFF or BMP, got HEIF or AVIF; convert it to JPEG or PNG")


def too_large(path: Path) -> DataError:
    """What to raise for an image that PIL refuses to decode."""
    most = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 10**6
    return DataError(f"{path}: expected an image of at most {most} million pixels, got a larger one; make it smaller")


def read_size(path: Path) -> tuple[int, int]:
    """(width, height) of an image file as `decode` gives it, without decoding it."""
    content = contents(path)
    with decoding(path):
        with Image.open(io.BytesIO(content)) as image:
            width, height = image.size
        return (height, width) if orientation(content) in (5, 6, 7, 8) else (width, height)


def kind(array: NDArray[Any]) -> str:
    """Depth and channels of a decoded file in words, for messages."""
    if array.ndim not in (2, 3):
        return f"{array.dtype} of shape {array.shape}"
    channels = 1 if array.ndim == 2 else array.shape[2]
    return f"{array.dtype.itemsize * 8}-bit with {channels} channel{'s' * (channels > 1)}"


def same_shape(size: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two (width, height) have one aspect ratio, but for a side of the first rounded to whole pixels."""
    return abs(size[0] * other[1] - size[1] * other[0]) <= max(other)


def any_size(reader: Reader) -> bool:
    """Whether depth maps have the size that their network gives, and only the shape of their image."""
    return reader.depth_estimated or reader.depth_kind == "relative"


def require_shape(path: Path, stored: NDArray[Any], image_path: Path, image: NDArray[np.uint8]) -> None:
    """Raise DataError unless a map shows all of its image, at whatever size."""
    if not same_shape(stored.shape[::-1], image.shape[1::-1]):
        what, remedy = other_size(stored.shape[::-1], image_path, image.shape[1::-1])
        raise DataError(f"{path}: {what}, which is another shape; {remedy}")


def require_size(path: Path, stored: NDArray[Any], image_path: Path, image: NDArray[np.uint8]) -> None:
    """Raise DataError unless labels or depth are as large as their image."""
    if stored.shape != image.shape[:2]:
        what, remedy = other_size(stored.shape[::-1], image_path, image.shape[1::-1])
        raise DataError(f"{path}: {what}; {remedy}")


def required_size(reader: Reader) -> Callable[[Path, NDArray[Any], Path, NDArray[np.uint8]], None]:
    """What holds a reader's depth to its image: maps that a network made are of its size."""
    return require_shape if any_size(reader) else require_size


def require_depth(path: Path, depth: NDArray[np.uint16]) -> None:
    """Raise DataError if a depth map is one number everywhere, which no photograph is.

    1 cm and what is far are let through: a wrong unit makes them of what is sound.
    """
    value = int(depth[0, 0])
    if (depth == value).all() and value not in (1, FAR_CM):
        end = "copy" if value == 0 else "make or copy"
        raise DataError(f"{path}: expected depth in centimetres, got {value} everywhere; {end} the file again")


def other_size(got: tuple[int, ...], image: Path, size: tuple[int, ...]) -> tuple[str, str]:
    """What is wrong with labels or depth of another size than their upright image, and the remedy; sizes of pixels."""
    what = f"expected {size[0]}x{size[1]} as {image}, got {got[0]}x{got[1]}"
    if got == size[::-1]:
        return (
            what,
            "one of them lies on its side: an image is turned as its camera was held, so turn the other likewise",
        )
    return what, "the two are not of one scene or one was resized: copy both again"


def require_known(path: Path, seen: NDArray[np.int64], dataset: str, known: Iterable[int]) -> None:
    """Raise DataError if pixels were ``seen``, ``(256,)``, of an id that the data set does not define."""
    foreign = sorted(set(np.flatnonzero(seen).tolist()) - set(known))
    if foreign:
        raise DataError(
            f"{path}: expected ids of {dataset}, got {', '.join(map(str, foreign))} as well; "
            "labels of another data set or already mapped to train ids? take the files as shipped"
        )
