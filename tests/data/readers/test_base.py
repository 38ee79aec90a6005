"""Reading one image file: 8-bit colour as RGB, and nothing else under that name; choosing scenes by a list."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dadist.data.readers.base import Files, chosen, read_image
from dadist.storage.errors import DataError

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


# --- lists of names


SCENES = [
    Files(name, Path(f"leftImg8bit/train/{name.split('_')[0]}/{name}_leftImg8bit.png"), None, None)
    for name in ("aachen_000000_000019", "aachen_000001_000019", "bochum_000000_000313")
]


def chosen_by(folder: Path, text: str) -> list[str]:
    """The names of the scenes that a list takes."""
    (folder / "names.txt").write_bytes(text.encode())
    return [scene.name for scene in chosen(SCENES, folder / "names.txt")]


@pytest.mark.parametrize(
    "style",
    [
        "{city}/{name}_leftImg8bit.png",  # as lists are published for Cityscapes
        "leftImg8bit/train/{city}/{name}_leftImg8bit.png",
        "{name}_leftImg8bit.png",
        "{name}_leftImg8bit",
        "{name}",
    ],
)
def test_a_list_takes_the_images_it_names_in_its_order(tmp_path: Path, style: str) -> None:
    wanted = [SCENES[2].name, SCENES[0].name]
    lines = [style.format(city=name.split("_")[0], name=name) for name in wanted]
    assert chosen_by(tmp_path, "\n".join(lines)) == wanted  # without a last line end, as one published list is


def test_blanks_empty_lines_and_line_ends_of_windows_do_not_count(tmp_path: Path) -> None:
    text = f"\r\n  {SCENES[1].name} \r\n\r\n{SCENES[0].name}\r\n"
    assert chosen_by(tmp_path, text) == [SCENES[1].name, SCENES[0].name]


def test_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no\.txt: expected a list of names, found no file; see `lists`"):
        chosen(SCENES, tmp_path / "no.txt")


def test_a_name_that_the_data_set_lacks_is_told_with_its_line(tmp_path: Path) -> None:
    text = f"{SCENES[0].name}\n\nzurich/zurich_000000_000019_leftImg8bit.png\n"
    with pytest.raises(DataError) as error:
        chosen_by(tmp_path, text)
    assert str(error.value) == (
        f"{tmp_path / 'names.txt'}, line 3: expected a name like aachen_000000_000019, "
        "got zurich/zurich_000000_000019_leftImg8bit.png, which the data set does not have; "
        "a list of another data set or split?"
    )


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_list_is_refused_with_the_way_to_have_all_images(tmp_path: Path, text: str) -> None:
    with pytest.raises(
        DataError, match=r"names\.txt: expected one name per line, .*; remove it from `lists` for all images"
    ):
        chosen_by(tmp_path, text)


def test_a_name_that_comes_twice_is_refused_in_whatever_style(tmp_path: Path) -> None:
    text = f"{SCENES[1].name}\n{SCENES[0].name}\naachen/{SCENES[1].name}_leftImg8bit.png\n"
    with pytest.raises(DataError, match=r"expected each name once, got aachen_000001_000019 twice; remove one"):
        chosen_by(tmp_path, text)


def test_a_list_may_begin_with_the_mark_of_its_encoding(tmp_path: Path) -> None:
    assert chosen_by(tmp_path, f"\ufeff{SCENES[1].name}\n") == [SCENES[1].name]


def test_a_list_in_another_encoding_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes("Zürich_000001\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"names\.txt: expected a text file in UTF-8, got .*; save it as UTF-8"):
        chosen(SCENES, tmp_path / "names.txt")
