"""The benchmark of rendering: painters of flat polygons see the same street, and every way has a time."""

import argparse
import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import rendering as bench
from dadist.data.streets import render


@pytest.mark.parametrize("name", list(bench.FILLS))
def test_a_plain_painter_sees_the_classes_and_the_depth_that_we_see(name: str) -> None:
    ours = render.render(bench.LOOK, seed=1, index=2, width=320, height=190)
    image, labels, depth_m = bench.painted(bench.FILLS[name], 2, (320, 190))
    assert (image.shape, image.dtype) == (ours.image.shape, np.uint8)
    assert (labels == ours.labels).mean() > 0.95
    same = (labels == ours.labels) & np.isfinite(ours.depth_m)
    assert np.median(np.abs(depth_m[same] / ours.depth_m[same] - 1)) < 0.01


def test_every_way_of_every_size_has_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "SIZES", ((96, 48),))
    monkeypatch.setattr(bench, "AGREE", 0.8)
    threads = cv2.getNumThreads()
    bench.run(argparse.Namespace(scenes=1, repeats=1, out=tmp_path / "rendering.csv"))
    assert cv2.getNumThreads() == threads
    with (tmp_path / "rendering.csv").open(newline="") as file:
        ways = [row["way"] for row in csv.DictReader(file)]
    assert ways == [
        "ours",
        "ours, the scene alone",
        "ours, without the colour",
        "PIL, flat colours",
        "OpenCV, flat colours",
    ]
    assert "| a street of 96x48 | PIL, flat colours |" in capsys.readouterr().out


def test_a_painter_that_sees_something_else_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(corners: object, colours: object, size: tuple[int, int]) -> tuple[object, object]:
        return np.zeros((size[1], size[0], 3)), np.zeros((size[1], size[0]), int)

    monkeypatch.setattr(bench, "FILLS", {"nothing": nothing})
    with pytest.raises(ValueError, match="nothing, scene 0: expected 90% of our classes, got"):
        bench.rendering((96, 48), 1, 1)
