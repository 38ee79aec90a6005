"""Ways to pack a training sample into files, beside the plain arrays that `prepare` writes."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Sample = list[NDArray[Any]]  # image (H, W, 3); of the source also labels (H, W), depth (H, W)
Unpack = Callable[[Sequence[bytes], tuple[int, int]], Sample]  # contents, and (width, height) of the sample


def png(array: NDArray[Any], level: int = 1) -> bytes:
    """The content of a PNG file."""
    return bytes(cv2.imencode(".png", array, [cv2.IMWRITE_PNG_COMPRESSION, level])[1].tobytes())


def _jpeg(array: NDArray[Any]) -> bytes:
    return bytes(cv2.imencode(".jpg", array, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())


def _plain(contents: Sequence[bytes], size: tuple[int, int]) -> Sample:
    width, height = size
    shapes: list[tuple[int, ...]] = [(height, width, 3), (height, width), (height, width)]
    parts = zip(contents, ("u1", "u1", "<u2"), shapes, strict=False)
    return [np.frombuffer(one, kind).reshape(shape).copy() for one, kind, shape in parts]


def _decoded(contents: Sequence[bytes], size: tuple[int, int]) -> Sample:
    return [np.asarray(cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_UNCHANGED)) for one in contents]


# The alternatives: what each makes of a sample, a content an array, and how it is read again. float16 for the depth
# would save nothing: it has the 2 bytes of centimetres, with fewer digits.
PACKINGS: dict[str, tuple[Callable[[Sample], list[bytes]], Unpack]] = {
    "raw, a file an array": (lambda sample: [one.tobytes() for one in sample], _plain),
    "zlib level 1": (
        lambda sample: [zlib.compress(one.tobytes(), 1) for one in sample],
        lambda contents, size: _plain([zlib.decompress(one) for one in contents], size),
    ),
    "PNG level 1": (lambda sample: [png(one) for one in sample], _decoded),
    "JPEG quality 95, PNG labels and depth": (lambda sample: [_jpeg(sample[0]), *map(png, sample[1:])], _decoded),
}
