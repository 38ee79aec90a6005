"""Depth of rendered streets, sound and damaged, as files of one's own: what the doctor says of it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dadist import doctor
from dadist.classes import CLASS_SETS
from dadist.config.schema import SOURCE_APPEARANCE, Appearance
from dadist.data.inventory import SplitPlan
from dadist.data.preparation import write
from dadist.data.readers import cityscapes, folder
from dadist.data.readers.base import NoOptions
from dadist.data.streets.render import render, write_cityscapes
from dadist.doctor import FAULTS
from dadist.storage.errors import DataError

WIDTH, HEIGHT, IMAGES = 96, 48, 5
BASELINE_FOCAL = 50.0  # metres times pixels
UNLIKE = Appearance(**dict.fromkeys(Appearance.__dataclass_fields__, 1.0))
PLAN = SplitPlan("train", WIDTH, HEIGHT, "stretch", CLASS_SETS["7"], labels=False, depth=False, native=False, images=0)
Depth = NDArray[np.float64]  # metres, (H, W); inf for the sky
Change = Callable[[Depth], NDArray[Any]]


@pytest.fixture(scope="module", params=[SOURCE_APPEARANCE, UNLIKE], ids=["source", "unlike"])
def streets(request: pytest.FixtureRequest) -> list[tuple[NDArray[np.uint8], Depth]]:
    """Images and their depth, of the source's camera and of another one, with a bonnet."""
    scenes = [render(request.param, seed=1, index=one, width=WIDTH, height=HEIGHT) for one in range(IMAGES)]
    return [(scene.image, scene.depth_m.astype(np.float64)) for scene in scenes]


@pytest.fixture
def noise() -> np.random.Generator:
    return np.random.default_rng(0)


def save(path: Path, stored: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, stored)
    else:
        assert cv2.imwrite(str(path), stored)


def split(root: Path, suffix: str, kind: str, metres: float | None) -> doctor.Split:
    options = folder.Options(
        images={"train": "i/*.png"}, depth_files={"train": f"d/*{suffix}"}, depth_kind=kind, depth_metres=metres
    )
    return doctor.Split(folder.reader(options), root, PLAN, None, root / "prepared", None, depth=True)


def examine(
    streets: list[tuple[NDArray[np.uint8], Depth]],
    root: Path,
    change: Change,
    kind: str,
    metres: float | None,
    suffix: str = ".npy",
) -> doctor.Report:
    for index, (image, depth) in enumerate(streets):
        save(root / f"i/{index}.png", image[..., ::-1])
        save(root / f"d/{index}{suffix}", change(depth))
    return doctor.examine({"train": split(root, suffix, kind, metres)}, sample=24, seed=1, workers=1)


def findings(*asked: Any) -> list[doctor.Finding]:
    return examine(*asked).findings["train"]


def assert_sound(*asked: Any) -> None:
    report = examine(*asked)
    assert report.findings["train"] == []
    assert [one.depths.any() for one in report.seen["train"]] == [True] * IMAGES


def same(depth: Depth) -> NDArray[Any]:
    return depth


def inverse(depth: Depth) -> NDArray[Any]:
    return 3 / depth + 7


def picture(depth: Depth) -> NDArray[np.uint8]:
    """8 bits, near is bright."""
    return (255 * depth.min() / depth).astype(np.uint8)


def widened(depth: Depth) -> NDArray[np.uint16]:
    return picture(depth).astype(np.uint16) * 257


def smaller(depth: Depth) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(picture(depth), (WIDTH // 2, HEIGHT // 2)))


def millimetres(depth: Depth) -> NDArray[np.uint16]:
    return (1000 * depth).clip(0, 65535).astype(np.uint16)


def disparity(depth: Depth) -> NDArray[Any]:
    return BASELINE_FOCAL / depth


# --- sound depth


@pytest.mark.parametrize(
    ("change", "kind", "metres", "suffix"),
    [
        (same, "metric", 1.0, ".npy"),
        (millimetres, "metric", 0.001, ".png"),
        (disparity, "disparity", BASELINE_FOCAL, ".npy"),
        (inverse, "relative", None, ".npy"),
        (picture, "relative", None, ".png"),
        (smaller, "relative", None, ".png"),
    ],
)
def test_sound_depth_of_every_kind_has_no_fault(
    streets: Any, tmp_path: Path, change: Change, kind: str, metres: float | None, suffix: str
) -> None:
    assert_sound(streets, tmp_path, change, kind, metres, suffix)


def test_disparities_of_a_stereo_camera_have_no_fault(tmp_path: Path) -> None:
    write_cityscapes(tmp_path, UNLIKE, train=IMAGES, val=1, seed=1, width=WIDTH, height=HEIGHT, workers=1)
    reader = cityscapes.reader(NoOptions())
    whole = doctor.Split(reader, tmp_path, PLAN, None, tmp_path / "prepared", None, depth=True)
    report = doctor.examine({"train": whole}, sample=24, seed=1, workers=1)
    assert report.findings["train"] == []
    assert [one.depths.any() for one in report.seen["train"]] == [True] * IMAGES


@pytest.mark.parametrize(("kind", "metres"), [("metric", 1.0), ("relative", None)])
def test_noisy_depth_has_no_fault(
    streets: Any, tmp_path: Path, kind: str, metres: float | None, noise: np.random.Generator
) -> None:
    def change(depth: Depth) -> NDArray[Any]:
        noisy = depth * np.exp(noise.normal(0, 0.3, depth.shape))
        return noisy if kind == "metric" else 1 / noisy

    assert_sound(streets, tmp_path, change, kind, metres)


@pytest.mark.parametrize(("kind", "metres"), [("metric", 1.0), ("relative", None)])
def test_sparse_depth_below_the_horizon_as_lidar_has_it_has_no_fault(
    streets: Any, tmp_path: Path, kind: str, metres: float | None, noise: np.random.Generator
) -> None:
    def change(depth: Depth) -> NDArray[Any]:
        hit = noise.random(depth.shape) < 0.1
        hit[: HEIGHT * 4 // 10] = False
        return np.where(hit & np.isfinite(depth), depth if kind == "metric" else 1 / depth, np.nan)

    assert_sound(streets, tmp_path, change, kind, metres)


def test_one_odd_file_says_nothing_of_a_split(streets: Any, tmp_path: Path) -> None:
    odd = [lambda depth: 1 / depth, lambda depth: 100 * depth, same, same, same]
    changes = iter(odd)
    assert_sound(streets, tmp_path, lambda depth: next(changes)(depth), "metric", 1.0)


# --- wrong depth


@pytest.mark.parametrize(
    ("change", "kind", "metres", "suffix", "remedy"),
    [
        (same, "relative", None, ".npy", "set `depth_kind: metric` and `depth_metres`"),
        (lambda depth: 255 - picture(depth), "relative", None, ".png", "set `depth_kind: metric` and `depth_metres`"),
        (lambda depth: 1 / depth[::-1], "relative", None, ".npy", "turn the files"),
        (same, "disparity", BASELINE_FOCAL, ".npy", "set `depth_kind: metric` and `depth_metres`"),
        (inverse, "metric", 1.0, ".npy", "set `depth_kind: relative` and leave `depth_metres` out"),
        (disparity, "metric", 1.0, ".npy", "set `depth_kind: disparity` and `depth_metres` to baseline times"),
        (widened, "metric", 0.001, ".png", "set `depth_kind: relative` and leave `depth_metres` out"),
    ],
)
def test_depth_whose_near_is_far_is_told_with_the_kind_to_set(
    streets: Any, tmp_path: Path, change: Change, kind: str, metres: float | None, suffix: str, remedy: str
) -> None:
    (one,) = findings(streets, tmp_path, change, kind, metres, suffix)
    assert (one.fault, one.level) == ("depth-upside-down", "warning")
    assert one.file == f"{tmp_path}/d/0{suffix}"
    assert one.what.endswith(f", got the contrary in {IMAGES} of {IMAGES} images")
    assert remedy in one.remedy


@pytest.mark.parametrize("factor", [0.001, 0.01, 0.1, 10.0, 100.0, 1000.0])
@pytest.mark.parametrize(
    ("change", "kind", "metres"), [(same, "metric", 1.0), (disparity, "disparity", BASELINE_FOCAL)]
)
def test_a_wrong_unit_is_told_with_the_right_one(
    streets: Any, tmp_path: Path, change: Change, kind: str, metres: float, factor: float
) -> None:
    (one,) = findings(streets, tmp_path, change, kind, metres * factor)
    assert (one.fault, one.level, one.file) == ("depth-unit", "warning", f"{tmp_path}/d/0.npy")
    assert one.what.startswith("expected 2 to 30 m in the lowest third, as in a street, got ")
    assert one.what.endswith(f" in {IMAGES} of {IMAGES} images")
    assert "got 655 m or more" in one.what or factor < 1000
    assert one.remedy.startswith(f"set `depth_metres: {metres:g}`, which makes it ")


def test_where_no_factor_makes_a_street_none_is_named(streets: Any, tmp_path: Path) -> None:
    (one,) = findings(streets, tmp_path, same, "metric", 1e-7)
    assert one.fault == "depth-unit"
    assert "depth_metres" not in one.remedy


@pytest.mark.parametrize(("kind", "metres"), [("metric", 1.0), ("relative", None)])
def test_depth_that_most_parts_of_an_image_lack_is_told(
    streets: Any, tmp_path: Path, kind: str, metres: float | None
) -> None:
    def change(depth: Depth) -> NDArray[Any]:
        known = np.arange(WIDTH) < WIDTH // 4
        return np.where(known, depth if kind == "metric" else 1 / depth, np.nan)

    (one,) = findings(streets, tmp_path, change, kind, metres)
    assert (one.fault, one.level, one.file) == ("depth-holes", "warning", f"{tmp_path}/d/0.npy")
    assert f"got none in 75% of it in {IMAGES} of {IMAGES} images" in one.what


def test_one_distance_everywhere_is_told_and_stops_prepare(streets: Any, tmp_path: Path) -> None:
    constant = iter([False, True, False, False, False])
    (one,) = findings(
        streets, tmp_path, lambda depth: np.full_like(depth, 5) if next(constant) else depth, "metric", 1.0
    )
    assert (one.fault, one.level, one.file) == ("depth-constant", "error", f"{tmp_path}/d/1.npy")
    reader, asked = split(tmp_path, ".npy", "metric", 1.0).reader, dataclasses.replace(PLAN, depth=True)
    with pytest.raises(DataError, match=r"d/1\.npy: expected depth in centimetres, got 500 everywhere; make or copy"):
        write(reader, tmp_path, tmp_path / "prepared", asked, names=None, workers=1)


def test_one_number_everywhere_is_no_relative_depth(streets: Any, tmp_path: Path) -> None:
    found = findings(streets, tmp_path, np.ones_like, "relative", None)
    assert {one.fault for one in found} == {"depth-format"}
    assert "d/0.npy: expected relative depth, got one number everywhere" in found[0].message


@pytest.mark.parametrize(
    ("change", "kind", "metres", "remedy"),
    [
        (lambda depth: millimetres(depth)[::2, ::2], "metric", 0.001, "only that of `depth_kind: relative`"),
        (lambda depth: picture(depth)[:, ::2], "relative", None, "copy both again"),
        (lambda depth: picture(depth).T.copy(), "relative", None, "one of them lies on its side"),
    ],
)
def test_depth_of_another_size_or_shape_is_told_in_each_file(
    streets: Any, tmp_path: Path, change: Change, kind: str, metres: float | None, remedy: str
) -> None:
    found = findings(streets, tmp_path, change, kind, metres, ".png")
    assert [(one.fault, one.file) for one in found] == [
        ("size-mismatch", f"{tmp_path}/d/{index}.png") for index in range(IMAGES)
    ]
    assert all(remedy in one.remedy for one in found)


def test_a_picture_of_depth_is_refused_unless_it_is_relative(streets: Any, tmp_path: Path) -> None:
    (one,) = findings(streets, tmp_path, picture, "metric", 0.01, ".png")
    assert (one.fault, one.level) == ("depth-format", "error")
    assert "`depth_kind: relative`, which is what depth networks say, takes 8 bits" in one.remedy


def test_what_judges_a_street_is_never_an_error() -> None:
    assert {FAULTS[name].level for name in ("depth-upside-down", "depth-unit", "depth-range", "depth-holes")} == {
        "warning"
    }
