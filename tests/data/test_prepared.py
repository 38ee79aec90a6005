"""Prepared splits: resized by the rules, counted, checked file by file, and whole or not there at all."""

import contextlib
import dataclasses
import logging
import os
import pickle
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import damage
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dadist import classes
from dadist.data import prepared
from dadist.data.inventory import SplitPlan
from dadist.data.packing import histogram
from dadist.data.preparation import write
from dadist.data.prepared import Prepared
from dadist.data.readers import cityscapes, synthia
from dadist.data.readers.base import read_image
from dadist.storage.errors import DataError

WIDTH, HEIGHT, SCENES = 12, 8, 3
SYNTHIA, CITYSCAPES = synthia.reader(synthia.Options()), cityscapes.reader(cityscapes.Options())


def save(path: Path, array: NDArray[np.generic]) -> Path:
    """Writes channels in the given order, red first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array if array.ndim == 2 else array[..., ::-1])
    return path


def as_shipped(ids: NDArray[np.integer]) -> NDArray[np.uint16]:
    return np.stack([ids, np.full_like(ids, 5), np.zeros_like(ids)], -1).astype(np.uint16)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three SYNTHIA scenes of every known id, random depth and colours."""
    random = np.random.default_rng(0)
    for index in range(SCENES):
        name = f"{index:07}.png"
        ids = random.permutation(np.arange(WIDTH * HEIGHT) % 23).reshape(HEIGHT, WIDTH)
        save(tmp_path / "RGB" / name, random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
        save(tmp_path / "GT" / "LABELS" / name, as_shipped(ids))
        save(tmp_path / "Depth" / name, random.integers(0, 65536, (HEIGHT, WIDTH), np.uint16))
    return tmp_path


PLAN = SplitPlan(
    split="all",
    width=WIDTH,
    height=HEIGHT,
    fit="stretch",
    classes=classes.CLASS_SETS["16"],
    labels=True,
    depth=True,
    native=False,
    images=0,
)


def prepare(root: Path, *, workers: int = 1, progress: Any = None, **changes: Any) -> Prepared:
    folder = root / "prepared"
    write(SYNTHIA, root, folder, dataclasses.replace(PLAN, **changes), names=None, workers=workers, progress=progress)
    return Prepared(folder)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fault(root: Path, **changes: Any) -> str:
    """What is said about the faulty set; no index is left then."""
    with pytest.raises(DataError) as error:
        prepare(root, **changes)
    assert not (root / "prepared" / prepared.INDEX).exists()
    return str(error.value)


def test_at_native_size_the_arrays_hold_the_files(root: Path) -> None:
    split = prepare(root)
    assert len(split) == SCENES
    assert split.names == ["0000000", "0000001", "0000002"]
    assert (split.classes.name, split.width, split.height) == ("16", WIDTH, HEIGHT)
    table = classes.CLASS_SETS["16"].lookup("synthia", classes.ids("synthia"))
    for index, name in enumerate(split.names):
        raw = SYNTHIA.read_labels(root / "GT" / "LABELS" / f"{name}.png")
        np.testing.assert_array_equal(split.images[index], read_image(root / "RGB" / f"{name}.png"))
        np.testing.assert_array_equal(split.labels[index], table[raw])
        np.testing.assert_array_equal(split.depth[index], SYNTHIA.read_depth(root / "Depth" / f"{name}.png"))


@pytest.mark.parametrize(("width", "height"), [(5, 3), (6, 4), (17, 20)])
def test_labels_and_depth_take_the_pixel_under_each_cells_centre(root: Path, width: int, height: int) -> None:
    native_labels, native_depth = (np.array(array) for array in (prepare(root).labels, prepare(root).depth))
    split = prepare(root, width=width, height=height)
    assert split.labels.shape == split.depth.shape == (SCENES, height, width)
    for i in range(height):
        for j in range(width):
            row, column = int((i + 0.5) * HEIGHT / height), int((j + 0.5) * WIDTH / width)
            np.testing.assert_array_equal(split.labels[:, i, j], native_labels[:, row, column])
            np.testing.assert_array_equal(split.depth[:, i, j], native_depth[:, row, column])


def test_images_are_resized_by_the_bicubic_filter_of_pil(root: Path) -> None:
    split = prepare(root, width=5, height=3)
    with Image.open(root / "RGB" / "0000001.png") as image:
        expected = np.asarray(image.resize((5, 3), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(split.images[1], expected)


@pytest.mark.parametrize("class_set", classes.CLASS_SETS.values(), ids=lambda one: one.name)
def test_pixels_are_counted_before_resizing(root: Path, class_set: classes.ClassSet) -> None:
    split = prepare(root, classes=class_set, width=4, height=4)
    table = class_set.lookup("synthia", classes.ids("synthia"))
    expected = [0] * len(class_set)
    for index in range(SCENES):
        for raw in SYNTHIA.read_labels(root / "GT" / "LABELS" / f"{index:07}.png").ravel():
            if table[raw] != classes.IGNORE:
                expected[table[raw]] += 1
    assert split.pixels.tolist() == expected
    assert split.pixels.dtype == np.int64
    assert split.pixels_of_each is not None
    assert split.pixels_of_each.sum(0).tolist() == expected
    assert len(split.pixels_of_each) == len(split)


def test_many_workers_write_what_one_writes(root: Path) -> None:
    prepare(root, width=5, height=3)
    alone = root / "alone"
    (root / "prepared").rename(alone)
    prepare(root, width=5, height=3, workers=3)
    assert contents(root / "prepared") == contents(alone)


def test_only_the_first_images_by_name_are_taken(root: Path) -> None:
    (root / "RGB" / "0000002.png").write_bytes(b"never read")
    done: list[int] = []

    def progress(total: int) -> Any:
        done.append(total)
        return done.append

    assert prepare(root, images=2, progress=progress).names == ["0000000", "0000001"]
    assert done == [2, 1, 2]


def test_what_is_not_asked_for_is_neither_read_nor_there(root: Path) -> None:
    prepare(root)  # an earlier writing leaves nothing behind
    shutil.rmtree(root / "GT")
    shutil.rmtree(root / "Depth")
    split = prepare(root, labels=False, depth=False)
    assert split.images.shape == (SCENES, HEIGHT, WIDTH, 3)
    assert split.pixels.tolist() == [0] * 16
    assert split.pixels_of_each is None
    with pytest.raises(DataError, match=r"labels\.npy: expected labels, found no such file; prepare .* labels = true"):
        _ = split.labels
    with pytest.raises(DataError, match=r"depth\.npy: expected depth, found no such file; prepare .* depth = true"):
        _ = split.depth


def test_who_asks_for_images_alone_opens_no_labels(root: Path) -> None:
    prepare(root)
    (root / "prepared" / "labels.npy").write_bytes(b"would raise if it were opened")
    assert Prepared(root / "prepared").images.shape[0] == SCENES


def test_arrays_are_read_only_and_do_not_travel_with_the_object(root: Path) -> None:
    split = prepare(root)
    with pytest.raises(ValueError, match="read-only"):
        split.images[0] = 0
    message = pickle.dumps(split)
    assert len(message) < 1000
    np.testing.assert_array_equal(pickle.loads(message).labels, split.labels)  # noqa: S301 - our own


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("kept", [0, 60, -6])
@pytest.mark.parametrize("folder", ["RGB", "GT/LABELS", "Depth"])
def test_a_truncated_file_is_named(root: Path, folder: str, kept: int, workers: int) -> None:
    path = root / folder / "0000001.png"
    path.write_bytes(path.read_bytes()[:kept])
    said = fault(root, workers=workers)
    assert f"{path}: expected a whole image file" in said
    assert "copy or download the file again" in said


def put_pipe(path: Path) -> str:
    os.mkfifo(path)
    return "a pipe"


def put_socket(path: Path) -> str:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)
    return "a socket"


def put_device(path: Path) -> str:
    path.symlink_to("/dev/zero")
    return "a device"


def put_folder(path: Path) -> str:
    path.mkdir()
    return "a folder"


@pytest.mark.parametrize("put", [put_pipe, put_socket, put_device, put_folder])
def test_what_is_no_file_is_named_and_not_waited_for(root: Path, put: Callable[[Path], str]) -> None:
    path = root / "RGB" / "0000001.png"
    path.unlink()
    other = put(path)
    assert f"{path}: expected a file, got {other}; remove what stands in its place, and copy the file" in fault(root)


@pytest.mark.parametrize("folder", ["GT/LABELS", "Depth"])
def test_a_file_of_another_size_than_its_image_is_named(root: Path, folder: str) -> None:
    path = save(root / folder / "0000002.png", np.ones((HEIGHT, WIDTH + 1), np.uint16))
    said = fault(root)
    assert f"{path}: expected {WIDTH}x{HEIGHT} as {root / 'RGB' / '0000002.png'}, got {WIDTH + 1}x{HEIGHT}" in said
    assert "copy both again" in said


def test_ids_that_the_data_set_does_not_define_are_listed(root: Path) -> None:
    ids = np.full((HEIGHT, WIDTH), 3)
    ids[0, :3] = 23, 33, 255
    path = save(root / "GT" / "LABELS" / "0000001.png", as_shipped(ids))
    said = fault(root)
    assert f"{path}: expected ids of synthia, got 23, 33, 255 as well" in said
    assert "take the files as shipped" in said


def test_a_file_without_any_depth_is_named(root: Path) -> None:
    path = save(root / "Depth" / "0000001.png", np.zeros((HEIGHT, WIDTH), np.uint16))
    said = fault(root)
    assert f"{path}: expected depth in centimetres, got 0 everywhere; copy the file again" in said


def test_an_image_without_labelled_pixels_is_fine(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    save(root / "GT" / "LABELS" / "0000001.png", as_shipped(np.zeros((HEIGHT, WIDTH), int)))
    assert (prepare(root).labels[1] == classes.IGNORE).all()
    assert caplog.text == ""


def test_a_class_that_no_pixel_has_is_warned_of(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    for index in range(SCENES):
        path = root / "GT" / "LABELS" / f"{index:07}.png"
        ids = SYNTHIA.read_labels(path)
        save(path, as_shipped(np.where(ids == 19, 0, ids)))
    with caplog.at_level(logging.WARNING):
        prepare(root)
    (record,) = caplog.records
    assert f"class 'bus' has no labelled pixel in {root} (all, 3 images): it will not be learned" in record.getMessage()


def test_cityscapes_is_prepared_by_its_own_column(tmp_path: Path) -> None:
    name = "aachen_000000_000019"
    save(tmp_path / "leftImg8bit/train/aachen" / f"{name}_leftImg8bit.png", np.zeros((1, 3, 3), np.uint8))
    save(tmp_path / "gtFine/train/aachen" / f"{name}_gtFine_labelIds.png", np.array([[7, 22, 32]], np.uint8))
    plan = dataclasses.replace(PLAN, split="train", width=3, height=1, classes=classes.CLASS_SETS["7"], depth=False)
    write(CITYSCAPES, tmp_path, tmp_path / "prepared", plan, names=None, workers=2)
    split = Prepared(tmp_path / "prepared")
    assert split.names == [name]
    assert split.labels.tolist() == [[[0, 3, 6]]]
    assert split.pixels.tolist() == [1, 0, 0, 1, 0, 0, 1]


def resaved(root: Path, name: str, width: int, height: int) -> NDArray[np.uint8]:
    """One scene anew, of another size; its raw ids."""
    random = np.random.default_rng(width)
    ids = random.integers(0, 23, (height, width))
    save(root / "RGB" / f"{name}.png", random.integers(0, 256, (height, width, 3), np.uint8))
    save(root / "GT" / "LABELS" / f"{name}.png", as_shipped(ids))
    save(root / "Depth" / f"{name}.png", random.integers(1, 65536, (height, width), np.uint16))
    return ids.astype(np.uint8)


TRAIN_IDS = PLAN.classes.lookup("synthia", classes.ids("synthia"))


def test_native_labels_keep_the_size_of_their_files_while_the_rest_takes_the_frame(root: Path) -> None:
    ids = resaved(root, "0000001", 9, 20)
    split = prepare(root, width=6, native=True)
    assert split.images.shape[1:3] == split.depth.shape[1:] == (HEIGHT, 6)
    assert split.native is not None
    assert split.native.tolist() == [[WIDTH, HEIGHT], [9, 20], [WIDTH, HEIGHT]]
    assert split.content is None
    assert [split.frame(i) for i in range(3)] == [(WIDTH, HEIGHT), (9, 20), (WIDTH, HEIGHT)]
    np.testing.assert_array_equal(split.truth(1), TRAIN_IDS[ids])
    assert not (split.folder / "labels.npy").exists()
    with pytest.raises(DataError, match="expected labels at the images' size, got labels of their own; ask `truth`"):
        _ = split.labels


def test_the_truth_of_a_stretched_split_at_working_size_is_its_labels(root: Path) -> None:
    split = prepare(root, width=6)
    assert split.native is None
    assert split.frame(2) == (6, HEIGHT)
    np.testing.assert_array_equal(split.truth(2), split.labels[2])
    assert split.inside([0, 2]).all()


@pytest.mark.parametrize(
    ("width", "height", "content"),
    [(24, 24, (12, 12)), (9, 24, (4, 12)), (100, 24, (30, 7)), (60, 24, (30, 12)), (3, 50, (1, 12)), (900, 2, (30, 1))],
)
def test_a_padded_image_keeps_its_aspect_ratio_on_the_upper_left(
    root: Path, width: int, height: int, content: tuple[int, int]
) -> None:
    ids = resaved(root, "0000000", width, height)
    split = prepare(root, width=30, height=12, fit="pad", images=1)
    assert split.content is not None
    assert tuple(split.content[0]) == content
    (w, h), inside = content, np.zeros((12, 30), bool)
    inside[:h, :w] = True
    np.testing.assert_array_equal(split.inside([0])[0], inside)
    with Image.open(root / "RGB" / "0000000.png") as image:
        np.testing.assert_array_equal(
            split.images[0, :h, :w], np.asarray(image.resize(content, Image.Resampling.BICUBIC))
        )
    assert (split.images[0][~inside] == 0).all()
    assert (split.labels[0][~inside] == classes.IGNORE).all()
    assert (split.depth[0][~inside] == 0).all()
    assert split.depth[0][inside].all()
    assert split.truth(0).shape == (h, w)
    assert split.frame(0) == (30, 12)
    for i in range(h):
        for j in range(w):
            under = ids[int((i + 0.5) * height / h), int((j + 0.5) * width / w)]
            assert split.labels[0, i, j] == TRAIN_IDS[under]


@pytest.mark.parametrize(
    ("width", "height", "frame"), [(24, 24, (60, 24)), (100, 24, (100, 40)), (60, 24, (60, 24)), (7, 9, (22, 9))]
)
def test_the_frame_of_native_labels_has_the_aspect_ratio_of_the_input(
    root: Path, width: int, height: int, frame: tuple[int, int]
) -> None:
    ids = resaved(root, "0000000", width, height)
    split = prepare(root, width=30, height=12, fit="pad", native=True, images=1)
    assert split.frame(0) == frame
    np.testing.assert_array_equal(split.truth(0), TRAIN_IDS[ids])


def test_a_class_that_fills_more_than_16_million_pixels_is_counted_exactly() -> None:
    labels = np.full((4100, 4101), 7, np.uint8)
    labels[0, :5] = 3
    assert histogram(labels)[[3, 7]].tolist() == [5, labels.size - 5]


@pytest.mark.parametrize("how", ["cut", "another"])
def test_native_labels_that_are_not_those_written_are_refused(root: Path, how: str) -> None:
    split = prepare(root, native=True)
    path = split.folder / "labels" / "000001.png"
    if how == "cut":
        path.write_bytes(path.read_bytes()[:40])
    else:
        save(path, np.zeros((2, 2), np.uint8))
    with pytest.raises(DataError, match=r"000001\.png: expected .* delete the folder and prepare"):
        split.truth(1)


@pytest.mark.parametrize("text", [None, "no json", "[]", "{}", '{"version": 0}'])
def test_a_folder_without_its_own_index_is_refused(root: Path, text: str | None) -> None:
    index = root / "prepared" / prepared.INDEX
    prepare(root)
    index.unlink()
    if text is not None:
        index.write_text(text, encoding="utf-8")
    with pytest.raises(
        DataError, match=r"index\.json: expected .*prepared split.*, got .*; delete the folder and prep"
    ):
        Prepared(index.parent)


def test_an_index_of_another_writing_is_refused(root: Path) -> None:
    wide = prepare(root).folder.rename(root / "wide")
    prepare(root, width=7)
    shutil.copy(wide / prepared.INDEX, root / "prepared")
    with pytest.raises(DataError, match=r"images\.npy: expected a whole file of 992 .* got 632; delete .*prepared and"):
        Prepared(root / "prepared")


@pytest.mark.parametrize("kept", [0, -1])
def test_an_array_that_was_cut_is_refused(root: Path, kept: int) -> None:
    prepare(root)
    path = root / "prepared" / "depth.npy"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"depth\.npy: expected a whole file of 704 .* got .*; delete .*prepared and"):
        _ = Prepared(path.parent).depth


@pytest.mark.parametrize("name", ["images", "labels", "depth"])
def test_an_array_that_is_gone_was_not_left_out(root: Path, name: str) -> None:
    folder = prepare(root).folder
    (folder / f"{name}.npy").unlink()
    with pytest.raises(DataError, match=rf"{name}\.npy: expected {name}, which the index lists, got no file; "):
        Prepared(folder)


@pytest.mark.parametrize("native", [False, True])
def test_any_damage_to_a_prepared_split_is_told_or_changes_nothing(root: Path, native: bool) -> None:
    split = prepare(root, native=native)

    def everything() -> list[Any]:
        opened = Prepared(split.folder)
        rows = [value.tolist() for row in range(SCENES) for value in (opened.images[row], opened.truth(row))]
        more = [opened.names, opened.classes, opened.pixels.tolist(), opened.working, opened.frame(0)]
        return [*rows, opened.depth[...].tolist(), *more]

    files = sorted(path for path in split.folder.rglob("*") if path.is_file())
    told = damage.every(files, everything, step=41)
    assert min(told[path.name] for path in files) >= 5
    assert told["depth.npy"] >= (704 - 128) // 41  # what a file says of itself does not count


def test_a_writing_that_fails_midway_leaves_no_older_index(root: Path) -> None:
    prepare(root)
    (root / "RGB" / "0000002.png").write_bytes(b"cut")
    fault(root, workers=2)
    with pytest.raises(DataError, match=r"index\.json: expected the index"):
        Prepared(root / "prepared")
