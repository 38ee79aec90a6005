"""The doctor: each fault is put into a healthy miniature of the data, and found by name, in its file, with a remedy."""

import dataclasses
import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from trees import write_mapillary

from dadist import doctor
from dadist.classes import CLASS_SETS, colourise, ids
from dadist.config.schema import SOURCE_APPEARANCE
from dadist.data.inventory import SplitPlan
from dadist.data.packing import ARRAYS
from dadist.data.preparation import write
from dadist.data.prepared import INDEX
from dadist.data.readers import cityscapes, mapillary, synthia
from dadist.data.readers import folder as own
from dadist.data.readers.base import NoOptions, decode, read_image
from dadist.data.readers.content import ORIENTATION
from dadist.data.streets import render
from dadist.doctor import disk, headers, picture, sample, tree
from dadist.storage.errors import DataError

SIZE: dict[str, Any] = {"seed": 1, "width": 64, "height": 32, "workers": 1}
SOURCE_IMAGES, TRAIN_IMAGES, VAL_IMAGES = 6, 4, 5
READERS = {"source": synthia.reader(NoOptions()), "target": cityscapes.reader(NoOptions())}
SEVEN = CLASS_SETS["7"]


class Trees(NamedTuple):
    """The two data sets."""

    source: Path
    target: Path

    def file(self, folder: str, index: int = 1) -> Path:
        """A file of the source."""
        return self.source / folder / f"{index:07d}.png"

    def image(self, split: str, index: int = 1) -> Path:
        """An image of the target."""
        return sorted((self.target / "leftImg8bit" / split).rglob("*.png"))[index]

    def label(self, index: int = 1) -> Path:
        """A label file of the target's validation split."""
        return sorted((self.target / "gtFine/val").rglob("*_labelIds.png"))[index]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Trees:
    folder = tmp_path_factory.mktemp("healthy")
    render.write_synthia(folder / "synthia", SOURCE_APPEARANCE, images=SOURCE_IMAGES, **SIZE)
    render.write_cityscapes(folder / "cityscapes", SOURCE_APPEARANCE, train=TRAIN_IMAGES, val=VAL_IMAGES, **SIZE)
    return Trees(folder / "synthia", folder / "cityscapes")


@pytest.fixture
def trees(healthy: Trees, tmp_path: Path) -> Trees:
    """A copy to break."""
    return Trees(*(Path(shutil.copytree(tree, tmp_path / tree.name)) for tree in healthy))


def plan(split: str, **changes: Any) -> SplitPlan:
    labels = split != "train"
    whole = SplitPlan(split, 64, 32, "stretch", SEVEN, labels, split == "all", native=split == "val", images=0)
    return dataclasses.replace(whole, **changes)


def examine(trees: Trees, **changes: Any) -> doctor.Report:
    prepared = trees.source.parent / "prepared"
    splits = {
        part: doctor.Split(READERS[domain], getattr(trees, domain), plan(split), None, prepared / part, images)
        for part, domain, split, images in (
            ("source", "source", "all", SOURCE_IMAGES),
            ("train", "target", "train", TRAIN_IMAGES),
            ("val", "target", "val", VAL_IMAGES),
        )
    }
    return doctor.examine(splits, **{"sample": 24, "seed": 1, "workers": 2, **changes})


def found(trees: Trees, **changes: Any) -> list[doctor.Finding]:
    return [one for found in examine(trees, **changes).findings.values() for one in found]


def save(path: Path, array: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array if array.ndim == 2 else np.ascontiguousarray(array[..., ::-1]))


def rewrite(path: Path, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    save(path, change(decode(path)))


def rewrite_all(folder: Path, change: Callable[[NDArray[Any]], NDArray[Any]], pattern: str = "*.png") -> None:
    for path in folder.rglob(pattern):
        rewrite(path, change)


# --- the faults


def other_package(trees: Trees) -> None:
    shutil.rmtree(trees.source / "Depth")
    shutil.rmtree(trees.source / "GT")
    for folder in ("GT", "GTTXT"):
        (trees.source / folder).mkdir()
        (trees.source / folder / "0000000.txt").write_text("3 3 3", encoding="utf-8")


def high_byte(trees: Trees) -> None:
    for path in (trees.source / "GT/LABELS").glob("*.png"):
        with Image.open(path) as image:
            image.copy().save(path)  # PIL keeps the high byte


def eight_bit_depth(trees: Trees) -> None:
    rewrite_all(trees.source / "Depth", lambda depth: (depth >> 8).astype(np.uint8))


def metres(trees: Trees) -> None:
    rewrite_all(trees.source / "Depth", lambda depth: np.where(depth == 65535, depth, depth // 100))


def millimetres(trees: Trees) -> None:
    rewrite_all(trees.source / "Depth", lambda depth: (10 * depth.astype(np.uint32)).clip(0, 65535).astype(np.uint16))


def other_size(trees: Trees) -> None:
    rewrite(trees.file("GT/LABELS"), lambda labels: labels[:, :-2])


def other_depth_size(trees: Trees) -> None:
    rewrite(trees.file("Depth"), lambda depth: depth[:-2])


def swapped(trees: Trees) -> None:
    (trees.source / "RGB").rename(trees.source / "kept")
    (trees.source / "GT/LABELS").rename(trees.source / "RGB")
    (trees.source / "kept").rename(trees.source / "GT/LABELS")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])


def cut_image(trees: Trees) -> None:
    cut(trees.image("train"))


def cut_header(trees: Trees) -> None:
    trees.image("train").write_bytes(trees.image("train").read_bytes()[:20])


def flipped_bit(trees: Trees) -> None:
    path = trees.file("RGB")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def no_city_labels(trees: Trees) -> None:
    shutil.rmtree(trees.target / "gtFine/val/dunmere")


def no_city_images(trees: Trees) -> None:
    shutil.rmtree(trees.target / "leftImg8bit/val/dunmere")


def fewer_images(trees: Trees) -> None:
    trees.image("train").unlink()


def no_labels_folder(trees: Trees) -> None:
    shutil.rmtree(trees.target / "gtFine")


def one_depth_less(trees: Trees) -> None:
    trees.file("Depth").unlink()


def colours_for_ids(trees: Trees) -> None:
    table = CLASS_SETS["19"].lookup("cityscapes", ids("cityscapes"))
    rewrite_all(trees.target / "gtFine", lambda labels: colourise(table[labels], CLASS_SETS["19"]))


def only_colours(trees: Trees) -> None:
    for path in (trees.target / "gtFine").rglob("*_labelIds.png"):
        path.rename(path.with_name(path.name.replace("_labelIds", "_color")))


def train_ids(trees: Trees) -> None:
    table = CLASS_SETS["19"].lookup("cityscapes", ids("cityscapes"))
    rewrite_all(trees.target / "gtFine", lambda labels: table[labels])


def looped_folder(trees: Trees) -> None:
    (trees.target / "leftImg8bit/val/dunmere/again").symlink_to("..")


def looped_file(trees: Trees) -> None:
    path = trees.file("RGB")
    path.unlink()
    path.symlink_to(path.name)


def dangling(trees: Trees) -> None:
    path = trees.image("train")
    path.unlink()
    path.symlink_to("moved-away.png")


def dangling_label(trees: Trees) -> None:
    path = trees.label()
    path.unlink()
    path.symlink_to("moved-away.png")


def folder_for_image(trees: Trees) -> None:
    path = trees.file("RGB")
    path.unlink()
    path.mkdir()


def folder_for_label(trees: Trees) -> None:
    path = trees.file("GT/LABELS")
    path.unlink()
    path.mkdir()


def capital_extension(trees: Trees) -> None:
    trees.file("RGB").rename(trees.file("RGB").with_suffix(".PNG"))


def capital_label(trees: Trees) -> None:
    trees.file("GT/LABELS").rename(trees.file("GT/LABELS").with_suffix(".PNG"))


def empty_city(trees: Trees) -> None:
    (trees.target / "leftImg8bit/train/nowhere").mkdir()


def emptied(trees: Trees) -> None:
    for path in (trees.source / "RGB").glob("*"):
        path.unlink()


def same_stem(trees: Trees) -> None:
    with Image.open(trees.file("RGB")) as image:
        image.save(trees.file("RGB").with_suffix(".jpg"))


def same_name(trees: Trees) -> None:
    path = trees.image("train", 0)
    other = path.parent.parent / "zetaburg" / path.name
    other.parent.mkdir()
    rewrite(Path(shutil.copy(path, other)), lambda image: 255 - image)


def no_depth(trees: Trees) -> None:
    rewrite(trees.file("Depth"), np.zeros_like)


def one_distance(trees: Trees) -> None:
    rewrite(trees.file("Depth"), lambda depth: np.full_like(depth, 1234))


def inverse_depth(trees: Trees) -> None:
    rewrite_all(trees.source / "Depth", lambda depth: (1e6 / depth).astype(np.uint16))


def holes(trees: Trees) -> None:
    def change(depth: NDArray[Any]) -> NDArray[Any]:
        depth[: len(depth) * 3 // 4] = 0
        return depth

    rewrite_all(trees.source / "Depth", change)


def far(trees: Trees) -> None:
    def change(depth: NDArray[Any]) -> NDArray[Any]:
        depth[: len(depth) * 3 // 4] = 30_000
        return depth

    rewrite_all(trees.source / "Depth", change)


def sixteen_bits(trees: Trees) -> None:
    rewrite(trees.image("train"), lambda image: image.astype(np.uint16) * 257)


def one_channel(trees: Trees) -> None:
    rewrite(trees.file("RGB"), lambda image: image[..., 0])


def grey(trees: Trees) -> None:
    rewrite_all(trees.source / "RGB", lambda image: np.repeat(image[..., :1], 3, 2))


def lying_image(trees: Trees) -> None:
    with Image.open(trees.file("RGB")) as image:
        exif = image.getexif()
        exif[ORIENTATION] = 6
        image.copy().save(trees.file("RGB"), exif=exif)


def lossy_label(trees: Trees) -> None:
    with Image.open(trees.label()) as image:
        image.copy().save(trees.label(), "JPEG")


def half_erased(trees: Trees) -> None:
    rewrite(trees.label(), lambda labels: np.dstack([labels] * 3 + [np.full_like(labels, 200)]))


def pipe_for_image(trees: Trees) -> None:
    trees.file("RGB").unlink()
    os.mkfifo(trees.file("RGB"))


def dangling_city(trees: Trees) -> None:
    (trees.target / "leftImg8bit/train/dunmere").symlink_to("/mnt/disk/dunmere")


def copied_labels(trees: Trees) -> None:
    labels = decode(trees.file("GT/LABELS"))[..., :1]
    save(trees.file("RGB"), np.repeat(labels, 3, 2).astype(np.uint8))


def foreign_id(trees: Trees) -> None:
    def change(labels: NDArray[Any]) -> NDArray[Any]:
        labels[:4] = 77
        return labels

    rewrite(trees.label(), change)


def all_void(trees: Trees) -> None:
    rewrite_all(trees.target / "gtFine", np.zeros_like)


def half_void(trees: Trees) -> None:
    def change(labels: NDArray[Any]) -> NDArray[Any]:
        labels[: len(labels) * 3 // 4] = 1
        return labels

    rewrite_all(trees.target / "gtFine", change)


def no_sky(trees: Trees) -> None:
    rewrite_all(trees.target / "gtFine", lambda labels: np.where(labels == 23, 1, labels).astype(np.uint8))


def val_in_train(trees: Trees) -> None:
    path = trees.image("val")
    folder = trees.target / "leftImg8bit/train" / path.parent.name
    folder.mkdir()
    shutil.copy(path, folder)


def val_in_train_renamed(trees: Trees) -> None:
    shutil.copy(trees.image("val"), trees.image("train").with_name("alderfurt_999999_000019_leftImg8bit.png"))


def no_bytes(trees: Trees) -> None:
    trees.image("val").write_bytes(b"")


def high_id(labels: NDArray[Any]) -> NDArray[Any]:
    labels[:4] = 700
    return labels


def other_format(trees: Trees) -> None:
    trees.image("val").write_bytes(b"<html>log in first</html>" * 9)


CITYSCAPES_IMAGE = "_leftImg8bit.png"
TABLE: tuple[tuple[Callable[[Trees], None], str, str, str], ...] = (
    # what breaks it, name of the fault, part of the path, part of the remedy
    (other_package, "wrong-package", "synthia", "RAND_CVPR16 is another one"),
    (high_byte, "labels-format", "GT/LABELS/0000000.png", "copy the file again"),
    (eight_bit_depth, "depth-format", "Depth/0000000.png", "cannot be turned back into centimetres"),
    (metres, "depth-unit", "synthia/Depth", "centimetres"),
    (millimetres, "depth-unit", "synthia/Depth", "centimetres"),
    (other_size, "size-mismatch", "GT/LABELS/0000001.png", "copy both again"),
    (other_depth_size, "size-mismatch", "Depth/0000001.png", "copy both again"),
    (swapped, "swapped-folders", "RGB/0000000.png", "exchange the folders"),
    (cut_image, "truncated-file", CITYSCAPES_IMAGE, "copy or download"),
    (cut_header, "damaged-file", CITYSCAPES_IMAGE, "copy or download"),
    (flipped_bit, "damaged-file", "RGB/0000001.png", "copy or download"),
    (no_city_labels, "missing-files", "gtFine/val/dunmere", "unpack gtFine_trainvaltest.zip"),
    (no_city_images, "unused-file", "gtFine/val/dunmere", "copy what belongs to it"),
    (no_city_images, "count", "cityscapes", "unpack the archives again"),
    (fewer_images, "count", "cityscapes", "unpack the archives again"),
    (no_labels_folder, "missing-files", "gtFine/val", "unpack gtFine_trainvaltest.zip"),
    (one_depth_less, "missing-files", "Depth/0000001.png", "copy is not complete"),
    (colours_for_ids, "labels-format", "_labelIds.png", "neither *_color.png"),
    (only_colours, "missing-files", "_labelIds.png", "_color.png cannot stand in"),
    (train_ids, "train-ids", "gtFine/val", "take the raw ids as shipped"),
    (looped_folder, "symlink-loop", "val/dunmere/again", "remove the link"),
    (looped_file, "symlink-loop", "RGB/0000001.png", "remove the link"),
    (dangling, "dangling-link", CITYSCAPES_IMAGE, "mend the link"),
    (dangling_label, "dangling-link", "_labelIds.png", "mend the link"),
    (folder_for_image, "not-a-file", "RGB/0000001.png", "copy the file"),
    (folder_for_label, "not-a-file", "GT/LABELS/0000001.png", "copy the file"),
    (capital_extension, "case-differs", "RGB/0000001.PNG", "rename"),
    (capital_label, "case-differs", "GT/LABELS/0000001.PNG", "rename"),
    (empty_city, "empty-folder", "train/nowhere", "remove the folder"),
    (emptied, "missing-files", "RGB", "unpack the package"),
    (same_stem, "duplicate-stem", "RGB/0000001", "remove the one"),
    (same_name, "duplicate-name", "zetaburg", "rename one"),
    (no_depth, "depth-empty", "Depth/0000001.png", "copy the file again"),
    (one_distance, "depth-constant", "Depth/0000001.png", "make or copy the file again"),
    (inverse_depth, "depth-upside-down", "synthia/Depth", "as they are shipped"),
    (holes, "depth-holes", "synthia/Depth", "look at the picture"),
    (far, "depth-range", "synthia/Depth", "look at the picture"),
    (sixteen_bits, "image-format", CITYSCAPES_IMAGE, "convert it to 8-bit RGB"),
    (grey, "grey-image", "RGB/0000000.png", "is it an image?"),
    (one_channel, "grey-image", "RGB/0000001.png", "is it an image?"),
    (lying_image, "size-mismatch", "GT/LABELS/0000001.png", "an image is turned as its camera was held"),
    (lossy_label, "labels-format", "_labelIds.png", "export them as PNG where they were drawn"),
    (half_erased, "labels-format", "_labelIds.png", "what is wholly transparent is void"),
    (pipe_for_image, "not-a-file", "RGB/0000001.png", "remove what stands in its place"),
    (dangling_city, "dangling-link", "train/dunmere", "mend the link"),
    (copied_labels, "image-is-labels", "RGB/0000001.png", "copy both again"),
    (foreign_id, "unknown-ids", "_labelIds.png", "take the files as shipped"),
    (all_void, "no-labels", "gtFine/val", "not of this data set"),
    (half_void, "mostly-ignored", "gtFine/val", "look at the picture"),
    (no_sky, "class-unseen", "gtFine/val", "not learned"),
    (val_in_train, "split-overlap", "leftImg8bit/val", "cannot validate"),
    (val_in_train_renamed, "split-overlap", "leftImg8bit/val", "cannot validate"),
    (no_bytes, "empty-file", CITYSCAPES_IMAGE, "copy or download"),
    (other_format, "damaged-file", CITYSCAPES_IMAGE, "copy or download"),
)
# Tested by themselves below: they need a list, another disk, or a user who is not root.
ELSEWHERE = {
    "missing-folder",
    "bad-list",
    "bad-data-set",
    "disk-full",
    "no-memory-map",
    "not-writable",
    "unreadable-file",
    "other-data-set",
    "other-names",
    "aspect",
}


def test_healthy_trees_have_no_fault(healthy: Trees) -> None:
    report = examine(healthy)
    assert [str(one) for found in report.findings.values() for one in found] == []
    assert report.errors == 0
    assert report.images == {"source": SOURCE_IMAGES, "train": TRAIN_IMAGES, "val": VAL_IMAGES}


@pytest.mark.parametrize(
    ("broken", "fault", "path", "remedy"), TABLE, ids=[f"{one[0].__name__}-{one[1]}" for one in TABLE]
)
def test_a_fault_is_found_by_name_in_its_file_with_its_remedy(
    trees: Trees, broken: Callable[[Trees], None], fault: str, path: str, remedy: str
) -> None:
    broken(trees)
    findings = found(trees)
    (one, *_) = [one for one in findings if one.fault == fault] or pytest.fail("\n".join(map(str, findings)))
    assert path in one.file
    assert one.what.startswith("expected ")
    assert ", got " in one.what or ", found " in one.what or " missing" in one.what
    assert remedy in one.remedy


def test_every_fault_of_the_table_is_put_in_somewhere() -> None:
    assert {fault for _, fault, *_ in TABLE} | ELSEWHERE == set(doctor.FAULTS)


def test_names_of_faults_are_kebab_case_and_have_remedies() -> None:
    for name, fault in doctor.FAULTS.items():
        assert name == name.lower().replace(" ", "-").replace("_", "-")
        assert fault.remedy


# --- what a healthy tree may have


def test_a_file_with_bytes_after_its_end_is_whole(trees: Trees) -> None:
    path = trees.file("RGB")
    path.write_bytes(path.read_bytes() + b"written by some camera")
    assert found(trees) == []


def test_links_to_data_elsewhere_are_followed(trees: Trees) -> None:
    city = trees.target / "leftImg8bit/val/dunmere"
    city.rename(trees.target.parent / "elsewhere")
    city.symlink_to(trees.target.parent / "elsewhere")
    label = trees.file("GT/LABELS")
    label.rename(trees.source.parent / "label.png")
    label.symlink_to(trees.source.parent / "label.png")
    assert found(trees) == []


def test_a_link_back_up_is_told_and_stops_nothing(trees: Trees, tmp_path: Path) -> None:
    looped_folder(trees)
    report = examine(trees)
    assert [one.fault for one in report.findings["val"]] == ["symlink-loop"]
    assert report.errors == 0
    assert before_prepare(trees, "val", tmp_path) == VAL_IMAGES


def test_images_of_one_name_in_two_splits_are_no_fault(trees: Trees, tmp_path: Path) -> None:
    path = trees.image("val")
    other = trees.target / "leftImg8bit/train" / path.parent.name / path.name
    other.parent.mkdir()
    rewrite(Path(shutil.copy(path, other)), lambda image: 255 - image)
    assert [one.fault for one in found(trees)] == ["count"]
    assert before_prepare(trees, "train", tmp_path) == TRAIN_IMAGES + 1


def test_images_without_compression_are_told_apart_by_their_content(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 40, 50, 3), np.uint8)
    noise[1, :20] = noise[0, :20]
    noise[1, 20:, 25:] = noise[0, 20:, 25:]
    for split, shown in (("train", (0, 1)), ("val", (2, 1))):
        for index, image in enumerate(shown):
            save(tmp_path / split / f"{index}.bmp", noise[image])
    mine = own.reader(own.Options(images={"train": "train/*.bmp", "val": "val/*.bmp"}))
    scenes = {split: mine.files(tmp_path, split, labels=False, depth=False) for split in ("train", "val")}
    (one,) = tree.overlap(scenes["val"], scenes["train"])
    assert (one.file, one.what.endswith("train/1.bmp")) == (f"{tmp_path}/val/1.bmp", True)


def test_hidden_files_and_other_labels_beside_are_no_fault(trees: Trees) -> None:
    (trees.source / "RGB/._0000000.png").write_bytes(b"\0")
    shutil.copy(trees.label(), trees.label().with_name(trees.label().name.replace("labelIds", "instanceIds")))
    assert found(trees) == []


# --- faults that need more than a broken tree


def test_images_of_another_split_or_folder_than_the_pattern_s_are_not_unused(tmp_path: Path) -> None:
    for name in ("a/t0.jpg", "a/t1.jpg", "a/v2.jpg", "a/spare.jpg", "other/3.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)).save(tmp_path / name)
    mine = own.reader(own.Options(images={"train": "a/t*.jpg", "val": "a/v*.jpg"}))
    split = doctor.Split(mine, tmp_path, plan("train"), None, tmp_path / "prepared", None)
    assert [(one.fault, one.file) for one in tree.list_split(split).findings] == [
        ("unused-file", str(tmp_path / "a/spare.jpg"))
    ]


def test_a_folder_that_is_not_there_is_told_with_the_package_to_unpack(trees: Trees) -> None:
    shutil.rmtree(trees.source)
    (one,) = found(trees)
    assert (one.fault, Path(one.file).name) == ("missing-folder", "RGB")
    assert "SYNTHIA-RAND-CITYSCAPES" in one.remedy


def test_a_split_that_the_data_set_has_not_is_told(healthy: Trees, tmp_path: Path) -> None:
    split = doctor.Split(READERS["source"], healthy.source, plan("night"), None, tmp_path / "prepared", None)
    (one,) = doctor.examine({"source": split}, sample=2, seed=1, workers=1).findings["source"]
    assert (one.fault, one.file) == ("bad-data-set", "split of SYNTHIA")
    assert one.remedy == "the package is not divided"


def test_a_table_of_ids_that_cannot_be_read_is_told(
    healthy: Trees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object, root: Path) -> dict[int, str | None]:
        raise FileNotFoundError(f"{root}/ids.json: expected a table of ids, found no file; unpack it")

    monkeypatch.setattr(synthia.Synthia, "ids", refuse)
    split = doctor.Split(READERS["source"], healthy.source, plan("all"), None, tmp_path / "prepared", None)
    (one,) = doctor.examine({"source": split}, sample=2, seed=1, workers=1).findings["source"]
    assert (one.fault, one.remedy) == ("missing-files", "unpack it")


def test_a_list_that_names_what_is_not_there_is_told(trees: Trees, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("0000001\n7654321\n", encoding="utf-8")
    split = doctor.Split(READERS["source"], trees.source, plan("all"), names, tmp_path / "prepared", None)
    report = doctor.examine({"source": split}, sample=2, seed=1, workers=1)
    (one,) = report.findings["source"]
    assert one.fault == "bad-list"
    assert one.file == f"{names}, line 2"


def test_a_file_without_the_right_to_read_is_told(trees: Trees, monkeypatch: pytest.MonkeyPatch) -> None:
    path, opened = trees.file("RGB"), headers.os.open

    def refuse(wanted: Path, *flags: int) -> int:  # root may read everything
        if wanted == path:
            raise PermissionError(13, "Permission denied", str(wanted))
        return opened(wanted, *flags)

    monkeypatch.setattr(headers.os, "open", refuse)
    (one,) = found(trees)
    assert (one.fault, one.file) == ("unreadable-file", str(path))
    assert one.what.endswith("got Permission denied")


def test_too_small_a_disk_is_told_with_both_sizes(healthy: Trees) -> None:
    need = (6 * SOURCE_IMAGES + 3 * TRAIN_IMAGES + 4 * VAL_IMAGES) * 64 * 32
    assert examine(healthy).need_bytes == need
    assert found(healthy, free_bytes=need) == []
    (one,) = found(healthy, free_bytes=need - 1)
    assert one.fault == "disk-full"
    assert one.what == "expected 0.000139 GB free for prepared arrays, got 0.000139 GB"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS])
def test_a_folder_that_one_may_not_write_to_is_told_as_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk.tempfile, "TemporaryFile", refuse)
    (one,) = disk.check_disk(tmp_path, 1)
    assert (one.fault, one.what) == ("not-writable", f"expected a folder to write in, got {os.strerror(number)}")


def test_a_disk_that_maps_no_files_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(19, "No such device")

    monkeypatch.setattr(disk.mmap, "mmap", refuse)
    (one,) = disk.check_disk(tmp_path / "not/yet/there", 1)
    assert (one.fault, one.file) == ("no-memory-map", str(tmp_path))


@pytest.mark.parametrize(("split", "native"), [("all", False), ("train", False), ("val", True)])
def test_the_bytes_foreseen_are_the_bytes_written(healthy: Trees, tmp_path: Path, split: str, native: bool) -> None:
    root, reader = (healthy.source, READERS["source"]) if split == "all" else (healthy.target, READERS["target"])
    smaller = plan(split, width=16, height=8, native=native)
    write(reader, root, tmp_path, smaller, names=None, workers=1)
    arrays = [np.load(path, mmap_mode="r") for name in ARRAYS if (path := tmp_path / f"{name}.npy").is_file()]
    images, compressed = len(arrays[0]), [path.stat().st_size for path in tmp_path.glob("labels/*.png")]
    assert len(compressed) == (images if native else 0)
    foreseen, written = disk.prepared_bytes(smaller, images, (64, 32)), sum(array.nbytes for array in arrays)
    assert foreseen == written + images * 64 * 32 * native
    assert foreseen >= written + sum(compressed)


def test_what_is_prepared_already_needs_no_room(healthy: Trees, tmp_path: Path) -> None:
    split = doctor.Split(READERS["source"], healthy.source, plan("all"), None, tmp_path / "source", None)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / INDEX).write_text("{}", encoding="utf-8")
    report = doctor.examine({"source": split}, sample=1, seed=1, workers=1)
    assert report.need_bytes == 0


# --- before every prepare


def before_prepare(trees: Trees, split: str, folder: Path, **changes: Any) -> int:
    root, reader = (trees.source, READERS["source"]) if split == "all" else (trees.target, READERS["target"])
    return len(doctor.before_prepare(reader, root, plan(split, **changes), None, folder, workers=2))


def test_prepare_goes_on_where_all_is_well(healthy: Trees, tmp_path: Path) -> None:
    assert before_prepare(healthy, "all", tmp_path) == SOURCE_IMAGES
    assert before_prepare(healthy, "val", tmp_path, images=2) == 2


@pytest.mark.parametrize(
    ("broken", "split", "text"),
    [
        (high_byte, "all", "expected 16-bit labels with 3 channels"),
        (val_in_train, "train", "expected an image of one split alone"),
        (val_in_train, "val", "expected an image of one split alone"),
        (no_city_labels, "val", "expected a file for each of 5 images, 3 missing"),
    ],
)
def test_prepare_stops_at_an_error_before_it_decodes(
    trees: Trees, tmp_path: Path, broken: Callable[[Trees], None], split: str, text: str
) -> None:
    broken(trees)
    with pytest.raises(DataError) as error:
        before_prepare(trees, split, tmp_path)
    assert text in str(error.value)


def test_prepare_names_all_bad_files_and_goes_on_to_read_the_others(
    trees: Trees, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    no_bytes(trees)
    cut(trees.image("val", 3))
    foreign_id(trees)
    assert before_prepare(trees, "val", tmp_path) == VAL_IMAGES
    named = [str(trees.image("val")), str(trees.image("val", 3))]
    assert [line.split(": ")[:2] for line in caplog.messages] == [
        ["empty-file", named[0]],
        ["truncated-file", named[1]],
    ]


def test_of_very_many_findings_not_all_are_told(
    trees: Trees, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "TOLD", 2)
    for index in range(TRAIN_IMAGES):
        trees.image("train", index).write_bytes(b"")
    assert before_prepare(trees, "train", tmp_path) == TRAIN_IMAGES
    assert caplog.messages[2:] == [f"… and {TRAIN_IMAGES - 2} more"]
    for index in range(3):
        shutil.copy(trees.image("val", index), trees.image("train", index))
    with pytest.raises(DataError, match=r"\[split-overlap\]\n.*\[split-overlap\]\n… and 1 more: `dadist doctor` tells"):
        before_prepare(trees, "train", tmp_path)


def test_a_fault_of_all_files_of_a_kind_stops_prepare_at_once_unless_bad_ones_are_left_out(
    trees: Trees, tmp_path: Path
) -> None:
    high_byte(trees)
    with pytest.raises(DataError, match=r"GT/LABELS/0000000\.png: .*\(and 5 more of this kind\); .* \[labels-format\]"):
        before_prepare(trees, "all", tmp_path)
    assert before_prepare(trees, "all", tmp_path, skip_bad=True) == SOURCE_IMAGES


def test_a_fault_of_some_files_of_a_kind_stops_nothing_yet(trees: Trees, tmp_path: Path) -> None:
    for index in (1, 4):
        rewrite(trees.file("RGB", index), lambda image: image.astype(np.uint16) * 257)
    one, *_ = found(trees)
    assert one.message.endswith("got 16-bit with 3 channels (and 1 more of this kind); convert it to 8-bit RGB")
    assert before_prepare(trees, "all", tmp_path) == SOURCE_IMAGES
    with pytest.raises(DataError) as error:
        write(READERS["source"], trees.source, tmp_path / "split", plan("all"), names=None, workers=2)
    assert [line.partition(": ")[0] for line in str(error.value).splitlines()] == [
        str(trees.file("RGB", index)) for index in (1, 4)
    ]


def test_files_that_are_refused_each_for_itself_are_named_each(trees: Trees) -> None:
    for index, change in ((0, high_id), (5, high_id)):
        rewrite(trees.file("GT/LABELS", index), change)
    kinds = [one for one in found(trees) if one.fault == "labels-format"]
    assert [one.file for one in kinds] == [str(trees.file("GT/LABELS", index)) for index in (0, 5)]


def test_bad_files_that_are_left_out_are_warnings(trees: Trees, tmp_path: Path) -> None:
    trees.image("val", 3).write_bytes(b"")
    foreign_id(trees)
    for skip_bad, errors in ((False, 2), (True, 0)):
        split = doctor.Split(
            READERS["target"], trees.target, plan("val", skip_bad=skip_bad), None, tmp_path / "prepared", None
        )
        report = doctor.examine({"val": split}, sample=24, seed=1, workers=2)
        first = report.findings["val"][0]
        assert first.fault == "empty-file"
        assert first.remedy.endswith("skip_bad leaves its image out") == skip_bad
        assert report.errors == errors


def test_prepare_logs_a_warning_and_goes_on(trees: Trees, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    empty_city(trees)
    assert before_prepare(trees, "train", tmp_path) == TRAIN_IMAGES
    assert "empty-folder: " in caplog.text


def test_prepare_warns_of_images_of_one_channel(trees: Trees, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    one_channel(trees)
    assert before_prepare(trees, "all", tmp_path) == SOURCE_IMAGES
    assert [line.split(": ")[:2] for line in caplog.messages] == [["grey-image", str(trees.file("RGB"))]]
    assert [one.what for one in found(trees)] == [f"expected colours, got one channel in 1 of {SOURCE_IMAGES} images"]


def test_prepare_of_the_training_split_looks_at_no_label(trees: Trees, tmp_path: Path) -> None:
    labels = trees.target / "gtFine"
    shutil.rmtree(labels)
    labels.symlink_to(labels)  # whoever lists it fails
    assert before_prepare(trees, "train", tmp_path) == TRAIN_IMAGES


def test_only_files_that_will_be_prepared_are_opened(trees: Trees, tmp_path: Path) -> None:
    trees.file("RGB", 5).write_bytes(b"")
    assert before_prepare(trees, "all", tmp_path, images=5) == 5


# --- headers


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (np.zeros((3, 5), np.uint8), "8-bit with 1 channel"),
        (np.zeros((3, 5, 3), np.uint8), "8-bit with 3 channels"),
        (np.zeros((3, 5, 4), np.uint8), "8-bit with 4 channels"),
        (np.zeros((3, 5), np.uint16), "16-bit with 1 channel"),
        (np.zeros((3, 5, 3), np.uint16), "16-bit with 3 channels"),
    ],
)
def test_the_header_of_a_png_tells_size_and_kind(tmp_path: Path, array: NDArray[Any], kind: str) -> None:
    assert cv2.imwrite(str(tmp_path / "a.png"), array)
    assert headers.header(tmp_path / "a.png") == headers.Header(5, 3, kind, True)


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"exif": b"Exif\0\0" + bytes(5000)}, {"comment": "x" * 70}]
)
@pytest.mark.parametrize(("mode", "kind"), [("RGB", "8-bit with 3 channels"), ("L", "8-bit with 1 channel")])
def test_the_header_of_a_jpeg_tells_size_and_kind(
    tmp_path: Path, mode: str, kind: str, options: dict[str, Any]
) -> None:
    Image.new(mode, (5, 3)).save(tmp_path / "a.jpg", **options)
    assert headers.header(tmp_path / "a.jpg") == headers.Header(5, 3, kind, True)
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:-2])
    assert headers.header(tmp_path / "a.jpg") == headers.Header(5, 3, kind, False)


@pytest.mark.parametrize("held", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_header_tells_the_size_that_is_seen_whatever_the_name(tmp_path: Path, held: int, format: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = held
    Image.new("RGB", (5, 3)).save(tmp_path / "a.png", format, exif=exif)
    found = headers.header(tmp_path / "a.png")
    assert found is not None
    assert (
        (found.width, found.height) == ((3, 5) if held > 4 else (5, 3)) == read_image(tmp_path / "a.png").shape[1::-1]
    )
    assert found.whole


def test_palettes_are_told_apart_and_other_formats_left_alone(tmp_path: Path) -> None:
    Image.new("P", (5, 3)).save(tmp_path / "a.png")
    assert headers.header(tmp_path / "a.png") == headers.Header(5, 3, "1-bit with 3 channels from a palette", True)
    np.save(tmp_path / "a.npy", np.zeros(3))
    assert headers.header(tmp_path / "a.npy") is None


# --- sample and picture


@pytest.mark.parametrize(("count", "wanted"), [(100, 24), (30, 24), (24, 24), (5, 24), (1, 1), (0, 24)])
def test_a_sample_is_spread_evenly_and_has_no_scene_twice(count: int, wanted: int) -> None:
    for seed in range(20):
        picked = sample.pick(count, wanted, seed)
        assert len(set(picked)) == len(picked) == min(count, wanted)
        steps = np.diff(picked)
        assert all(0 <= index < count for index in picked)
        assert steps.size == 0 or steps.max() - steps.min() <= 1
    assert sample.pick(9400, 24, 1) == sample.pick(9400, 24, 1) != sample.pick(9400, 24, 2)


def test_the_picture_shows_labels_in_their_colours_and_a_legend(healthy: Trees, tmp_path: Path) -> None:
    seen = examine(healthy).seen
    path = tmp_path / "not/yet/there/doctor.png"
    picture.draw({"source: s": seen["source"], "train: t": seen["train"]}, SEVEN, path, 2, {}, 1000.0)
    drawn = decode(path)
    row = picture.THUMB // 2 + picture.LINE
    assert drawn.shape == (2 * picture.LINE + 4 * row + 2 * picture.LINE, 3 * picture.THUMB, 3)
    first = seen["source"][0]
    cell = drawn[picture.LINE : picture.LINE + picture.THUMB // 2, picture.THUMB : 2 * picture.THUMB]
    assert first.labels is not None
    colour = SEVEN.colours[first.labels[16, 30]].astype(int)
    expected = (first.image[16, 30].astype(int) + 3 * colour) // 4
    assert cell[16 * 5 + 2, 30 * 5 + 2].tolist() == expected.tolist()
    assert drawn[-2 * picture.LINE + 8, 8].tolist() == list(SEVEN.categories[0].colour)


def test_a_finding_goes_through_json(trees: Trees) -> None:
    no_bytes(trees)
    (one,) = found(trees)
    again = json.loads(json.dumps(dataclasses.asdict(one)))
    assert doctor.Finding(**again) == one
    assert str(one).startswith(f"error  empty-file  {one.file}: expected ")


@pytest.mark.parametrize(("written", "asked"), [("v1.2", "v2.0"), ("v2.0", "v1.2")])
def test_vistas_of_another_version_is_told_with_the_key_to_set(tmp_path: Path, written: str, asked: str) -> None:
    write_mapillary(tmp_path / "vistas", version=written)
    reader = mapillary.reader(mapillary.Options(version=asked))  # type: ignore[arg-type]
    split = doctor.Split(reader, tmp_path / "vistas", plan("val", fit="pad"), None, tmp_path / "prepared", None)
    found = doctor.examine({"val": split}, sample=2, seed=1, workers=1).findings["val"]
    assert {one.fault for one in found} == {"wrong-package"}
    assert f"set `version: {written}` in the domain" in found[0].message
    healthy = mapillary.reader(mapillary.Options(version=written))  # type: ignore[arg-type]
    assert healthy.counts == {"train": 18000, "val": 2000}
    sound = dataclasses.replace(split, reader=healthy)
    assert not doctor.examine({"val": sound}, sample=2, seed=1, workers=1).errors


# --- data sets that are not what the reader reads


@pytest.mark.parametrize(("folder", "name"), [("rgb_anon/fog/train", "ACDC"), ("training/image_2", "KITTI")])
def test_another_data_set_in_the_place_of_cityscapes_is_named(trees: Trees, folder: str, name: str) -> None:
    shutil.rmtree(trees.target)
    (trees.target / folder).mkdir(parents=True)
    report = examine(trees)
    for part in ("train", "val"):
        (one,) = report.findings[part]
        assert (one.fault, one.level, one.file) == ("other-data-set", "error", str(trees.target))
        assert one.what == f"expected Cityscapes, got the folders of {name}"
        assert one.remedy.startswith(f"take the domain {name.lower()}, which config/domains.yaml has")


def test_images_in_cityscapes_folders_that_are_not_named_as_its_own_are_told(trees: Trees) -> None:
    for number, image in enumerate(sorted((trees.target / "leftImg8bit/train").rglob("*.png"))):
        image.rename(image.with_name(f"{number:06d}_leftImg8bit.png"))  # as IDD has them
    (one,) = found(trees)
    assert (one.fault, one.level) == ("other-names", "warning")
    assert one.what.startswith("expected names of Cityscapes, like aachen_000000_000019, got 000000: another data set")


@pytest.mark.parametrize(
    ("size", "told"),
    [((80, 60), "56x40"), ((30, 60), "32x64"), ((64, 40), None), ((80, 40), None)],
)
def test_images_that_stretch_would_squeeze_are_told_with_a_size_that_does_not(
    trees: Trees, size: tuple[int, int], told: str | None
) -> None:
    rewrite_all(trees.target / "leftImg8bit/train", lambda image: np.asarray(cv2.resize(image, size)))
    squeezed = [one for one in found(trees) if one.fault == "aspect"]
    assert len(squeezed) == (told is not None)
    for one in squeezed:
        assert one.what == f"expected images that 64x32 hardly squeezes, got {size[0]}x{size[1]} in 4 of 4"
        assert f"choose {told} (for both domains, if a method mixes images), or `fit: pad`" in one.remedy
