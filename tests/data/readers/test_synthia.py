"""The SYNTHIA reader: both label folders, centimetres, and a plain word for every way a copy goes wrong."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dadist.data.readers.synthia import Options, reader
from dadist.storage.errors import DataError

READER = reader(Options())
IDS = np.array([[3, 4], [22, 0]], np.uint16)
CENTIMETRES = np.array([[1, 300], [65535, 0]], np.uint16)


def save(path: Path, array: NDArray[np.generic]) -> Path:
    """Writes channels in the given order, red first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array if array.ndim == 2 else array[..., ::-1])
    return path


def as_shipped(ids: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Class, instance, zero, as the package stores them."""
    return np.stack([ids, np.full_like(ids, 700), np.zeros_like(ids)], -1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("0000001.png", "0000000.png"):
        save(tmp_path / "RGB" / name, np.zeros((2, 2, 3), np.uint8))
        save(tmp_path / "GT" / "LABELS" / name, as_shipped(IDS))
        save(tmp_path / "Depth" / name, np.stack([CENTIMETRES] * 3, -1))
    return tmp_path


def said(error: pytest.ExceptionInfo[Exception], *parts: str) -> bool:
    return all(part in str(error.value) for part in parts)


def test_scenes_are_sorted_and_have_all_three_files(root: Path) -> None:
    scenes = READER.files(root, "all", labels=True, depth=True)
    assert [scene.name for scene in scenes] == ["0000000", "0000001"]
    assert scenes[0].image == root / "RGB" / "0000000.png"
    assert scenes[0].labels == root / "GT" / "LABELS" / "0000000.png"
    assert scenes[0].depth == root / "Depth" / "0000000.png"


def test_what_is_not_asked_for_need_not_exist(tmp_path: Path) -> None:
    save(tmp_path / "RGB" / "0000000.png", np.zeros((2, 2, 3), np.uint8))
    (scene,) = READER.files(tmp_path, "all", labels=False, depth=False)
    assert scene.labels is None
    assert scene.depth is None


def test_files_that_a_mac_left_in_the_archive_are_no_scenes(root: Path) -> None:
    (root / "RGB" / "._0000000.png").write_bytes(b"\0")
    assert len(READER.files(root, "all", labels=True, depth=True)) == 2


def test_labels_are_the_first_channel_of_sixteen_bits(root: Path) -> None:
    ids = READER.read_labels(root / "GT" / "LABELS" / "0000000.png")
    assert ids.dtype == np.uint8
    assert ids.tolist() == IDS.tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_parsed_labels_stand_in_where_the_shipped_ones_are_absent(tmp_path: Path, dtype: type[np.generic]) -> None:
    save(tmp_path / "RGB" / "0000000.png", np.zeros((2, 2, 3), np.uint8))
    save(tmp_path / "parsed_LABELS" / "0000000.png", IDS.astype(dtype))
    (scene,) = READER.files(tmp_path, "all", labels=True, depth=False)
    assert scene.labels == tmp_path / "parsed_LABELS" / "0000000.png"
    assert READER.read_labels(scene.labels).tolist() == IDS.tolist()


def test_shipped_labels_come_before_parsed_ones(root: Path) -> None:
    save(root / "parsed_LABELS" / "0000000.png", IDS)
    assert READER.files(root, "all", labels=True, depth=False)[0].labels == root / "GT" / "LABELS" / "0000000.png"


@pytest.mark.parametrize("channels", [1, 3])
def test_depth_is_centimetres_in_one_or_three_channels(tmp_path: Path, channels: int) -> None:
    stored = CENTIMETRES if channels == 1 else np.stack([CENTIMETRES] * 3, -1)
    depth = READER.read_depth(save(tmp_path / "0000000.png", stored))
    assert depth.dtype == np.uint16
    assert depth.tolist() == CENTIMETRES.tolist()


def test_labels_that_pil_has_rewritten_are_refused(root: Path) -> None:
    path = root / "GT" / "LABELS" / "0000000.png"
    with Image.open(path) as image:
        image.copy().save(path)  # keeps the high byte alone: every class would be void
    with pytest.raises(DataError) as error:
        READER.read_labels(path)
    assert said(error, "0000000.png: expected 16-bit labels", "got 8-bit with 3 channels", "copy the file again")


def test_labels_with_reversed_channels_are_refused(root: Path) -> None:
    path = save(root / "GT" / "LABELS" / "0000000.png", as_shipped(IDS)[..., [1, 0, 2]])
    with pytest.raises(DataError) as error:
        READER.read_labels(path)
    assert said(error, "0000000.png: expected class ids 0 to 22", "got 700", "copy the file again")


def test_depth_of_eight_bits_is_refused(root: Path) -> None:
    path = save(root / "Depth" / "0000000.png", np.full((2, 2, 3), 9, np.uint8))
    with pytest.raises(DataError) as error:
        READER.read_depth(path)
    assert said(error, "0000000.png: expected 16-bit depth", "got 8-bit with 3 channels", "copy the file again")


def test_depth_with_channels_that_differ_is_refused(root: Path) -> None:
    path = save(root / "Depth" / "0000000.png", as_shipped(CENTIMETRES))
    with pytest.raises(DataError) as error:
        READER.read_depth(path)
    assert said(error, "0000000.png: expected three equal channels", "differ", "SYNTHIA-RAND-CITYSCAPES")


@pytest.mark.parametrize("folder", ["RGB", "Depth", "GT/LABELS"])
def test_a_missing_folder_names_the_package_to_unpack(root: Path, folder: str) -> None:
    (root / folder).rename(root / "elsewhere")
    with pytest.raises(FileNotFoundError) as error:
        READER.files(root, "all", labels=True, depth=True)
    assert said(error, f"{root / folder}: expected a folder with *.png", "SYNTHIA-RAND-CITYSCAPES", "RAND_CVPR16")


def test_an_empty_folder_names_the_package_to_unpack(tmp_path: Path) -> None:
    (tmp_path / "RGB").mkdir()
    with pytest.raises(FileNotFoundError) as error:
        READER.files(tmp_path, "all", labels=False, depth=False)
    assert said(error, "RGB: expected *.png, found none", "SYNTHIA-RAND-CITYSCAPES")


@pytest.mark.parametrize("folder", ["GT/LABELS", "Depth"])
def test_an_image_without_its_file_is_named(root: Path, folder: str) -> None:
    (root / folder / "0000001.png").unlink()
    with pytest.raises(FileNotFoundError) as error:
        READER.files(root, "all", labels=True, depth=True)
    assert said(error, "0000001.png: expected a file for each of 2 images, 1 missing", "unpack the package")


def test_the_only_split_is_all(root: Path) -> None:
    with pytest.raises(ValueError, match="expected 'all', got 'train'"):
        READER.files(root, "train", labels=True, depth=True)
