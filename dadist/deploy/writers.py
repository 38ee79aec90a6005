"""A prediction as files: what one looks at, and what other programs read."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dadist.classes import colourise
from dadist.data.readers.base import FAR_CM
from dadist.deploy.prediction import Prediction
from dadist.deploy.servers import Server
from dadist.storage.atomic import atomic

Picture = NDArray[np.uint8]


def overlay(image: Picture, prediction: Prediction) -> Picture:
    """The colours of the classes over the image, half and half, ``(H, W, 3)``."""
    mixed = cv2.addWeighted(image, 0.5, colourise(prediction.labels, prediction.classes), 0.5, 0)
    return np.asarray(mixed, np.uint8)


def _overlay(image: Picture, prediction: Prediction) -> bytes:
    return _encoded(".jpg", overlay(image, prediction)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])


def _ids(image: Picture, prediction: Prediction) -> bytes:
    return _encoded(".png", prediction.labels)


def _palette(image: Picture, prediction: Prediction) -> bytes:
    indexed, content = Image.fromarray(prediction.labels), io.BytesIO()
    indexed.putpalette(prediction.classes.colours.tobytes())
    indexed.save(content, "PNG")
    return content.getvalue()


def _confidence(image: Picture, prediction: Prediction) -> bytes:
    return _encoded(".png", np.rint(255 * prediction.confidence).astype(np.uint8))


def _depth(image: Picture, prediction: Prediction) -> bytes:
    assert prediction.depth_m is not None
    return _encoded(".png", np.rint(100 * prediction.depth_m).clip(0, FAR_CM).astype(np.uint16))


# What may be written of an image: name of the folder → extension, and content.
DRAWINGS: dict[str, tuple[str, Callable[[Picture, Prediction], bytes]]] = {
    "overlay": (".jpg", _overlay),  # the classes' colours over the image
    "ids": (".png", _ids),  # train ids, 8 bit
    "palette": (".png", _palette),  # train ids, shown in the classes' colours
    "confidence": (".png", _confidence),  # 8 bit, 255 for 1
    "depth": (".png", _depth),  # centimetres, 16 bit, 65535 for what is farther; of models with depth
}


def write(name: str, image: Picture, prediction: Prediction, out: Path, asked: list[str]) -> None:
    """The drawings ``asked`` for of one image, each in a folder of its name below ``out``."""
    for drawing in asked:
        extension, draw = DRAWINGS[drawing]
        _put(out / drawing / f"{name}{extension}", draw(image, prediction))


def write_numbers(name: str, prediction: Prediction, server: Server, out: Path) -> None:
    """The numbers that a test server has for the classes as one PNG, called as it wants, below ``out``."""
    labels = server.numbers_of(prediction.classes)[prediction.labels]
    _put(out / server.file_of(name), _encoded(".png", labels))


def _encoded(
    extension: str, picture: NDArray[np.uint8] | NDArray[np.uint16], options: list[int] | None = None
) -> bytes:
    _, content = cv2.imencode(extension, picture, options or [])
    return bytes(content)


def _put(path: Path, content: bytes) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(content)
