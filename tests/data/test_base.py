"""Reading one image file: 8-bit colour as RGB, and nothing else under that name."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dadist.data.base import DataError, read_image

COLOURS = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


def test_an_image_is_read_red_first(tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "x.png")
    image = read_image(tmp_path / "x.png")
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, COLOURS)


def test_an_alpha_channel_is_dropped(tmp_path: Path) -> None:
    alpha = np.random.default_rng(1).integers(0, 256, (40, 60, 1), np.uint8)
    Image.fromarray(np.concatenate([COLOURS, alpha], -1)).save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), COLOURS)


@pytest.mark.parametrize(
    ("stored", "got"),
    [
        (np.zeros((2, 3), np.uint8), "8-bit with 1 channel"),
        (np.zeros((2, 3, 3), np.uint16), "16-bit with 3 channels"),
    ],
)
def test_an_image_that_is_not_eight_bit_colour_is_refused(
    tmp_path: Path, stored: NDArray[np.generic], got: str
) -> None:
    path = tmp_path / "x.png"
    assert cv2.imwrite(str(path), stored)
    with pytest.raises(DataError) as error:
        read_image(path)
    assert str(error.value) == f"{path}: expected an 8-bit RGB image, got {got}; convert it to 8-bit RGB"


def test_a_png_with_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(COLOURS).save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"x\.png: expected a whole image file, .*; copy or download the file again"):
        read_image(path)


def test_a_cut_jpeg_is_refused_and_a_whole_one_read(tmp_path: Path) -> None:
    path = tmp_path / "x.jpg"
    Image.fromarray(COLOURS).save(path)
    with Image.open(path) as image:
        np.testing.assert_array_equal(read_image(path), np.asarray(image))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"x\.jpg: expected a whole image file, .*; copy or download the file again"):
        read_image(path)


def test_a_grey_jpeg_is_refused(tmp_path: Path) -> None:
    Image.fromarray(COLOURS[..., 0]).save(tmp_path / "x.jpg")
    with pytest.raises(DataError, match=r"x\.jpg: expected an 8-bit RGB image, got 8-bit with 1 channel"):
        read_image(tmp_path / "x.jpg")


def test_a_photograph_is_turned_as_the_camera_was_held(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by a quarter
    blue_on_top = np.zeros((16, 32, 3), np.uint8)
    blue_on_top[:8, :, 2] = 255
    Image.fromarray(blue_on_top).save(tmp_path / "x.jpg", exif=exif)
    image = read_image(tmp_path / "x.jpg")
    assert image.shape == (32, 16, 3)
    assert (image[:, 10:, 2] > 200).all()
    assert (image[:, :6, 2] < 50).all()
