from pathlib import Path

import builders
import numpy as np
from PIL import Image

from dadist.classes import CLASS_SETS, ClassSet
from dadist.data.readers.base import decode
from dadist.deploy.prediction import Prediction
from dadist.deploy.writers import (
    DRAWINGS,
    overlay,
    write,
)

SEVEN = CLASS_SETS["7"]
LABELS = np.array([[0, 1, 2], [6, 6, 0]], np.uint8)


def prediction(classes: ClassSet = SEVEN, labels: np.ndarray = LABELS) -> Prediction:
    confidence = np.linspace(0.2, 1, labels.size).reshape(labels.shape)
    return builders.prediction(labels, classes, confidence, np.full(labels.shape, 12.34))


def test_every_map_is_written_into_a_folder_of_its_name(tmp_path: Path) -> None:
    image = np.full((2, 3, 3), 100, np.uint8)
    write("ulm/a", image, prediction(), tmp_path, list(DRAWINGS))
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*"))
    assert written == [
        "confidence/ulm/a.png",
        "depth/ulm/a.png",
        "ids/ulm/a.png",
        "overlay/ulm/a.jpg",
        "palette/ulm/a.png",
    ]
    np.testing.assert_array_equal(decode(tmp_path / "ids/ulm/a.png"), LABELS)
    np.testing.assert_array_equal(decode(tmp_path / "confidence/ulm/a.png"), [[51, 92, 133], [173, 214, 255]])
    depth = decode(tmp_path / "depth/ulm/a.png")
    assert (depth.dtype, depth.tolist()) == (np.uint16, [[1234] * 3] * 2)
    with Image.open(tmp_path / "palette/ulm/a.png") as palette:
        np.testing.assert_array_equal(np.asarray(palette), LABELS)
        np.testing.assert_array_equal(np.asarray(palette.convert("RGB")), SEVEN.colours[LABELS])


def test_an_overlay_is_half_image_and_half_colour() -> None:
    image = np.full((2, 3, 3), 100, np.uint8)
    mixed = overlay(image, prediction()).astype(int)
    assert np.abs(mixed - (100 + SEVEN.colours[LABELS].astype(int)) / 2).max() <= 1
