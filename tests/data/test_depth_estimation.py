"""Depth files by a network of the user's: numbers by hand, networks that are none, and a process that is killed."""

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx_networks
import pytest
import slow_stage
from onnx import TensorProto
from sandbox import ROOT

from dadist.classes import CLASS_SETS
from dadist.config.depth_sections import DepthNetwork
from dadist.data import depth_estimation, preparation
from dadist.data.depth_estimator import DepthEstimator
from dadist.data.inventory import SplitPlan
from dadist.data.prepared import Prepared
from dadist.data.readers import depth_files
from dadist.data.readers import folder as own
from dadist.data.readers.base import read_image
from dadist.data.readers.estimated import INDEX, Estimated, depth_file
from dadist.data.snapshot import Snapshot
from dadist.doctor import before_prepare
from dadist.storage import seal
from dadist.storage.errors import DataError

WIDTH, HEIGHT = 8, 4
# The channels as they are in files, 0 to 255.
BYTES: dict[str, Any] = {"mean": (0.0, 0.0, 0.0), "deviation": (1 / 255,) * 3}
METRIC = DepthNetwork("small.onnx", WIDTH, HEIGHT, kind="metric", metres=0.5, **BYTES)
RELATIVE = dataclasses.replace(METRIC, kind="relative", metres=None)
DISPARITY = dataclasses.replace(METRIC, kind="disparity", metres=100.0)
OPTIONS = {"images": {"train": "**/*.png"}}


def reader() -> own.Folder:
    return own.Folder(own.Options(**OPTIONS))


def photograph(path: Path, red: np.ndarray) -> None:
    """An image whose red is as given; of the other channels a network here may know nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.dstack([np.full_like(red, 9), np.full_like(red, 77), red])
    assert cv2.imwrite(str(path), image.astype(np.uint8))


def ramp(*, width: int = WIDTH, height: int = HEIGHT, first: int = 1) -> np.ndarray:
    return np.arange(first, first + width * height).reshape(height, width)


def estimated(
    root: Path, folder: Path, file: Path, network: DepthNetwork, *, batch: int = 1, skip_bad: bool = False
) -> Estimated:
    plain = reader()
    depth_estimation.write(
        Snapshot(plain.files(root, "train", labels=False, depth=False), root),
        folder,
        file,
        network,
        partial(DepthEstimator, file, network, "small", batch=batch, threads=1),
        skip_bad=skip_bad,
        workers=2,
        code="",
        progress=lambda total: lambda done: None,
    )
    return Estimated(plain, folder)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def depth_of(found: Estimated, root: Path) -> dict[str, np.ndarray]:
    scenes = found.files(root, "train", labels=False, depth=True)
    return {one.name: found.read_depth(one.depth) for one in scenes if one.depth is not None}


# --- numbers


@pytest.fixture
def root(tmp_path: Path) -> Path:
    photograph(tmp_path / "root/a/ulm.png", ramp())
    photograph(tmp_path / "root/ulm.png", ramp(first=100))
    return tmp_path / "root"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return onnx_networks.save(tmp_path / "small.onnx")


def test_metres_become_centimetres(root: Path, file: Path, tmp_path: Path) -> None:
    found = estimated(root, tmp_path / "depth", file, METRIC)
    depth = depth_of(found, root)
    assert (found.depth_kind, found.depth_estimated, set(depth)) == ("metric", True, {"a/ulm", "ulm"})
    np.testing.assert_array_equal(depth["a/ulm"], 50 * ramp())  # half a metre each
    np.testing.assert_array_equal(depth["ulm"], 50 * ramp(first=100))
    index = json.loads((tmp_path / "depth" / INDEX).read_text(encoding="utf-8"))
    assert (index["unit"], index["network"]["metres"]) == ("cm", 0.5)


def test_what_is_beyond_16_bits_is_far_and_what_is_not_above_0_is_no_distance(root: Path, tmp_path: Path) -> None:
    file = onnx_networks.save(tmp_path / "small.onnx", weights=((1.0, 0.0, -1.0),))  # blue is 9
    photograph(root / "ulm.png", ramp())
    depth = depth_of(estimated(root, tmp_path / "depth", file, dataclasses.replace(METRIC, metres=50.0)), root)["ulm"]
    np.testing.assert_array_equal(depth, np.where(ramp() > 9, (5000 * (ramp() - 9)).clip(0, 65535), 0))
    assert depth.max() == 65535


def test_a_disparity_becomes_centimetres_and_none_is_far(root: Path, file: Path, tmp_path: Path) -> None:
    photograph(root / "ulm.png", ramp(first=0))
    depth = depth_of(estimated(root, tmp_path / "depth", file, DISPARITY), root)["ulm"]
    assert depth[0, :5].tolist() == [65535, 10000, 5000, 3333, 2500]  # 100 m, 50 m, 33.33 m, 25 m


def test_relative_depth_goes_from_1_to_65535_in_each_image(root: Path, file: Path, tmp_path: Path) -> None:
    found = estimated(root, tmp_path / "depth", file, RELATIVE)
    assert found.depth_kind == "relative"
    for depth in depth_of(found, root).values():
        np.testing.assert_array_equal(depth, 1 + np.rint(65534 * (ramp() - 1) / (WIDTH * HEIGHT - 1)))


def test_the_channels_are_red_green_blue_and_scaled_as_the_section_says(root: Path, tmp_path: Path) -> None:
    file = onnx_networks.save(tmp_path / "small.onnx", weights=((1.0, 10.0, 100.0),))
    scaled = dataclasses.replace(METRIC, metres=0.1, mean=(0.1, 0.2, 0.0), deviation=(1.0, 0.5, 0.25))
    depth = depth_of(estimated(root, tmp_path / "depth", file, scaled), root)["ulm"]
    said = ramp(first=100) / 255 - 0.1 + 10 * (77 / 255 - 0.2) / 0.5 + 100 * (9 / 255) / 0.25
    np.testing.assert_allclose(depth, 10 * said, atol=0.51)


@pytest.mark.parametrize(
    ("size", "expected"),
    [((16, 4), (16, 4)), ((30, 20), (6, 4)), ((6, 3), (6, 3)), ((9, 37), (1, 4)), ((8, 4), (8, 4))],
)
def test_a_map_has_the_shape_of_its_image_and_as_many_rows_as_the_network_gives(
    file: Path, tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    photograph(tmp_path / "root/x.png", np.linspace(20, 200, size[0] * size[1]).reshape(size[::-1]))
    found = estimated(tmp_path / "root", tmp_path / "depth", file, METRIC)
    (depth,) = depth_of(found, tmp_path / "root").values()
    assert depth.shape == expected[::-1]
    prepared(found, tmp_path / "root", tmp_path / "data")


PLAN = SplitPlan("train", 8, 4, "stretch", CLASS_SETS["16"], labels=False, depth=True, native=False, images=0)


def prepared(found: Estimated, root: Path, folder: Path, **changes: Any) -> Prepared:
    """As the stage prepares it."""
    plan = dataclasses.replace(PLAN, **changes)
    before_prepare(found, root, plan, None, folder, workers=1)
    preparation.write(found, root, folder, plan, names=None, workers=1)
    return Prepared(folder)


@pytest.mark.parametrize("network", [METRIC, RELATIVE])
def test_a_prepared_split_holds_the_estimated_depth_and_says_so(
    root: Path, file: Path, tmp_path: Path, network: DepthNetwork
) -> None:
    found = estimated(root, tmp_path / "depth", file, network)
    made = prepared(found, root, tmp_path / "data")
    assert (made.depth_kind, made.depth_estimated, made.names) == (network.kind, True, ["a/ulm", "ulm"])
    np.testing.assert_array_equal(made.depth[1], depth_of(found, root)["ulm"])


@pytest.mark.parametrize(("network", "metres"), [(METRIC, 0.01), (RELATIVE, None)])
def test_others_read_the_files_as_such_of_their_kind(
    root: Path, file: Path, tmp_path: Path, network: DepthNetwork, metres: float | None
) -> None:
    found = estimated(root, tmp_path / "depth", file, network)
    for name, depth in depth_of(found, root).items():
        path = depth_file(tmp_path / "depth", name)
        np.testing.assert_array_equal(depth_files.read(path, network.kind, metres), depth)


# --- batches


def several(root: Path, count: int = 7, seed: int = 0) -> Path:
    for number, image in enumerate(np.random.default_rng(seed).integers(0, 256, (count, HEIGHT, WIDTH))):
        photograph(root / f"{number}.png", image)
    return root


@pytest.mark.parametrize("images", ["images", 1, 3])
def test_a_file_with_a_fixed_number_of_images_works_by_itself(tmp_path: Path, images: int | str) -> None:
    root = several(tmp_path / "root")
    file = onnx_networks.save(tmp_path / "small.onnx", shape=(images, 3, HEIGHT, WIDTH))
    estimator = DepthEstimator(file, METRIC, "small", batch=2, threads=1)
    assert estimator.batch == (2 if images == "images" else images)
    for name, depth in depth_of(estimated(root, tmp_path / "depth", file, METRIC, batch=2), root).items():
        np.testing.assert_array_equal(depth, 50 * read_image(root / f"{name}.png")[..., 0].astype(int))


def test_half_precision_and_maps_without_a_channel_are_taken(root: Path, tmp_path: Path) -> None:
    file = onnx_networks.save(tmp_path / "small.onnx", kind=TensorProto.FLOAT16)
    depth = depth_of(estimated(root, tmp_path / "depth", file, METRIC), root)
    np.testing.assert_allclose(depth["ulm"], 50 * ramp(first=100), rtol=2e-3)
    flat = onnx_networks.save(tmp_path / "flat.onnx", output=("images", "rows", "columns"), squeezed=True)
    depth = depth_of(estimated(root, tmp_path / "other", flat, METRIC, batch=3), root)
    np.testing.assert_array_equal(depth["ulm"], 50 * ramp(first=100))


# --- what is no depth network


def refused(root: Path, folder: Path, file: Path, network: DepthNetwork = METRIC) -> str:
    with pytest.raises(DataError) as caught:
        estimated(root, folder, file, network)
    assert not folder.exists()
    return str(caught.value)


def test_a_file_that_is_no_onnx_is_named(root: Path, tmp_path: Path) -> None:
    (tmp_path / "small.onnx").write_bytes(b"no network")
    file = tmp_path / "small.onnx"
    told = refused(root, tmp_path / "depth", file)
    assert told.startswith(f"{file}: expected an ONNX file with its weights in it (depth_networks.small.file), got ")


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (
            {"shape": ("images", 3, 6, 12)},
            r"expected one input of \(images, 3, 4, 8\) .*, as depth_networks.small says, got image tensor\(float\) "
            r"\['images', 3, 6, 12\]; set depth_networks.small.width: 12 and height: 6",
        ),
        ({"shape": ("images", 3, "height", 9)}, r"set depth_networks.small.width: 9 and height: 4$"),
        ({"shape": ("images", 1, 4, 8), "weights": ((1.0,),)}, r"got .*\['images', 1, 4, 8\]; export the network"),
        ({"kind": TensorProto.UINT8}, r"in float32 or float16, got image tensor\(uint8\)"),
        (
            {"weights": ((1.0, 0.0, 0.0),) * 2},
            r"expected 1 maps in the .*8x4, .* got \(1, 2, 4, 8\) of depth; ex",
        ),
        ({"then": ("GlobalAveragePool",)}, r"got \(1, 1, 1, 1\) of depth; export"),
        ({"outputs": 2}, r"expected one output, got depth, depth1; name that of depth in depth_networks.small.output"),
    ],
)
def test_a_network_that_takes_or_gives_something_else_is_refused(
    root: Path, tmp_path: Path, made: dict[str, Any], told: str
) -> None:
    file = onnx_networks.save(tmp_path / "small.onnx", **made)
    with pytest.raises(DataError, match=told):
        estimated(root, tmp_path / "depth", file, METRIC)


def test_the_output_of_that_name_is_taken_and_an_unknown_one_refused(root: Path, tmp_path: Path) -> None:
    file = onnx_networks.save(tmp_path / "small.onnx", outputs=2)
    depth_of(estimated(root, tmp_path / "depth", file, dataclasses.replace(METRIC, output="depth1")), root)
    told = refused(root, tmp_path / "other", file, dataclasses.replace(METRIC, output="dept"))
    assert "expected the output dept of depth_networks.small.output, got depth, depth1; did you mean 'depth'?" in told


def test_what_the_network_cannot_run_on_is_told_with_the_keys(root: Path, tmp_path: Path) -> None:
    file = onnx_networks.save(tmp_path / "small.onnx", shape=("images", "channels", "height", "width"))
    wrong = onnx_networks.save(tmp_path / "wrong.onnx", shape=("images", "c", "h", "w"), weights=((1.0,) * 4,))
    estimated(root, tmp_path / "depth", file, METRIC)
    told = refused(root, tmp_path / "other", wrong)
    assert f"{wrong}: expected an answer to 1 images of 8x4, got " in told
    assert "set width and height of depth_networks.small" in told


def test_numbers_that_are_no_depth_are_told_with_the_image_and_the_keys(root: Path, file: Path, tmp_path: Path) -> None:
    log = onnx_networks.save(tmp_path / "log.onnx", then=("Log",))
    photograph(root / "a/ulm.png", ramp(first=0))
    told = refused(root, tmp_path / "depth", log)
    assert told.startswith(f"{root / 'a/ulm.png'}: expected depth of {log}, got 1 of 32 numbers that are not finite; ")
    assert "compare mean and deviation of depth_networks.small" in told

    photograph(root / "a/ulm.png", np.full((HEIGHT, WIDTH), 40))
    told = refused(root, tmp_path / "depth", file)
    assert told.startswith(f"{root / 'a/ulm.png'}: expected depth of {file}, got 40 everywhere; compare mean")

    negative = onnx_networks.save(tmp_path / "negative.onnx", then=("Neg",))
    photograph(root / "a/ulm.png", ramp())
    told = refused(root, tmp_path / "depth", negative)
    assert "got -32 to -1, none above 0; compare depth_networks.small.kind with what the network gives" in told


def test_without_onnx_runtime_the_package_is_named(
    root: Path, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match=r"extra 'export', found no onnxruntime; pip install onnxruntime$"):
        estimated(root, tmp_path / "depth", file, METRIC)


# --- bad files


def test_all_images_that_cannot_be_read_are_named_once_the_others_are_done(file: Path, tmp_path: Path) -> None:
    root, folder = several(tmp_path / "root"), tmp_path / "depth"
    cut(root / "1.png")
    cut(root / "4.png")
    told = refused(root, folder, file)
    assert [str(root / f"{name}.png") in told for name in (0, 1, 4)] == [False, True, True]
    assert told.endswith("or `skip_bad: true` in the domain leaves such images out")
    photograph(root / "1.png", ramp())
    photograph(root / "4.png", ramp())
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob(".depth.partial-*/content/*.png")}
    assert len(before) == 5
    estimated(root, folder, file, METRIC)
    after = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.png")}
    assert {name: after[name] for name in before} == before
    assert len(after) == 7


def test_an_image_that_changed_since_it_was_done_is_done_again(file: Path, tmp_path: Path) -> None:
    root, folder = several(tmp_path / "root"), tmp_path / "depth"
    cut(root / "1.png")
    refused(root, folder, file)
    photograph(root / "1.png", ramp())
    photograph(root / "3.png", ramp())
    np.testing.assert_array_equal(depth_of(estimated(root, folder, file, METRIC), root)["3"], 50 * ramp())


def test_bad_images_that_are_left_out_have_no_depth_and_are_left_out_of_the_split(file: Path, tmp_path: Path) -> None:
    root, folder = several(tmp_path / "root"), tmp_path / "depth"
    cut(root / "1.png")
    found = estimated(root, folder, file, METRIC, batch=2, skip_bad=True)
    assert not depth_file(folder, "1").exists()
    assert prepared(found, root, tmp_path / "data", skip_bad=True).names == ["0", "2", "3", "4", "5", "6"]
    photograph(root / "1.png", ramp())
    with pytest.raises(
        DataError, match=r"1.png: expected a depth file, got none, since it could not be read when depth"
    ):
        prepared(found, root, tmp_path / "again")


# --- the folder


def damaged(folder: Path) -> None:
    photograph(folder / "ulm.png", ramp())


def swapped(folder: Path) -> None:
    (folder / "ulm.png").write_bytes((folder / "a/ulm.png").read_bytes())


@pytest.mark.parametrize("harm", [damaged, swapped])
def test_a_depth_file_that_is_not_the_one_that_was_written_is_refused(
    root: Path, file: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    found = estimated(root, tmp_path / "depth", file, METRIC)
    harm(tmp_path / "depth")
    with pytest.raises(DataError, match=r"ulm.png: expected the depth that index.json lists, got another file; delete"):
        found.read_depth(tmp_path / "depth/ulm.png")


def test_an_index_that_was_edited_is_refused(root: Path, file: Path, tmp_path: Path) -> None:
    estimated(root, tmp_path / "depth", file, METRIC)
    index = tmp_path / "depth" / INDEX
    index.write_text(index.read_text(encoding="utf-8").replace('"cm"', '"mm"'), encoding="utf-8")
    with pytest.raises(DataError, match="expected the index of estimated depth, got a damaged file"):
        Estimated(reader(), tmp_path / "depth")


@pytest.mark.parametrize(
    ("change", "again"), [({}, False), ({"batch": 5, "file": "moved.onnx"}, False), ({"metres": 2.0}, True)]
)
def test_it_is_made_again_where_a_number_of_it_may_change(
    root: Path, file: Path, tmp_path: Path, change: dict[str, Any], again: bool
) -> None:
    estimated(root, tmp_path / "depth", file, METRIC)
    before = (tmp_path / "depth/ulm.png").stat().st_mtime_ns
    estimated(root, tmp_path / "depth", file, dataclasses.replace(METRIC, **change))
    assert ((tmp_path / "depth/ulm.png").stat().st_mtime_ns != before) == again


def test_another_network_of_the_same_name_makes_it_again(root: Path, file: Path, tmp_path: Path) -> None:
    first = depth_of(estimated(root, tmp_path / "depth", file, METRIC), root)["ulm"]
    onnx_networks.save(file, weights=((2.0, 0.0, 0.0),))
    second = depth_of(estimated(root, tmp_path / "depth", file, METRIC), root)["ulm"]
    np.testing.assert_array_equal(second, 2 * first)


# --- killed


def started(root: Path, folder: Path, file: Path, log: Path) -> subprocess.Popen[bytes]:
    params = {
        "reader": "dadist.data.readers.folder",
        "options": OPTIONS,
        "split": "train",
        "skip_bad": False,
        "name": "small",
        "network": dataclasses.asdict(RELATIVE),
    }
    flags = ("--workers", "1", "--batch", "4", "--root", root, "--names", "--network", file, "--depth", folder)
    command = [
        sys.executable,
        "-c",
        slow_stage.SCRIPT,
        "dadist.data.depth_estimation",
        "estimate_depth",
        "0.03",
        str(log),
        "--params",
        json.dumps(params),
        *map(str, flags),
    ]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def test_killed_in_the_middle_it_goes_on_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    root = several(tmp_path / "root", count=42)
    file = onnx_networks.save(tmp_path / "small.onnx", weights=((0.3, 0.59, 0.11),), kernel=3, then=("Sqrt",))
    assert started(root, tmp_path / "whole", file, tmp_path / "undisturbed.log").wait(60) == 0
    folder, log = tmp_path / "depth", tmp_path / "opened.log"
    process = started(root, folder, file, log)
    end = time.monotonic() + 60
    while len(list(tmp_path.glob(".depth.partial-*/content/*.png"))) < 9:
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.005)
    process.kill()  # SIGKILL
    assert process.wait() == -9
    assert not folder.exists()
    log.unlink()
    assert started(root, folder, file, log).wait(60) == 0
    assert 0 < len(log.read_text(encoding="utf-8").splitlines()) <= 42 - 8  # two whole groups were done before
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert names == sorted(path.name for path in folder.iterdir())
    assert len(names) == 42 + 1
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert seal.load(folder / INDEX, version=1, what="", remedy="")["depth_kind"] == "relative"
