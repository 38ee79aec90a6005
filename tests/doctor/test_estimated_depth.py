"""The doctor on depth by a network, whose maps are smaller than their images."""

import dataclasses
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import onnx_networks
import pytest

from dadist.classes import CLASS_SETS
from dadist.config.depth_sections import DepthNetwork
from dadist.data import depth_estimation
from dadist.data.depth_estimator import DepthEstimator
from dadist.data.inventory import SplitPlan
from dadist.data.readers import folder as own
from dadist.data.readers.estimated import Estimated
from dadist.data.snapshot import Snapshot
from dadist.doctor import Report, Split, examine
from dadist.doctor.picture import draw

METRES = DepthNetwork("a.onnx", 16, 8, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), kind="metric", metres=25.0)
RELATIVE = dataclasses.replace(METRES, kind="relative", metres=None)


def split_of(folder: Path, network: DepthNetwork) -> Split:
    """Six photographs of 64x32 with estimated depth of 16x8."""
    root, generator = folder / "photos", np.random.default_rng(1)
    root.mkdir()
    for number in range(6):
        assert cv2.imwrite(str(root / f"{number}.png"), generator.integers(30, 256, (32, 64, 3), np.uint8))
    plain = own.Folder(own.Options(images={"train": "*.png"}))
    file = onnx_networks.save(folder / "a.onnx")
    depth_estimation.write(
        Snapshot(plain.files(root, "train", labels=False, depth=False), root),
        folder / "depth",
        file,
        network,
        partial(DepthEstimator, file, network, "a", batch=1, threads=1),
        skip_bad=False,
        workers=1,
        code="",
        progress=lambda total: lambda done: None,
    )
    plan = SplitPlan("train", 64, 32, "stretch", CLASS_SETS["16"], labels=False, depth=True, native=False, images=0)
    return Split(Estimated(plain, folder / "depth"), root, plan, None, folder / "data", None)


def told(report: Report) -> list[str]:
    return [one.fault for one in report.findings["train"]]


@pytest.mark.parametrize("network", [METRES, RELATIVE], ids=["metric", "relative"])
def test_maps_of_the_shape_of_their_images_are_sound_and_are_drawn(tmp_path: Path, network: DepthNetwork) -> None:
    report = examine({"train": split_of(tmp_path, network)}, sample=3, seed=1, workers=1)
    assert told(report) == []
    assert [one.depth is not None and one.depth.shape == one.image.shape[:2] for one in report.seen["train"]] == [
        True
    ] * 3
    draw({"train": report.seen["train"]}, CLASS_SETS["16"], tmp_path / "doctor.png", 2, {}, 1000.0)
    assert (tmp_path / "doctor.png").stat().st_size > 0


def test_distances_of_another_unit_are_told(tmp_path: Path) -> None:
    network = dataclasses.replace(METRES, metres=0.06)
    assert "depth-unit" in told(examine({"train": split_of(tmp_path, network)}, sample=3, seed=1, workers=1))


def test_a_map_of_another_shape_is_told(tmp_path: Path) -> None:
    split = split_of(tmp_path, RELATIVE)
    assert cv2.imwrite(str(split.root / "2.png"), np.full((64, 32, 3), 99, np.uint8))
    assert "size-mismatch" in told(examine({"train": split}, sample=3, seed=1, workers=1))
