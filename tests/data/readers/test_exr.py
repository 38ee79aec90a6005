"""OpenEXR: which channel has the depth, of whatever type and compression, and damaged files."""

import sys
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
from numpy.typing import NDArray

from dadist.data.readers.depth_files import read
from dadist.storage.errors import DataError

METRES = np.array([[1.5, 2, np.inf], [0, np.nan, 0.25]], np.float32)
CENTIMETRES = [[150, 200, 65535], [0, 0, 25]]


def save(path: Path, compression: object = OpenEXR.ZIP_COMPRESSION, **channels: NDArray[np.generic]) -> Path:
    OpenEXR.File({"compression": compression, "type": OpenEXR.scanlineimage}, channels).write(str(path))
    return path


@pytest.mark.parametrize("name", ["Y", "Z", "V"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("compression", [OpenEXR.NO_COMPRESSION, OpenEXR.ZIP_COMPRESSION, OpenEXR.PIZ_COMPRESSION])
def test_the_only_channel_is_depth(tmp_path: Path, name: str, dtype: type, compression: object) -> None:
    path = save(tmp_path / "x.exr", compression, **{name: METRES.astype(dtype)})
    assert read(path, "metric", 1.0).tolist() == CENTIMETRES
    path.rename(tmp_path / "x.png")  # what a file is says its content
    assert read(tmp_path / "x.png", "metric", 1.0).tolist() == CENTIMETRES


def test_z_is_depth_beside_a_picture(tmp_path: Path) -> None:
    picture = np.ones_like(METRES)
    path = save(tmp_path / "x.exr", R=picture, G=picture, B=picture, Z=METRES)
    assert read(path, "metric", 1.0).tolist() == CENTIMETRES


def test_red_green_and_blue_that_are_alike_are_one_number(tmp_path: Path) -> None:
    path = save(tmp_path / "x.exr", R=METRES, G=METRES, B=METRES, A=np.ones_like(METRES))
    assert read(path, "metric", 1.0).tolist() == CENTIMETRES
    with pytest.raises(DataError, match=r"x\.exr: expected depth with one channel .*, got channels B, G, R; .*colours"):
        read(save(path, R=METRES, G=METRES, B=2 * METRES), "metric", 1.0)


def test_the_unit_of_urbansyn_is_a_hundred_kilometres(tmp_path: Path) -> None:
    path = save(tmp_path / "x.exr", Y=np.array([[5e-5, 1.2e-4, 0.5]], np.float32))
    assert read(path, "metric", 100000.0).tolist() == [[500, 1200, 65535]]


def test_a_cut_file_is_named(tmp_path: Path) -> None:
    whole = save(tmp_path / "x.exr", Y=METRES).read_bytes()
    for length in (4, 50, len(whole) - 5):
        (tmp_path / "x.exr").write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"x\.exr: expected a whole image file"):
            read(tmp_path / "x.exr", "metric", 1.0)


def test_a_missing_library_is_told_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "x.exr", Y=METRES)
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(ValueError, match=r"extra 'exr' for \.exr files, found no OpenEXR; pip install OpenEXR$"):
        read(path, "metric", 1.0)
