"""One photograph is one array: in what is prepared, in what the doctor looks at, in what a model predicts."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from dadist import doctor
from dadist.classes import CLASS_SETS
from dadist.data.inventory import SplitPlan
from dadist.data.preparation import write
from dadist.data.prepared import Prepared
from dadist.data.readers import folder
from dadist.data.readers.content import ORIENTATION
from dadist.deploy.inputs import gather
from dadist.deploy.photographs import photograph
from dadist.storage.errors import DataError

WIDTH, HEIGHT = 32, 48
UPRIGHT = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
BACK = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # as PIL numbers what brings an image to how it is stored
LABELS = np.arange(WIDTH * HEIGHT, dtype=np.uint8).reshape(HEIGHT, WIDTH) % 7
IDS = dict(enumerate(("road", "building", "pole", "vegetation", "sky", "person", "car")))
OWN = folder.reader(
    folder.Options(images={"train": "t/*.*", "val": "v/**/*.*"}, labels={"val": "l/**/*.png"}, ids={**IDS, 9: None})
)


def plan(split: str, **changes: Any) -> SplitPlan:
    labels = split == "val"
    whole = {"labels": labels, "depth": False, "native": False, "images": 0, **changes}
    return SplitPlan(split, WIDTH, HEIGHT, "stretch", CLASS_SETS["7"], **whole)


def save(path: Path, *, held: int = 1, mode: str = "RGB", **options: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif, image = Image.Exif(), Image.fromarray(UPRIGHT).convert(mode)
    exif[ORIENTATION] = held
    lying = image if held == 1 else image.transpose(Image.Transpose(BACK[held]))
    lying.save(path, exif=exif, **options)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Of every kind that cameras and programs write, with a link to a folder of more, labels as they are seen."""
    for held in range(1, 9):
        for extension in ("jpg", "png", "webp", "tif"):
            save(tmp_path / f"v/{extension}{held}.{extension}", held=held)
    for name, mode, options in (
        ("grey.jpg", "L", {}),
        ("cmyk.jpg", "CMYK", {}),
        ("infrared.png", "L", {}),
        ("clear.png", "RGBA", {}),
        ("clear_grey.png", "LA", {}),
        ("palette.png", "P", {}),
        ("palette_tif.tif", "P", {}),
        ("two.png", "1", {}),
        ("really_a_jpeg.png", "RGB", {"format": "JPEG"}),
        ("really_a_png.jpg", "RGB", {"format": "PNG"}),
        ("bitmap.bmp", "RGB", {}),
    ):
        save(tmp_path / "elsewhere" / name, mode=mode, **options)
    (tmp_path / "v/more").symlink_to("../elsewhere")
    (tmp_path / "v/more/up").symlink_to("..")
    for path in [*(tmp_path / "v").glob("*.*"), *(tmp_path / "v/more").glob("*.*")]:
        place = tmp_path / "l" / path.relative_to(tmp_path / "v").with_suffix(".png")
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(LABELS).save(place)
    return tmp_path


def test_a_photograph_is_the_same_prepared_predicted_and_looked_at(photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "prepared"
    split = doctor.Split(OWN, photographs, plan("val"), None, out / "val", None)
    report = doctor.examine({"val": split}, sample=99, seed=1, workers=2)
    assert report.errors == 0
    write(OWN, photographs, out / "val", plan("val"), names=None, workers=2)
    prepared = Prepared(out / "val")
    inputs = {one.file: photograph(one.file) for one in gather([str(photographs / "v")], out)}
    scenes = OWN.files(photographs, "val", labels=True, depth=False)
    assert len(scenes) == len(inputs) == len(report.seen["val"]) == 8 * 4 + 11
    for index, (scene, seen) in enumerate(zip(scenes, report.seen["val"], strict=True)):
        np.testing.assert_array_equal(prepared.images[index], inputs[scene.image], scene.name)
        np.testing.assert_array_equal(prepared.images[index], seen.image, scene.name)
        np.testing.assert_array_equal(prepared.labels[index], prepared.labels[0], scene.name)
        if scene.name.startswith(("png", "tif")):
            np.testing.assert_array_equal(prepared.images[index], UPRIGHT, scene.name)


@pytest.mark.parametrize("held", [5, 6, 7, 8])
def test_labels_that_lie_as_the_camera_stored_them_are_refused_by_both(tmp_path: Path, held: int) -> None:
    for name in ("t/0", "v/1"):
        save(tmp_path / f"{name}.jpg", held=held, quality=80 + len(name))
    (tmp_path / "l").mkdir()
    Image.fromarray(LABELS.T.copy()).save(tmp_path / "l/1.png")
    told = rf"l/1\.png: expected {WIDTH}x{HEIGHT} as .*v/1\.jpg, got {HEIGHT}x{WIDTH}; one of them lies on its side"
    with pytest.raises(DataError, match=told):
        write(OWN, tmp_path, tmp_path / "prepared", plan("val"), names=None, workers=1)
    split = doctor.Split(OWN, tmp_path, plan("val"), None, tmp_path / "prepared", None)
    (one,) = doctor.examine({"val": split}, sample=9, seed=1, workers=1).findings["val"]
    assert (one.fault, one.file) == ("size-mismatch", f"{tmp_path}/l/1.png")


@pytest.mark.parametrize("channels", [1, 3])
def test_photographs_of_16_bits_are_refused_by_all(tmp_path: Path, channels: int) -> None:
    (tmp_path / "t").mkdir()
    assert cv2.imwrite(str(tmp_path / "t/0.png"), np.zeros((HEIGHT, WIDTH, channels), np.uint16))
    told = r"t/0\.png: expected an 8-bit RGB image, got 16-bit with . channels?; convert it to 8-bit RGB"
    with pytest.raises(DataError, match=told):
        write(OWN, tmp_path, tmp_path / "prepared", plan("train"), names=None, workers=1)
    with pytest.raises(DataError, match=told):
        photograph(tmp_path / "t/0.png")
    split = doctor.Split(OWN, tmp_path, plan("train"), None, tmp_path / "prepared", None)
    report = doctor.examine({"train": split}, sample=9, seed=1, workers=1)
    assert [one.fault for one in report.findings["train"]] == ["image-format"]
