"""A label is what the bits of its file say, however it is packed; what cannot be said so is refused."""

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dadist.data.readers import cityscapes, mapillary, synthia
from dadist.data.readers.base import NoOptions
from dadist.data.readers.content import ORIENTATION
from dadist.data.readers.label_files import Drawn, decode_labels, ids_of
from dadist.storage.errors import DataError

GREY, RGB, INDEX, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
# First column and row of each pass of Adam7, and its steps.
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
COLOURS = np.random.default_rng(2).integers(0, 256, (256, 3), np.uint8)


def png(path: Path, samples: NDArray[Any], bits: int, kind: int, *, interlaced: bool = False, **chunks: bytes) -> Path:
    """A PNG of samples ``(H, W)`` or ``(H, W, channels)`` as they are."""

    def packed(part: NDArray[Any]) -> bytes:
        lines = part.reshape(len(part), -1)
        if bits == 16:
            rows = [line.astype(">u2").tobytes() for line in lines]
        else:
            rows = [
                np.packbits(np.unpackbits(line[:, None], axis=1)[:, -bits:]).tobytes()
                for line in lines.astype(np.uint8)
            ]
        return b"".join(b"\0" + row for row in rows)

    parts = [samples[y::down, x::across] for x, y, across, down in PASSES] if interlaced else [samples]
    pixels = b"".join(packed(part) for part in parts if part.size)
    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], bits, kind, 0, 0, interlaced)
    written = {"IHDR": header, **chunks, "IDAT": zlib.compress(pixels), "IEND": b""}
    content = b"\x89PNG\r\n\x1a\n"
    for name, chunk in written.items():
        whole = name.encode() + chunk
        content += struct.pack(">I", len(chunk)) + whole + struct.pack(">I", zlib.crc32(whole))
    path.write_bytes(content)
    return path


def noise(*shape: int, bits: int = 8) -> NDArray[Any]:
    kind: type[np.generic] = np.uint16 if bits == 16 else np.uint8
    return np.random.default_rng(1).integers(0, 2**bits, shape, kind)


# --- what the bits say


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(
    ("kind", "bits"),
    [
        *((GREY, bits) for bits in (1, 2, 4, 8, 16)),
        *((INDEX, bits) for bits in (1, 2, 4, 8)),
        *((other, bits) for other in (RGB, RGBA, GREY_ALPHA) for bits in (8, 16)),
    ],
)
def test_every_png_is_read_as_its_samples(tmp_path: Path, kind: int, bits: int, interlaced: bool) -> None:
    channels = {RGB: (3,), RGBA: (4,), GREY_ALPHA: (2,)}.get(kind, ())
    samples = noise(13, 11, *channels, bits=bits)
    if kind in (RGBA, GREY_ALPHA):
        samples[..., -1] = 2**bits - 1
    more = {"PLTE": COLOURS[: 2**bits].tobytes()} if kind == INDEX else {}
    drawn = decode_labels(png(tmp_path / "x.png", samples, bits, kind, interlaced=interlaced, **more))
    expected = samples if kind in (GREY, INDEX, RGB) else samples[..., 0] if kind == GREY_ALPHA else samples[..., :3]
    np.testing.assert_array_equal(drawn.values, expected)
    assert drawn.bits == (8 if kind == INDEX else bits)
    assert drawn.numbers == (kind in (GREY, GREY_ALPHA))
    assert drawn.seen().all()
    if kind == INDEX:
        np.testing.assert_array_equal(drawn.colours(), COLOURS[samples])


@pytest.mark.parametrize(("bits", "levels"), [(1, [0, 255]), (2, [0, 85, 170, 255]), (4, [17 * i for i in range(16)])])
def test_grey_of_few_bits_is_seen_from_black_to_white(tmp_path: Path, bits: int, levels: list[int]) -> None:
    drawn = decode_labels(png(tmp_path / "x.png", np.arange(2**bits)[None], bits, GREY))
    assert drawn.values[0].tolist() == [*range(2**bits)]
    assert drawn.colours()[0].tolist() == [[level] * 3 for level in levels]


@pytest.mark.parametrize("name", ["x.tif", "lzw.tif", "x.bmp"])
@pytest.mark.parametrize("mode", ["L", "P", "RGB"])
def test_other_formats_that_keep_what_is_drawn_are_read(tmp_path: Path, name: str, mode: str) -> None:
    samples = noise(13, 11, 3) if mode == "RGB" else noise(13, 11)
    image = Image.fromarray(samples)
    if mode == "P":
        image.putpalette(COLOURS.ravel().tolist())
    image.save(tmp_path / name, **({"compression": "tiff_lzw"} if name == "lzw.tif" else {}))
    drawn = decode_labels(tmp_path / name)
    np.testing.assert_array_equal(drawn.values, samples)
    assert (drawn.palette is not None) == (mode == "P")
    if drawn.palette is not None:
        np.testing.assert_array_equal(drawn.colours(), COLOURS[samples])


def test_a_tiff_of_16_bits_is_read(tmp_path: Path) -> None:
    samples = noise(3, 4, bits=16)
    assert cv2.imwrite(str(tmp_path / "x.tif"), samples)
    np.testing.assert_array_equal(decode_labels(tmp_path / "x.tif").values, samples)


@pytest.mark.parametrize("held", range(1, 9))
@pytest.mark.parametrize("name", ["x.png", "x.tif"])
def test_labels_are_turned_as_their_photograph_is(tmp_path: Path, held: int, name: str) -> None:
    upright = Image.fromarray(noise(5, 3, 4) | np.uint8([0, 0, 0, 255]))
    exif = Image.Exif()
    exif[ORIENTATION] = held
    stored = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # PIL's name of what brings it there, as a number
    lying = upright if held == 1 else upright.transpose(Image.Transpose(stored[held]))
    lying.save(tmp_path / name, exif=exif)
    np.testing.assert_array_equal(decode_labels(tmp_path / name).values, np.asarray(upright)[..., :3])


# --- what is erased


def alpha_of(path: Path) -> list[bool]:
    return decode_labels(path).seen()[0].tolist()


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("kind", "channels"), [(GREY_ALPHA, 2), (RGBA, 4)])
def test_what_is_wholly_transparent_is_erased_and_what_is_half_so_refused(
    tmp_path: Path, kind: int, channels: int, bits: int
) -> None:
    samples = noise(1, 3, channels, bits=bits)
    samples[..., -1] = [[0, 2**bits - 1, 0]]
    assert alpha_of(png(tmp_path / "x.png", samples, bits, kind)) == [False, True, False]
    samples[0, 0, -1] = 1
    path = png(tmp_path / "x.png", samples, bits, kind)
    with pytest.raises(
        DataError, match=r"x\.png: expected labels that are drawn or erased, got half-transparent pixels"
    ):
        decode_labels(path)


def test_colours_of_a_palette_may_be_transparent(tmp_path: Path) -> None:
    indices = np.array([[0, 1, 2, 1]])
    colours = COLOURS[:4].tobytes()
    assert alpha_of(png(tmp_path / "x.png", indices, 2, INDEX, PLTE=colours, tRNS=b"\xff\0")) == [
        True,
        False,
        True,
        False,
    ]
    assert alpha_of(png(tmp_path / "x.png", indices, 2, INDEX, PLTE=colours, tRNS=b"\xff\xff\xff\x80")) == [True] * 4
    path = png(tmp_path / "x.png", indices, 2, INDEX, PLTE=colours, tRNS=b"\x80")
    with pytest.raises(DataError, match="half-transparent"):
        decode_labels(path)


@pytest.mark.parametrize("bits", [2, 8, 16])
def test_one_number_or_colour_may_be_transparent(tmp_path: Path, bits: int) -> None:
    assert alpha_of(png(tmp_path / "x.png", np.array([[0, 3, 2]]), bits, GREY, tRNS=b"\0\x03")) == [True, False, True]
    if bits > 2:
        samples = np.array([[[1, 2, 3], [1, 2, 4], [3, 2, 1]]])
        assert alpha_of(png(tmp_path / "x.png", samples, bits, RGB, tRNS=b"\0\x01\0\x02\0\x03")) == [False, True, True]


# --- what is refused


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "GIF", "PPM"])
def test_a_format_that_may_change_labels_is_refused_whatever_its_name(tmp_path: Path, format: str) -> None:
    Image.fromarray(noise(16, 16)).save(tmp_path / "x.png", format)
    with pytest.raises(DataError) as error:
        decode_labels(tmp_path / "x.png")
    assert f"x.png: expected labels as PNG, TIFF or BMP, got {format}" in str(error.value)
    assert str(error.value).endswith("; save it as PNG") == (format in ("GIF", "PPM"))


@pytest.mark.parametrize("mode", ["1", "F", "CMYK", "LA"])
def test_a_tiff_whose_numbers_a_decoder_changes_is_refused(tmp_path: Path, mode: str) -> None:
    Image.new(mode, (4, 4)).save(tmp_path / "x.tif")
    with pytest.raises(DataError, match=r"x\.tif: expected labels of 8 or 16 bits, .* save it as PNG where it was"):
        decode_labels(tmp_path / "x.tif")


def test_a_tiff_that_a_jpeg_hides_in_is_refused(tmp_path: Path) -> None:
    Image.fromarray(noise(16, 16)).save(tmp_path / "x.tif", compression="jpeg")
    with pytest.raises(DataError, match="compressed without loss"):
        decode_labels(tmp_path / "x.tif")


@pytest.mark.parametrize("kind", [GREY, RGB, INDEX])
def test_a_flipped_bit_anywhere_is_told(tmp_path: Path, kind: int) -> None:
    samples = noise(4, 4, 3) if kind == RGB else noise(4, 4, bits=4)
    more = {"PLTE": COLOURS[:16].tobytes(), "tRNS": b"\xff" * 5} if kind == INDEX else {}
    whole = png(tmp_path / "x.png", samples, 8, kind, **more).read_bytes()
    for at in range(8, len(whole) - 4):
        (tmp_path / "x.png").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(DataError, match=r"x\.png: expected a whole image file"):
            decode_labels(tmp_path / "x.png")
    for cut in range(0, len(whole), 7):
        (tmp_path / "x.png").write_bytes(whole[:cut])
        with pytest.raises(DataError, match=r"x\.png: expected a whole image file"):
            decode_labels(tmp_path / "x.png")


def test_an_index_without_a_colour_is_an_id_but_no_colour(tmp_path: Path) -> None:
    path = png(tmp_path / "x.png", np.array([[0, 255]]), 8, INDEX, PLTE=COLOURS[:3].tobytes())
    drawn = decode_labels(path)
    assert drawn.values.tolist() == [[0, 255]]
    red, green, blue = COLOURS[0].tolist()
    with pytest.raises(
        DataError, match=r"x\.png: expected a palette with a colour for each index, got none for 255; do"
    ):
        ids_of(path, drawn, {(red, green, blue): 1}, "do this")


def test_colours_of_16_bits_stand_for_no_label() -> None:
    drawn = Drawn(np.zeros((1, 1, 3), np.uint16), bits=16)
    with pytest.raises(DataError, match=r"x\.png: expected colours of 8 bits, got 16-bit with 3 channels; do this"):
        ids_of(Path("x.png"), drawn, {(0, 0, 0): 1}, "do this")


# --- the readers of published data sets


CITYSCAPES, SYNTHIA = cityscapes.reader(NoOptions()), synthia.reader(NoOptions())


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("reader", [CITYSCAPES, SYNTHIA, mapillary.reader(mapillary.Options("v1.2"))])
def test_ids_of_few_bits_are_ids(tmp_path: Path, reader: Any, bits: int) -> None:
    ids = np.arange(2**bits)[None] % 16
    found = reader.read_labels(png(tmp_path / "x.png", ids, bits, GREY))
    assert found.dtype == np.uint8
    assert found.tolist() == ids.tolist()


@pytest.mark.parametrize("reader", [CITYSCAPES, SYNTHIA])
def test_a_palette_where_none_is_shipped_is_refused_and_what_is_erased_is_void(tmp_path: Path, reader: Any) -> None:
    path = png(tmp_path / "x.png", np.array([[0, 1]]), 8, INDEX, PLTE=COLOURS.tobytes())
    with pytest.raises(DataError, match=r"x\.png: expected .*, got 8-bit with 1 channel from a palette; "):
        reader.read_labels(path)
    ids = reader.read_labels(png(tmp_path / "x.png", np.array([[[7, 255], [7, 0]]]), 8, GREY_ALPHA))
    assert ids.flags.c_contiguous
    assert [reader.ids(tmp_path)[raw] is None for raw in ids[0].tolist()] == [False, True]
