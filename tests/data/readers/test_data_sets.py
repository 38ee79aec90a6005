"""The data sets that config/domains.yaml describes for the reader `folder`, as miniatures in their own formats."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR
import pytest
from numpy.typing import NDArray
from PIL import Image
from sandbox import ROOT, configuration, merged

from dadist import doctor
from dadist.classes import CLASS_SETS, IGNORE
from dadist.config import load
from dadist.config.records import parse
from dadist.config.schema import Study
from dadist.data.inventory import SplitPlan
from dadist.data.prepared import Prepared
from dadist.pipeline import params, splits
from dadist.stages import prepare
from dadist.storage.errors import DataError

WIDTH, HEIGHT = 64, 32
ROAD, SKY = (CLASS_SETS["19"].names.index(name) for name in ("road", "sky"))
TRAIN_IDS = np.repeat(np.uint8([ROAD, SKY, IGNORE]), [30, 30, 4])[None].repeat(HEIGHT, 0)
CENTIMETRES = np.where(TRAIN_IDS == SKY, 65535, 1234)


@dataclass(frozen=True)
class Miniature:
    """How a data set stores a scene: names of files by split, and what its pixels are."""

    files: dict[str, dict[str, tuple[str, ...]]]  # split → what → names of the first and the second scene
    labels: Callable[[Path], None]
    depth: Callable[[Path], None] | None = None


def ids(road: int, sky: int, void: int) -> NDArray[np.uint8]:
    return np.select([TRAIN_IDS == ROAD, TRAIN_IDS == SKY], [road, sky], void).astype(np.uint8)


def grey(*raw: int) -> Callable[[Path], None]:
    return lambda path: Image.fromarray(ids(*raw)).save(path)


def palette(*raw: int) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        image = Image.fromarray(ids(*raw))
        image.putpalette(list(range(256)) * 3)
        image.save(path)

    return save


def colours(*raw: tuple[int, int, int]) -> Callable[[Path], None]:
    table = np.array(raw, np.uint8)
    return lambda path: Image.fromarray(table[ids(0, 1, 2)]).save(path)


def red(*raw: int) -> Callable[[Path], None]:
    return colours(*((one, 7, 9) for one in raw))


def depth_16(path: Path) -> None:
    assert cv2.imwrite(str(path), CENTIMETRES.astype(np.uint16))


def depth_24(path: Path) -> None:
    number = np.where(CENTIMETRES == 65535, 256**3 - 1, round(12.34 / 1000 * 256**3))
    channels = [number & 255, number >> 8 & 255, number >> 16, np.full_like(number, 255)]
    Image.fromarray(np.stack(channels, -1).astype(np.uint8)).save(path)


def depth_exr(path: Path) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    metres = np.where(CENTIMETRES == 65535, 1e5, 12.34)
    OpenEXR.File(header, {"Y": (metres / 1e5).astype(np.float32)}).write(str(path))


def shift(split: str, what: str, extension: str) -> tuple[str, ...]:
    folder = f"discrete/images/{split}/front/{what}"
    return tuple(f"{folder}/{one}_{what}_front.{extension}" for one in ("0003-17fb/00000000", "5cb0-87c1/00000010"))


def anonymous(folder: str, what: str, ending: str) -> tuple[str, ...]:
    return tuple(f"{what}/{folder}/{one}_{ending}.png" for one in ("GOPR0122/GOPR0122_frame_000161", "GP010376/a_1"))


VKITTI = ("Scene01/clone", "Scene20/15-deg-left")
CITYSCAPES, TRAINED = (7, 23, 3), (0, 10, 255)
MINIATURES = {
    "gta5": Miniature(
        {"all": {what: (f"{what}/00001.png", f"{what}/24966.png") for what in ("images", "labels")}},
        palette(*CITYSCAPES),
    ),
    "urbansyn": Miniature(
        {
            "all": {
                "images": ("rgb/rgb_0001.png", "rgb/rgb_7539.png"),
                "labels": ("ss/ss_0001.png", "ss/ss_7539.png"),
                "depth": ("depth/depth_0001.exr", "depth/depth_7539.exr"),
            }
        },
        grey(*TRAINED),
        depth_exr,
    ),
    "virtual_kitti2": Miniature(
        {
            "all": {
                "images": tuple(f"{one}/frames/rgb/Camera_0/rgb_00000.jpg" for one in VKITTI),
                "labels": tuple(f"{one}/frames/classSegmentation/Camera_0/classgt_00000.png" for one in VKITTI),
                "depth": tuple(f"{one}/frames/depth/Camera_0/depth_00000.png" for one in VKITTI),
            }
        },
        colours((100, 60, 100), (90, 200, 255), (80, 80, 80)),
        depth_16,
    ),
    "shift": Miniature(
        {
            split: {
                "images": shift(split, "img", "jpg"),
                "labels": shift(split, "semseg", "png"),
                "depth": shift(split, "depth", "png"),
            }
            for split in ("train", "val")
        },
        red(7, 13, 0),
        depth_24,
    ),
    "bdd100k": Miniature(
        {
            "train": {"images": ("images/10k/train/0004a4c0-d4dff0ad.jpg", "images/10k/train/00054602-3bf57337.jpg")},
            "val": {
                "images": ("images/10k/val/7d06fefd-f7be05a6.jpg", "images/10k/val/7d128593-0ccfea4c.jpg"),
                "labels": (
                    "labels/sem_seg/masks/val/7d06fefd-f7be05a6.png",
                    "labels/sem_seg/masks/val/7d128593-0ccfea4c.png",
                ),
            },
        },
        grey(*TRAINED),
    ),
    "acdc": Miniature(
        {
            "train": {"images": anonymous("fog/train", "rgb_anon", "rgb_anon")},
            "val": {
                "images": anonymous("night/val", "rgb_anon", "rgb_anon"),
                "labels": anonymous("night/val", "gt", "gt_labelTrainIds"),
            },
        },
        grey(*TRAINED),
    ),
    "dark_zurich": Miniature(
        {
            "train": {"images": anonymous("train/night", "rgb_anon", "rgb_anon")},
            "val": {
                "images": anonymous("val/night", "rgb_anon", "rgb_anon"),
                "labels": anonymous("val/night", "gt", "gt_labelTrainIds"),
            },
        },
        grey(*TRAINED),
    ),
    "kitti": Miniature(
        {
            "train": {"images": ("testing/image_2/000000_10.png", "testing/image_2/000199_10.png")},
            "val": {
                "images": ("training/image_2/000000_10.png", "training/image_2/000199_10.png"),
                "labels": ("training/semantic/000000_10.png", "training/semantic/000199_10.png"),
            },
        },
        grey(*CITYSCAPES),
    ),
    "idd": Miniature(
        {
            "train": {
                "images": ("leftImg8bit/train/0/005506_leftImg8bit.png", "leftImg8bit/train/201/a_leftImg8bit.jpg")
            },
            "val": {
                "images": ("leftImg8bit/val/119/638495_leftImg8bit.png", "leftImg8bit/val/301/f_leftImg8bit.jpg"),
                "labels": ("gtFine/val/119/638495_gtFine_labelids.png", "gtFine/val/301/f_gtFine_labelids.png"),
            },
        },
        grey(0, 33, 35),
    ),
    "wilddash2": Miniature(
        {
            "train": {"images": ("wd_both_02/images/be0001_100000.jpg", "wd_both_02/images/be0002_100000.jpg")},
            "val": {
                "images": ("wd_public_02/images/aa0000_100000.jpg", "wd_public_02/images/aa0001_100000.jpg"),
                "labels": ("wd_public_02/labels/aa0000_100000.png", "wd_public_02/labels/aa0001_100000.png"),
            },
        },
        grey(38, 23, 36),
    ),
}


def write(name: str, root: Path) -> Path:
    """A miniature, of which no two images are alike; its own folder."""
    kind, random = MINIATURES[name], np.random.default_rng(3)
    for files in kind.files.values():
        for what, paths in files.items():
            for path in (root / one for one in paths):
                path.parent.mkdir(parents=True, exist_ok=True)
                if what == "images":
                    Image.fromarray(random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)).save(path)
                else:
                    save = kind.labels if what == "labels" else kind.depth
                    assert save is not None
                    save(path)
    return root


@cache
def study(name: str) -> Study:
    """A study in which the data set is the source if it has depth or is whole, or else the target."""
    role = {"domain": name, "width": WIDTH, "height": HEIGHT}
    return load.study(
        merged(
            configuration(),
            {
                "settings": {
                    "mine": {
                        "presets": ["demo"],
                        "classes": "19",
                        "evaluate": {"labels": "working"},
                        "methods": ["source_only"],
                        "selftrain": {"methods": []},
                        **({"source": role} if is_source(name) else {"target": role}),
                    }
                }
            },
        )
    )


def is_source(name: str) -> bool:
    return "all" in MINIATURES[name].files or MINIATURES[name].depth is not None


def parts(name: str) -> tuple[str, ...]:
    return ("source",) if is_source(name) else ("train", "val")


def prepared(name: str, part: str, root: Path, folder: Path) -> Prepared:
    """What the stage makes of a part, told by the pipeline."""
    split = splits.prepared_split(study(name), "mine", part)
    assert split is not None
    told: dict[str, Any] = json.loads(params.prepare(study(name), split.name))
    prepare.run(parse(prepare.Params, told, "params"), workers=1, root=root, names=[], depth=[], data=folder)
    return Prepared(folder)


@pytest.mark.parametrize("name", MINIATURES)
def test_a_data_set_is_prepared_as_it_is_shipped(name: str, tmp_path: Path) -> None:
    root = write(name, tmp_path / "set")
    for part in parts(name):
        made = prepared(name, part, root, tmp_path / part)
        assert len(made) == 2
        assert made.images.shape == (2, HEIGHT, WIDTH, 3)
        assert (tmp_path / part / "labels.npy").exists() == (part != "train")
        if part != "train":
            np.testing.assert_array_equal(made.labels, [TRAIN_IDS] * 2)
        assert made.has_depth == (part == "source" and MINIATURES[name].depth is not None)
        if made.has_depth:
            np.testing.assert_array_equal(made.depth, [CENTIMETRES] * 2)


def examined(name: str, root: Path, folder: Path) -> list[doctor.Finding]:
    found = {part: splits.prepared_split(study(name), "mine", part) for part in parts(name)}
    reader = splits.reader(study(name), name)
    looked = {
        part: doctor.Split(
            reader, root, SplitPlan(**one.plan), None, folder / part, reader.counts.get(one.plan["split"])
        )
        for part, one in found.items()
        if one is not None
    }
    report = doctor.examine(looked, sample=2, seed=1, workers=1)
    return [one for part in looked for one in report.findings[part]]


@pytest.mark.parametrize("name", MINIATURES)
def test_the_doctor_finds_nothing_but_that_it_is_small(name: str, tmp_path: Path) -> None:
    found = examined(name, write(name, tmp_path / "set"), tmp_path)
    assert {one.fault for one in found} <= {"count", "class-unseen", "depth-upside-down"}
    counts = study(name).domains[name].options["counts"].values()
    assert [re.findall(r"expected (\d+) images", one.what) for one in found if one.fault == "count"] == [
        [str(count)] for count in counts
    ]


@pytest.mark.parametrize("name", MINIATURES)
def test_another_layout_is_named_by_doctor_and_stage_with_what_is_there(name: str, tmp_path: Path) -> None:
    root = write(name, tmp_path / "set")
    (first, _) = MINIATURES[name].files["all" if "all" in MINIATURES[name].files else "train"]["images"]
    folder = Path(first).parts[0]
    for one in list(root.iterdir()):
        one.rename(root / f"my_{one.name}")
    (error, *_) = [one for one in examined(name, root, tmp_path) if one.level == "error"]
    assert error.fault in ("missing-files", "missing-folder")
    assert f"my_{folder}" in error.what
    assert error.what.startswith("expected files, found none, but my_")
    with pytest.raises(DataError, match=rf"expected files, found none, but my_.* in {re.escape(str(root))}; see the"):
        prepared(name, parts(name)[0], root, tmp_path / "prepared")


def test_every_data_set_that_ships_is_here_and_in_the_table_of_the_docs() -> None:
    domains = load.study(configuration()).domains
    assert {name for name, one in domains.items() if one.dataset == "folder"} == set(MINIATURES)
    text = (ROOT / "docs/data_sets.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `(\w+)` \| (source|target) \|", text, re.M)
    brought = {name for name, one in domains.items() if not one.root.startswith("results/")}
    assert {name for name, _ in listed} == brought
    assert {name for name, role in listed if name in MINIATURES and role == "source"} == {
        name for name in MINIATURES if is_source(name)
    }
    for name in brought:
        assert f"`{domains[name].root}/`" in text


def test_a_missing_data_set_says_what_to_get_where() -> None:
    for name in MINIATURES:
        shipped = splits.reader(study(name), name).shipped
        assert re.search(r"\(\S+\.\S+\)", shipped), shipped
        assert "(images, " in shipped
