"""A folder of one's own: which files belong together, what their ids, colours and depths mean, and what is refused."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dadist.config.records import ConfigError, parse
from dadist.data.readers.base import Reader
from dadist.data.readers.folder import Options, reader
from dadist.doctor.headers import header
from dadist.storage.errors import DataError

EMPTY: dict[str, Any] = {
    "labels": {},
    "ids": {},
    "colours": {},
    "depth_files": {},
    "depth_metres": None,
    "depth_kind": "metric",
    "depth_channels": "one",
    "ids_channel": "only",
    "counts": {},
    "download": None,
}
LABELLED = {"images": {"train": "*.jpg", "val": "v/*.jpg"}, "labels": {"val": "l/*.png"}, "ids": {0: "road", 7: None}}


def folder(**options: Any) -> Reader:
    """The reader of a domain; what is left out is empty, as config.yaml has it."""
    return reader(parse(Options, {**EMPTY, **options}, "domains.mine"))


def put(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def names(scenes: list[Any]) -> list[str]:
    return [scene.name for scene in scenes]


def save(path: Path, array: NDArray[Any], palette: list[int] | None = None) -> Path:
    image = Image.fromarray(array)
    if palette:
        image.putpalette(palette)
    image.save(path)
    return path


# --- which files belong together


def test_a_scene_is_named_by_what_the_star_stands_for(tmp_path: Path) -> None:
    put(tmp_path, "v/ulm.jpg", "v/bonn.jpg", "v/notes.txt", "v/._ulm.jpg", "l/ulm_ids.png", "l/bonn_ids.png", "a.jpg")
    chosen = folder(**{**LABELLED, "labels": {"val": "l/*_ids.png"}})
    scenes = chosen.files(tmp_path, "val", labels=True, depth=False)
    assert names(scenes) == ["bonn", "ulm"]
    assert scenes[1].image == tmp_path / "v/ulm.jpg"
    assert scenes[1].labels == tmp_path / "l/ulm_ids.png"
    assert scenes[1].depth is None


def test_two_stars_name_a_scene_by_both(tmp_path: Path) -> None:
    put(tmp_path, "x/ulm/1.jpg", "x/bonn/1.jpg", "l/ulm/1.png", "l/bonn/1.png")
    chosen = folder(images={"all": "x/*/*.jpg"}, labels={"all": "l/*/*.png"}, ids={0: "road"})
    scenes = chosen.files(tmp_path, "all", labels=True, depth=False)
    assert names(scenes) == ["bonn/1", "ulm/1"]
    assert scenes[0].labels == tmp_path / "l/bonn/1.png"


def test_folders_of_any_depth_and_files_of_any_extension(tmp_path: Path) -> None:
    put(tmp_path, "x/a.jpg", "x/y/b.JPEG", "x/y/z/c.d.png", "x/y/none")
    assert names(folder(images={"train": "x/**/*.*"}).files(tmp_path, "train", labels=False, depth=False)) == [
        "a",
        "y/b",
        "y/z/c.d",
    ]


def test_depth_goes_with_its_image(tmp_path: Path) -> None:
    put(tmp_path, "rgb_1.png", "depth_1.npy")
    chosen = folder(images={"all": "rgb_?.png"}, depth_files={"all": "depth_?.npy"}, depth_metres=1.0)
    (scene,) = chosen.files(tmp_path, "all", labels=False, depth=True)
    assert scene.depth == tmp_path / "depth_1.npy"


def test_labels_are_not_looked_for_unless_asked(tmp_path: Path) -> None:
    put(tmp_path, "v/a.jpg")
    assert folder(**LABELLED).files(tmp_path, "val", labels=False, depth=False)[0].labels is None


def test_splits_and_labelled_splits_are_what_the_domain_says() -> None:
    assert folder(**LABELLED).splits == ("train", "val")
    assert folder(**LABELLED).labelled == ("val",)
    assert folder(images={"train": "*.jpg"}).labelled == ()


def test_a_split_does_not_depend_on_what_is_not_asked_of_it() -> None:
    options = {**EMPTY, **LABELLED, "depth_files": {"val": "d/*.png"}, "depth_metres": 1.0}
    chosen = folder(**options)
    photographs = {**EMPTY, "images": {"train": "*.jpg"}}
    assert chosen.relevant(options, "train", labels=False, depth=False) == photographs
    assert chosen.relevant(options, "val", labels=True, depth=True) == options
    for labels in (False, True):
        for depth in (False, True):
            folder(**chosen.relevant(options, "val", labels=labels, depth=depth))
            folder(**chosen.relevant(options, "train", labels=labels, depth=depth))


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (["w/a.jpg", "x.jpg"], "w, x.jpg in {root}"),
        (["v/a.png", *(f"v/{letter}.jpeg" for letter in "bcdefg")], "a.png, b.jpeg, c.jpeg, d.jpeg, e.jpeg and 2 more"),
        ([], "nothing in {root}"),
    ],
)
def test_a_glob_that_fits_nothing_is_named_with_what_is_there(tmp_path: Path, there: list[str], told: str) -> None:
    root = put(tmp_path, *there)
    what = re.escape(f"{root}/v/*.jpg: expected files, found none, but {told.format(root=root)}")
    with pytest.raises(FileNotFoundError, match=f"{what}.*; see the domain's root and globs"):
        folder(**LABELLED).files(root, "val", labels=False, depth=False)


def test_a_missing_root_is_named(tmp_path: Path) -> None:
    root = tmp_path / "none"
    with pytest.raises(FileNotFoundError, match=re.escape(f"found none, but no folder {root}; see")):
        folder(**LABELLED).files(root, "val", labels=False, depth=False)


def test_what_to_get_and_how_many_decide_nothing(tmp_path: Path) -> None:
    options = {**EMPTY, **LABELLED, "counts": {"train": 3, "val": 1}, "download": "MINE (mine.example; CC0)"}
    chosen = folder(**options)
    assert chosen.counts == {"train": 3, "val": 1}
    assert chosen.shipped.startswith("MINE (mine.example; CC0), with *.jpg (images, train), v/*.jpg (images, val)")
    assert chosen.relevant(options, "val", labels=True, depth=True) == {**EMPTY, **LABELLED}
    with pytest.raises(ValueError, match=r"counts\.all: expected a split that images has, got all"):
        folder(**{**options, "counts": {"all": 3}})


def test_an_image_without_labels_is_named_with_what_was_looked_for(tmp_path: Path) -> None:
    put(tmp_path, "v/a.jpg", "v/b.jpg", "l/a.png")
    with pytest.raises(
        FileNotFoundError, match=r"v/b\.jpg: expected a file .*l/\*\.png where the stars .* b, .*1 of 2"
    ):
        folder(**LABELLED).files(tmp_path, "val", labels=True, depth=False)


def test_two_images_of_one_name_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "a.png")
    with pytest.raises(DataError, match=r"a\.png: expected one file of each name, got .*a\.jpg as well"):
        folder(images={"train": "*.*"}).files(tmp_path, "train", labels=False, depth=False)


def test_links_to_folders_are_followed_for_images_and_what_goes_with_them(tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/2.jpg", "mine/x/a/1.jpg", "labels/1.png", "labels/2.png")
    (tmp_path / "mine/x/b").symlink_to("../../elsewhere")
    (tmp_path / "mine/x/again").symlink_to("..")
    for name in ("a", "b"):
        (tmp_path / "mine/l").mkdir(exist_ok=True)
        (tmp_path / f"mine/l/{name}").symlink_to("../../labels")
    for images, labels in (("x/*/*.jpg", "l/*/*.png"), ("x/**/*.jpg", "l/**/*.png")):
        chosen = folder(images={"all": images}, labels={"all": labels}, ids={0: "road"})
        scenes = chosen.files(tmp_path / "mine", "all", labels=True, depth=False)
        assert names(scenes) == ["a/1", "b/2"]
        assert [str(scene.labels) for scene in scenes] == [f"{tmp_path}/mine/l/{name}.png" for name in ("a/1", "b/2")]


def test_an_image_that_a_link_leads_to_as_well_is_one_scene(tmp_path: Path) -> None:
    put(tmp_path, "2024/1.jpg")
    (tmp_path / "1-latest").symlink_to("2024")
    assert names(folder(images={"train": "**/*.jpg"}).files(tmp_path, "train", labels=False, depth=False)) == ["2024/1"]


def test_a_link_to_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    put(tmp_path, "a/1.jpg")
    (tmp_path / "b").symlink_to("/mnt/disk/photos")
    for glob in ("*/*.jpg", "**/*.jpg"):
        with pytest.raises(FileNotFoundError) as error:
            folder(images={"train": glob}).files(tmp_path, "train", labels=False, depth=False)
        assert str(error.value) == (
            f"{tmp_path}/b: expected a file, got a link to /mnt/disk/photos, which is not there; "
            "mend the link, or copy the file itself"
        )


@pytest.mark.parametrize("glob", ["./v/*.jpg", "v//*.jpg", "v/./*.jpg"])
def test_a_glob_may_be_written_as_a_shell_takes_it(tmp_path: Path, glob: str) -> None:
    put(tmp_path, "v/ulm.jpg")
    assert names(folder(images={"train": glob}).files(tmp_path, "train", labels=False, depth=False)) == ["ulm"]


def test_what_the_domain_does_not_have_is_refused_with_the_key(tmp_path: Path) -> None:
    put(tmp_path, "a.jpg", "v/a.jpg")
    chosen = folder(**LABELLED)
    with pytest.raises(ValueError, match="labels of split train: expected a glob"):
        chosen.files(tmp_path, "train", labels=True, depth=False)
    with pytest.raises(ValueError, match=r"add `depth_files: \{val:"):
        chosen.files(tmp_path, "val", labels=False, depth=True)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"images": {}}, "images: expected a glob for train"),
        ({"images": {"training": "*.jpg"}}, "images: expected a glob for train"),
        ({"images": {"train": "a.jpg"}}, r"images\.train: expected a path below root with a \*"),
        ({"images": {"train": "a.*"}}, r"images\.train: expected a path below root with a \*"),
        ({"images": {"train": "[ab]*.jpg"}}, r"images\.train: expected a path below root"),
        ({"images": {"train": "/photos/*.jpg"}}, r"images\.train: expected a path below root"),
        ({"images": {"train": "../*.jpg"}}, r"images\.train: expected a path below root"),
        ({"images": {"train": "**.jpg"}}, r"images\.train: expected \*\* between slashes, for any folders"),
        ({"images": {"train": "photos/**"}}, r"images\.train: expected \*\* between slashes, for any folders"),
        ({"images": {"train": "*.jpg"}, "labels": {"val": "*.png"}, "ids": {0: "road"}}, r"add images\.val"),
        (
            {**LABELLED, "labels": {"val": "v/*_l.jpg"}},
            r"labels\.val: .* no images, got 'v/\*_l\.jpg', which 'v/\*\.jpg' fits",
        ),
        ({**LABELLED, "images": {"train": "**/*", "val": "v/*.jpg"}}, r"narrow the glob of images"),
        ({**LABELLED, "ids": {}}, "ids: expected either ids or colours"),
        ({**LABELLED, "colours": {"804080": "road"}}, "ids: expected either ids or colours"),
        ({**LABELLED, "ids": {256: "road"}}, "ids: expected 0 to 255, got 256"),
        ({**LABELLED, "ids": {}, "colours": {"violet": "road"}}, "six hexadecimal digits in quotes"),
        (
            {**LABELLED, "ids": {}, "colours": {"0000ff": "road", "#0000FF": "sky"}},
            "colours: expected each colour once",
        ),
        ({**LABELLED, "ids": dict.fromkeys(range(256), "road")}, "ids: expected at most 255, as one is for what is er"),
        ({"images": {"all": "*.jpg"}, "depth_files": {"all": "*.png"}}, "depth_metres: expected what 1 in depth_files"),
    ],
)
def test_a_description_that_cannot_be_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        folder(**options)


# --- labels


@pytest.mark.parametrize("palette", [None, [9, 9, 9] * 256])
def test_ids_are_read_from_one_channel_and_from_a_palette(tmp_path: Path, palette: list[int] | None) -> None:
    path = save(tmp_path / "x.png", np.array([[0, 7], [7, 0]], np.uint8), palette)
    ids = folder(**LABELLED).read_labels(path)
    assert ids.dtype == np.uint8
    assert ids.tolist() == [[0, 7], [7, 0]]


def test_ids_of_16_bits_are_read(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "x.png"), np.array([[0, 7]], np.uint16))
    assert folder(**LABELLED).read_labels(tmp_path / "x.png").tolist() == [[0, 7]]


@pytest.mark.parametrize("palette", [False, True])
def test_colours_are_read_as_ids_in_the_order_of_the_domain(tmp_path: Path, palette: bool) -> None:
    chosen = folder(**{**LABELLED, "ids": {}, "colours": {"804080": "road", "#000000": None, "0000ff": "sky"}})
    assert chosen.ids(tmp_path) == {0: "road", 1: None, 2: "sky"}
    if palette:
        path = save(tmp_path / "x.png", np.array([[0, 1, 2]], np.uint8), [0, 0, 255, 128, 64, 128, 0, 0, 0])
    else:
        path = save(tmp_path / "x.png", np.array([[[0, 0, 255], [128, 64, 128], [0, 0, 0]]], np.uint8))
    assert chosen.read_labels(path).tolist() == [[2, 0, 1]]


@pytest.mark.parametrize(
    ("meaning", "pixel"),
    [
        ({"ids": {0: "road", 255: "sky"}}, [255]),
        ({"ids": {}, "colours": {"ffffff": "sky", "000000": "road"}}, [255, 255, 255]),
    ],
)
def test_what_is_erased_has_an_id_without_a_label(tmp_path: Path, meaning: dict[str, Any], pixel: list[int]) -> None:
    chosen = folder(**{**LABELLED, **meaning})
    drawn = np.zeros((1, 3, len(pixel) + 1), np.uint8)
    drawn[..., -1] = 255
    drawn[0, 1, :-1] = pixel
    drawn[0, 2] = [*pixel, 0]
    ids = chosen.read_labels(save(tmp_path / "x.png", drawn))
    assert [chosen.ids(tmp_path)[raw] for raw in ids[0].tolist()] == ["road", "sky", None]
    drawn[0, 2, -1] = 128
    with pytest.raises(DataError, match=r"x\.png: expected labels that are drawn or erased, got half-transparent"):
        chosen.read_labels(save(tmp_path / "x.png", drawn))


def test_numbers_where_colours_are_named_have_a_remedy_of_their_own(tmp_path: Path) -> None:
    chosen = folder(**{**LABELLED, "ids": {}, "colours": {"000000": "road"}})
    with pytest.raises(DataError, match=r"got \(7, 7, 7\) as well; .*; if its numbers are ids, name them in `ids`"):
        chosen.read_labels(save(tmp_path / "x.png", np.array([[0, 7]], np.uint8)))


def test_an_id_or_colour_that_the_domain_does_not_name_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", np.array([[0, 12]], np.uint8))
    with pytest.raises(DataError, match=r"x\.png: expected ids 0, 7, got 12 as well; add it to `ids` of the domain"):
        folder(**LABELLED).read_labels(path)
    chosen = folder(**{**LABELLED, "ids": {}, "colours": {"000000": "road"}})
    with pytest.raises(DataError, match=r"got \(12, 12, 12\) as well; add it to `colours` of the domain"):
        chosen.read_labels(path)


def test_colours_are_refused_where_ids_are_expected(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(DataError, match=r"expected one channel of label ids or a palette, got 8-bit with 3 channels"):
        folder(**LABELLED).read_labels(path)


@pytest.mark.parametrize("bits", [8, 16])
def test_ids_are_read_from_red_where_the_domain_says_so(tmp_path: Path, bits: int) -> None:
    drawn = np.array([[[0, 3, 9], [7, 0, 200]]], np.uint8 if bits == 8 else np.uint16)
    assert cv2.imwrite(str(tmp_path / "x.png"), drawn[..., ::-1])
    chosen = folder(**LABELLED, ids_channel="red")
    assert chosen.read_labels(tmp_path / "x.png").tolist() == [[0, 7]]
    save(tmp_path / "one.png", np.array([[7, 0]], np.uint8))
    assert chosen.read_labels(tmp_path / "one.png").tolist() == [[7, 0]]
    drawn[0, 0, 0] = 12
    assert cv2.imwrite(str(tmp_path / "x.png"), drawn[..., ::-1])
    with pytest.raises(DataError, match=r"expected ids 0, 7, got 12 as well"):
        chosen.read_labels(tmp_path / "x.png")


def test_a_damaged_label_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    for options in (LABELLED, {**LABELLED, "ids": {}, "colours": {"000000": "road"}}):
        with pytest.raises(DataError, match=r"x\.png: expected a whole image file"):
            folder(**options).read_labels(tmp_path / "x.png")


# --- depth


def measured(metres: float) -> Reader:
    return folder(images={"all": "*.jpg"}, depth_files={"all": "*.png"}, depth_metres=metres)


def test_millimetres_become_centimetres(tmp_path: Path) -> None:
    stored = np.array([[0, 3, 1234, 65535]], np.uint16)
    assert cv2.imwrite(str(tmp_path / "x.png"), stored)
    assert cv2.imwrite(str(tmp_path / "three.png"), np.repeat(stored[..., None], 3, 2))
    for name in ("x.png", "three.png"):
        depth = measured(0.001).read_depth(tmp_path / name)
        assert depth.dtype == np.uint16
        assert depth.tolist() == [[0, 1, 123, 6554]]  # 3 mm are near, not nothing


@pytest.mark.parametrize("name", ["x.npy", "x.tiff"])
def test_metres_of_floats_become_centimetres_and_infinity_is_far(tmp_path: Path, name: str) -> None:
    stored = np.array([[0, 0.5, 12.344, 700, np.inf, np.nan, -1]], np.float32)
    if name == "x.npy":
        np.save(tmp_path / name, stored)
    else:
        assert cv2.imwrite(str(tmp_path / name), stored)
    assert measured(1.0).read_depth(tmp_path / name).tolist() == [[0, 50, 1234, 65535, 65535, 0, 0]]


@pytest.mark.parametrize("stored", [np.float64([[0, 12.344]]), np.float32([[[0] * 3, [12.344] * 3]])])
def test_tiff_files_that_pil_does_not_know_are_read(tmp_path: Path, stored: NDArray[Any]) -> None:
    assert cv2.imwrite(str(tmp_path / "x.tif"), stored)
    assert measured(1.0).read_depth(tmp_path / "x.tif").tolist() == [[0, 1234]]
    assert header(tmp_path / "x.tif") is None


def test_a_damaged_array_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 3), np.float32))
    whole = (tmp_path / "x.npy").read_bytes()
    zipped = tmp_path / "zipped.npz"
    np.savez(zipped, np.zeros((2, 3)))
    for content in (b"", whole[:5], whole[:60], whole[:-4], whole.replace(b"(2, 3)", b"(2, 3("), zipped.read_bytes()):
        (tmp_path / "x.npy").write_bytes(content)
        with pytest.raises(DataError, match=r"x\.npy: expected a whole"):
            measured(1.0).read_depth(tmp_path / "x.npy")


@pytest.mark.parametrize(
    ("stored", "got"),
    [
        (np.full((2, 2), 9, np.uint8), "8-bit with 1 channel"),
        (np.arange(12, dtype=np.uint16).reshape(2, 2, 3), "16-bit with 3 channels"),
    ],
)
def test_a_picture_of_depth_is_refused(tmp_path: Path, stored: NDArray[Any], got: str) -> None:
    assert cv2.imwrite(str(tmp_path / "x.png"), stored)
    with pytest.raises(DataError, match=f"expected depth with one channel of 16 bits or more, got {got}"):
        measured(1.0).read_depth(tmp_path / "x.png")


METRES = np.array([[0.5, 2, np.nan], [np.inf, -np.inf, 3]], np.float32)


@pytest.mark.parametrize("metres", [METRES, np.nan_to_num(METRES)[:, :1].repeat(3, 1), np.full((2, 3), 7.0)])
@pytest.mark.parametrize(
    "shaped",
    [
        lambda a: a[None],
        lambda a: a[..., None],
        lambda a: a[None, None],
        lambda a: a[None, :, :, None],
        lambda a: a[:, None],
    ],
)
def test_an_axis_of_length_1_is_no_part_of_the_picture(
    tmp_path: Path, metres: NDArray[Any], shaped: Callable[[NDArray[Any]], NDArray[Any]]
) -> None:
    np.save(tmp_path / "plain.npy", metres)
    np.save(tmp_path / "x.NPY.npy", shaped(metres))
    (tmp_path / "x.NPY.npy").rename(tmp_path / "x.NPY")
    plain = measured(1.0).read_depth(tmp_path / "plain.npy")
    assert plain.shape == (2, 3)
    np.testing.assert_array_equal(measured(1.0).read_depth(tmp_path / "x.NPY"), plain)


def test_channels_that_are_alike_but_for_being_no_number_are_one(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", METRES[..., None].repeat(3, 2))
    assert measured(1.0).read_depth(tmp_path / "x.npy").tolist() == [[50, 200, 0], [65535, 0, 300]]


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        *((np.float32, shape) for shape in ((), (6,), (2, 2, 3), (2, 3, 4, 5))),
        *((kind, (2, 3)) for kind in (np.bool_, np.complex64, np.uint8)),
    ],
)
def test_an_array_that_is_no_picture_of_depth_is_told_by_type_and_shape(
    tmp_path: Path, kind: type[np.generic], shape: tuple[int, ...]
) -> None:
    np.save(tmp_path / "x.npy", np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(kind))
    got = re.escape(f"got an array of {np.dtype(kind)} {shape};")
    with pytest.raises(DataError, match=rf"x\.npy: expected depth with one channel of 16 bits or more, {got}"):
        measured(1.0).read_depth(tmp_path / "x.npy")


def test_any_damage_to_the_head_of_an_array_is_told_or_leaves_an_array(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", METRES)
    whole = (tmp_path / "x.npy").read_bytes()
    told = 0
    for at, bit in itertools.product(range(128), range(8)):
        (tmp_path / "x.npy").write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
        try:
            assert measured(1.0).read_depth(tmp_path / "x.npy").size == METRES.size
        except DataError as error:
            assert "x.npy: expected" in str(error)  # noqa: PT017 - to be told or to be read, either is right
            told += 1
    assert told > 900


def test_arrays_of_objects_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"x\.npy: expected a whole"):
        measured(1.0).read_depth(tmp_path / "x.npy")


def test_disparity_is_divided_by(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[0, 2, 50, np.nan, np.inf, -3]], np.float32))
    chosen = folder(images={"all": "*.jpg"}, depth_files={"all": "*.npy"}, depth_metres=100.0, depth_kind="disparity")
    assert chosen.depth_kind == "metric"
    assert chosen.read_depth(tmp_path / "x.npy").tolist() == [[0, 5000, 200, 0, 0, 0]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_relative_depth_goes_from_the_least_to_the_largest_number_of_the_file(tmp_path: Path, dtype: Any) -> None:
    stored = np.array([[10, 20, 30], [30, 10, 15]], dtype)
    if dtype is np.float32:
        stored = np.concatenate([stored, [[np.nan, np.inf, 20]]]).astype(dtype)
        np.save(tmp_path / "x.npy", stored)
    else:
        assert cv2.imwrite(str(tmp_path / "x.png"), stored)
    chosen = folder(images={"all": "rgb/*.jpg"}, depth_files={"all": "*.*"}, depth_kind="relative")
    assert chosen.depth_kind == "relative"
    depth = chosen.read_depth(next(tmp_path.glob("x.*")))
    assert depth[:2].tolist() == [[1, 32768, 65535], [65535, 1, 16384 + (depth[1, 2] == 16385)]]
    assert depth[2:].tolist() == ([[0, 0, 32768]] if dtype is np.float32 else [])


@pytest.mark.parametrize("stored", [np.full((2, 3), 7, np.uint8), np.full((2, 3), np.nan, np.float32)])
def test_relative_depth_that_says_nothing_is_refused(tmp_path: Path, stored: NDArray[Any]) -> None:
    np.save(tmp_path / "x.npy", stored)
    chosen = folder(images={"all": "*.jpg"}, depth_files={"all": "*.npy"}, depth_kind="relative")
    with pytest.raises(DataError, match=r"x\.npy: expected relative depth, got one number everywhere; run the depth"):
        chosen.read_depth(tmp_path / "x.npy")


CARLA = 1000 / (256**3 - 1)


@pytest.mark.parametrize("alpha", [False, True])
def test_24_bits_over_red_green_and_blue_are_one_number(tmp_path: Path, alpha: bool) -> None:
    stored = np.array([[[0, 0, 0], [255, 255, 255], [148, 31, 5], [1, 0, 0]]], np.uint8)
    if alpha:
        stored = np.concatenate([stored, np.full((1, 4, 1), 255, np.uint8)], -1)
    chosen = folder(images={"all": "*.jpg"}, depth_files={"all": "*.png"}, depth_metres=CARLA, depth_channels="rgb")
    # 1000 m is far; 148 + 256 * 31 + 65536 * 5 = 335764 is 20.01 m; a 17 millionth of a kilometre is near, not nothing
    assert chosen.read_depth(save(tmp_path / "x.png", stored)).tolist() == [[0, 65535, 2001, 1]]


@pytest.mark.parametrize("stored", [np.full((2, 2), 9, np.uint8), np.full((2, 2, 3), 9, np.uint16)])
def test_other_channels_than_24_bits_are_refused_with_the_key(tmp_path: Path, stored: NDArray[Any]) -> None:
    assert cv2.imwrite(str(tmp_path / "x.png"), stored)
    chosen = folder(images={"all": "*.jpg"}, depth_files={"all": "*.png"}, depth_metres=CARLA, depth_channels="rgb")
    with pytest.raises(DataError, match=r"expected depth of 24 bits .*; leave out `depth_channels` of the domain"):
        chosen.read_depth(tmp_path / "x.png")


def test_colours_that_may_be_24_bits_are_refused_with_the_key(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    with pytest.raises(DataError, match=r"got 8-bit with 3 channels; .* as CARLA has it, needs `depth_channels: rgb`"):
        measured(CARLA).read_depth(path)


def test_relative_depth_has_no_unit() -> None:
    with pytest.raises(ConfigError, match="depth_metres: expected none for relative depth, which has no unit"):
        folder(images={"all": "*.jpg"}, depth_files={"all": "*.npy"}, depth_kind="relative", depth_metres=1.0)
