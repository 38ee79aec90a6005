"""A prediction as files: what one looks at, and what other programs read."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dadist.classes import ClassSet, colourise, ids
from dadist.data.readers.base import FAR_CM
from dadist.data.resize import Size
from dadist.deploy.predictor import Prediction
from dadist.storage.atomic import atomic

CITYSCAPES_SIZE: Size = (2048, 1024)  # what its test server wants
_CITYSCAPES_NAME = re.compile(r"([^_/]+_\d{6}_\d{6})(?:_[^/]*)?")  # city, sequence, frame

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


def cityscapes_name(name: str) -> str:
    """How its evaluator and server find a prediction: by city, sequence and frame, which begin the image's name.

    Raises:
        ValueError: The name has none.
    """
    found = _CITYSCAPES_NAME.fullmatch(name.rpartition("/")[2])
    if found is None:
        raise ValueError(
            f"{name}: expected a name like berlin_000000_000019_leftImg8bit, for --format cityscapes, got another; "
            "give images of Cityscapes"
        )
    return f"{found[1]}_pred"


def cityscapes_ids(classes: ClassSet) -> NDArray[np.uint8]:
    """Label id of each train id, ``(C,)``.

    Raises:
        ValueError: A class holds several labels of Cityscapes, or none.
    """
    raw = classes.lookup("cityscapes", ids("cityscapes"))
    found = []
    for index, name in enumerate(classes.names):
        own = np.flatnonzero(raw == index).tolist()
        if len(own) != 1:
            got = f"{len(own)} ({', '.join(map(str, own))})" if own else "none"
            raise ValueError(
                f"class {name!r} of class set {classes.name}: expected one label id of Cityscapes, got {got}; "
                "--format cityscapes needs a model of the 19 or 16 classes"
            )
        found.append(own[0])
    return np.array(found, np.uint8)


def write_cityscapes(name: str, prediction: Prediction, out: Path) -> None:
    """Label ids of Cityscapes as one PNG, directly in ``out``."""
    labels = cityscapes_ids(prediction.classes)[prediction.labels]
    _put(out / f"{cityscapes_name(name)}.png", _encoded(".png", labels))


def _encoded(
    extension: str, picture: NDArray[np.uint8] | NDArray[np.uint16], options: list[int] | None = None
) -> bytes:
    _, content = cv2.imencode(extension, picture, options or [])
    return bytes(content)


def _put(path: Path, content: bytes) -> None:
    with atomic(path) as temporary:
        temporary.write_bytes(content)
