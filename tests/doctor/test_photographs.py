"""What lies in a folder of photographs, and which patterns and sizes fit it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dadist.data.readers.patterns import files_named
from dadist.doctor.photographs import fitting, look, squeeze

PIXELS = 320 * 240


def photograph(path: Path, size: tuple[int, int] = (32, 24)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(path)


@pytest.mark.parametrize(
    ("names", "pattern", "fitted"),
    [
        (["a.jpg", "b.jpg", "notes.txt"], "*.jpg", 2),
        (["a.jpg", "b.JPG", "c.png"], "*.*", 3),
        (["a.jpg", "b.JPG", "c.JPG"], "*.jpg", 3),
        (["a.jpg", "b.jpg", "c.png", "notes.txt"], "*.*", 3),  # notes are no picture
        (["a.jpg", "b.jpg", "a.png"], "*.jpg", 2),  # .* would call two photographs a
        (["mon/a.jpg", "tue/a.jpg"], "**/*.jpg", 2),
        (["drive/mon/a.jpg", "drive/tue/a.jpg", "old.jpg"], "**/*.jpg", 3),
        (["a.png", "a_depth.png", "raw/b.png"], "raw/*.png", 1),
        (["raw/a.png", "labels/a.png", "b.jpg", "c.jpg"], "*.jpg", 2),
        (["odd[1]/a.jpg", "odd[1]/b.jpg"], "**/*.jpg", 2),
    ],
)
def test_the_pattern_fits_most_photographs_and_nothing_else(
    tmp_path: Path, names: list[str], pattern: str, fitted: int
) -> None:
    for name in names:
        photograph(tmp_path / name) if not name.endswith(".txt") else (tmp_path / name).touch()
    found = look(tmp_path, workers=2)
    assert (found.train.pattern, len(found.train.fitted)) == (pattern, fitted)
    assert sum(found.sizes.values()) == fitted
    assert len(files_named(tmp_path, pattern, once=True)) == fitted


def test_two_that_only_capitals_tell_apart_are_named(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.JPG", "b.jpg"):
        photograph(tmp_path / name)
    with pytest.raises(ValueError, match=r"expected one photograph of each name, got a\.JPG and a\.jpg; rename one"):
        look(tmp_path, workers=2)


def test_a_folder_in_the_place_of_a_photograph_is_not_passed_over(tmp_path: Path) -> None:
    photograph(tmp_path / "b.jpg")
    (tmp_path / "a.JPG").mkdir()
    assert sorted(files_named(tmp_path, "*.jpg", once=True)) == ["a", "b"]  # whoever opens it names it


def test_labels_depth_and_the_photographs_that_have_labels_are_told_apart(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "val/c.jpg", "val/c_labels.png", "val/d.jpg", "val/d_labels.png", "depth/a.png"):
        photograph(tmp_path / name)
    np.save(tmp_path / "b.npy", np.zeros(1))
    found = look(tmp_path, workers=2)
    assert (found.train.pattern, found.train.files) == ("*.jpg", ("a.jpg", "b.jpg"))
    assert (found.val.pattern, found.val.files) == ("val/*.jpg", ("val/c.jpg", "val/d.jpg"))
    assert (found.labels.pattern, len(found.labels.fitted)) == ("val/*_labels.png", 2)
    assert found.depth.files == ("b.npy", "depth/a.png")


def test_a_folder_called_val_is_trained_on_where_no_labels_are(tmp_path: Path) -> None:
    for name in ("train/a.jpg", "val/b.jpg"):
        photograph(tmp_path / name)
    found = look(tmp_path, workers=2)
    assert (found.train.pattern, found.train.fitted, found.val.files) == ("**/*.jpg", ("train/a.jpg", "val/b.jpg"), ())


def test_sizes_are_upright_and_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for index in range(3):
        photograph(tmp_path / f"{index}.jpg", (64, 36))
    photograph(tmp_path / "square.jpg", (36, 36))
    turned = Image.Exif()
    turned[0x0112] = 6  # held on its side
    Image.new("RGB", (64, 36)).save(tmp_path / "turned.jpg", exif=turned)
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    found = look(tmp_path, workers=2)
    assert dict(found.sizes) == {(64, 36): 3, (36, 64): 1, (36, 36): 1}
    assert found.size == (64, 36)
    assert [one.fault for one in found.bad] == ["damaged-file", "dangling-link"]
    assert found.squeezed(fitting(found.size, PIXELS)) == 2


@pytest.mark.parametrize(
    ("size", "frame"),
    [
        ((640, 480), (320, 240)),
        ((1920, 1080), (368, 208)),
        ((1080, 1920), (208, 368)),
        ((2048, 1024), (392, 192)),
        ((100, 100), (280, 280)),
        ((4000, 10), (5544, 16)),
    ],
)
def test_a_size_has_the_shape_of_the_photographs_in_sides_that_a_backbone_divides(
    size: tuple[int, int], frame: tuple[int, int]
) -> None:
    assert fitting(size, PIXELS) == frame


def test_a_squeeze_is_the_same_in_both_directions() -> None:
    assert squeeze((200, 100), (100, 100)) == squeeze((100, 100), (200, 100)) == 2
    assert squeeze((640, 480), (320, 240)) == 1


def test_a_folder_without_photographs_says_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none: expected a folder of photographs, found none"):
        look(tmp_path / "none", workers=2)
    with pytest.raises(FileNotFoundError, match=r"expected photographs \(\.png .*\), found nothing$"):
        look(tmp_path, workers=2)
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(FileNotFoundError, match=r"found clip\.mp4$"):
        look(tmp_path, workers=2)
    (tmp_path / "a.jpg").write_bytes(b"no image")
    with pytest.raises(FileNotFoundError, match=r"found 1 that are damaged, first .*a\.jpg: expected a whole image"):
        look(tmp_path, workers=2)


def test_photographs_that_no_pattern_can_tell_from_other_files_are_refused(tmp_path: Path) -> None:
    for name in ("a.png", "a_depth.png"):
        photograph(tmp_path / name)
    with pytest.raises(ValueError, match=r"expected photographs .* in folders of their own, got a\.png among others"):
        look(tmp_path, workers=2)
