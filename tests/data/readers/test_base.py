"""Reading one image file: as one sees it, in 8-bit colour, whatever it is called and however the camera was held."""

import os
import re
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from dadist.data.readers.base import decode, read_image, read_size
from dadist.data.readers.content import ORIENTATION
from dadist.data.readers.label_files import decode_labels
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


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_image_of_16_bits_is_refused(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "x.png"
    assert cv2.imwrite(str(path), np.zeros((2, 3, channels), np.uint16))
    with pytest.raises(DataError) as error:
        read_image(path)
    got = f"16-bit with {channels} channel{'s' * (channels > 1)}"
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


def held(upright: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """What a camera that was held so stores of it: the inverse of what PIL does to turn it."""
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    image = Image.fromarray(upright)
    return np.asarray(image if number == 1 else image.transpose(Image.Transpose(back[number])))


def exif(number: int) -> Image.Exif:
    notes = Image.Exif()
    notes[ORIENTATION] = number
    return notes


EXACT: dict[str, dict[str, object]] = {
    "png": {},
    "webp": {"lossless": True, "exact": True},
    "tif": {},
    "lzw.tif": {"compression": "tiff_lzw"},
}


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("extension", EXACT)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_photograph_is_upright_in_every_format(tmp_path: Path, number: int, extension: str, channels: int) -> None:
    upright = {1: COLOURS[..., 0], 3: COLOURS, 4: np.dstack([COLOURS, COLOURS[..., 0]])}[channels]
    path = tmp_path / f"x.{extension}"
    Image.fromarray(held(upright, number)).save(path, exif=exif(number), **EXACT[extension])
    seen = np.repeat(upright[..., None], 3, 2) if channels == 1 else upright[..., :3]
    image = read_image(path)
    assert image.flags.c_contiguous
    np.testing.assert_array_equal(image, seen)
    assert read_size(path) == (60, 40)


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_is_turned_after_it_is_decoded(tmp_path: Path, number: int, mode: str) -> None:
    for name, notes in (("x.jpg", {"exif": exif(number)}), ("plain.jpg", {})):
        Image.fromarray(COLOURS).convert(mode).save(tmp_path / name, quality=95, **notes)
    with Image.open(tmp_path / "plain.jpg") as plain:
        stored = np.asarray(plain.convert("RGB"))
    np.testing.assert_array_equal(read_image(tmp_path / "plain.jpg"), stored)
    turned_by_pil = Image.fromarray(stored)
    turned_by_pil.getexif()[ORIENTATION] = number
    np.testing.assert_array_equal(read_image(tmp_path / "x.jpg"), np.asarray(ImageOps.exif_transpose(turned_by_pil)))
    assert read_size(tmp_path / "x.jpg") == ((40, 60) if number > 4 else (60, 40))


@pytest.mark.parametrize("notes", ["eXIf after the pixels", "XMP", "ImageMagick"])
def test_a_png_may_note_it_in_several_places(tmp_path: Path, notes: str) -> None:
    path, chunks = tmp_path / "x.png", PngInfo()
    if notes == "XMP":
        chunks.add_itxt("XML:com.adobe.xmp", '<rdf:Description tiff:Orientation="3"/>', zip=True)
    elif notes == "ImageMagick":
        hexadecimal = exif(3).tobytes().hex()
        chunks.add_text("Raw profile type exif", f"\nexif\n{len(hexadecimal) // 2:8}\n{hexadecimal}\n")
    Image.fromarray(held(COLOURS, 3)).save(path, pnginfo=chunks)
    if notes == "eXIf after the pixels":
        note, whole = b"eXIf" + exif(3).tobytes()[6:], path.read_bytes()
        chunk = struct.pack(">I", len(note) - 4) + note + struct.pack(">I", zlib.crc32(note))
        path.write_bytes(whole[:-12] + chunk + whole[-12:])
    np.testing.assert_array_equal(read_image(path), COLOURS)


@pytest.mark.parametrize("notes", [exif(0), exif(9), b"Exif\0\0" + bytes(range(40))])
def test_a_note_that_means_nothing_turns_nothing(tmp_path: Path, notes: Image.Exif | bytes) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "x.png", exif=notes)
    np.testing.assert_array_equal(read_image(tmp_path / "x.png"), COLOURS)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
def test_the_content_says_what_a_file_is_and_not_its_name(tmp_path: Path, format: str) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "right", format, exif=exif(6))
    for name in ("x.jpg", "x.png", "x.tif", "x"):
        shutil.copy(tmp_path / "right", tmp_path / name)
        np.testing.assert_array_equal(read_image(tmp_path / name), read_image(tmp_path / "right"))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_grey_and_palettes_are_seen_in_their_colours(tmp_path: Path, bits: int) -> None:
    indices = (np.arange(64).reshape(8, 8) % 2**bits).astype(np.uint8)
    palette = np.random.default_rng(3).integers(0, 256, (2**bits, 3), np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(palette.ravel().tolist())
    for transparency in ({}, {"transparency": bytes(2)}):
        image.save(tmp_path / "x.png", bits=bits, **transparency)
        np.testing.assert_array_equal(read_image(tmp_path / "x.png"), palette[indices])
    Image.fromarray(np.uint8([[0, 255]])).convert("1").save(tmp_path / "grey.png")
    assert read_image(tmp_path / "grey.png").tolist() == [[[0, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize("name", ["x.jpg", "x.webp", "x.tif"])
def test_an_image_of_too_many_pixels_is_named(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(COLOURS).save(tmp_path / name, exif=exif(6))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    reads = (read_size, decode_labels) if name == "x.tif" else (read_image, read_size, decode_labels)
    for read in reads:
        with pytest.raises(
            DataError, match=rf"{name}: expected an image of at most 0 million pixels, got a larger one"
        ):
            read(tmp_path / name)


def test_a_format_of_phones_that_is_not_read_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99))
    with pytest.raises(DataError, match=r"x\.jpg: expected JPEG, PNG, .*, got HEIF or AVIF; convert it to JPEG or PNG"):
        read_image(tmp_path / "x.jpg")


# --- what is no file


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (os.mkfifo, "x.jpg: expected a file, got a pipe; remove what stands in its place"),
        (lambda path: path.mkdir(), "x.jpg: expected a file, got a folder; remove what stands"),
        (lambda path: path.symlink_to("/dev/zero"), "x.jpg: expected a file, got a device; remove"),
        (
            lambda path: path.symlink_to("gone.jpg"),
            "x.jpg: expected a file, got a link to gone.jpg, which is not there",
        ),
        (lambda path: path.symlink_to("x.jpg"), "x.jpg: expected a file, got a link that leads back to itself; remove"),
        (lambda path: None, "x.jpg: expected a file, found no such file; check the name"),
    ],
)
def test_what_is_no_file_is_named_and_never_waited_for(
    tmp_path: Path, made: Callable[[Path], object], told: str
) -> None:
    made(tmp_path / "x.jpg")
    for read in (read_image, decode, read_size, decode_labels):
        with pytest.raises((DataError, FileNotFoundError), match=re.escape(told)):
            read(tmp_path / "x.jpg")
