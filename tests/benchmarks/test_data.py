"""The benchmark of ways to keep samples, on a few pixels: what it measures is the same in every lossless way."""

import csv
from pathlib import Path

import numpy as np
import pytest

from benchmarks import data as bench
from benchmarks.__main__ import main
from dadist.classes import CLASS_SETS
from dadist.data.inventory import Inventory, SplitPlan
from dadist.data.preparation import write
from dadist.data.prepared import Prepared
from dadist.data.readers import synthia


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SIZES", {"synthia": (64, 32), "cityscapes": (64, 32)})
    monkeypatch.setattr(bench, "REPEATS", 1)


@pytest.mark.usefixtures("small")
def test_every_way_has_a_rate_and_a_size(tmp_path: Path) -> None:
    rows = bench.run_data(32, 16, 2, tmp_path / "data.csv")
    assert [row.way for row in rows if row.images_per_s <= 0 or row.mb_per_image <= 0] == []
    raw = {row.dataset: row for row in rows if row.way == "raw, a file an array"}
    assert raw["synthia"].mb_per_image == pytest.approx(6 * 32 * 16 / 1e6)
    assert raw["cityscapes"].mb_per_image == pytest.approx(3 * 32 * 16 / 1e6)
    assert raw["synthia"].gb() == pytest.approx(9.4 * 6 * 32 * 16 / 1e6)
    with (tmp_path / "data.csv").open(newline="") as file:
        table = [(line["dataset"], line["way"]) for line in csv.DictReader(file)]
    assert table == [(row.dataset, row.way) for row in rows]
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


@pytest.mark.parametrize("way", [name for name in bench.PACKINGS if "JPEG" not in name])
def test_a_lossless_way_gives_the_sample_back(way: str) -> None:
    random = np.random.default_rng(0)
    sample = [
        random.integers(0, 256, (4, 6, 3), np.uint8),
        random.integers(0, 16, (4, 6), np.uint8),
        random.integers(0, 65536, (4, 6), np.uint16),
    ]
    pack, unpack = bench.PACKINGS[way]
    for before, after in zip(sample, unpack(pack(sample), (6, 4)), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.usefixtures("small")
def test_plain_loaders_and_prepare_read_the_same_pixels(tmp_path: Path) -> None:
    bench._render(tmp_path, 1)
    plan = SplitPlan("all", 64, 32, "stretch", CLASS_SETS["16"], labels=True, depth=True, native=False, images=0)
    reader = synthia.reader(synthia.Options())
    (scene,) = Inventory(reader, tmp_path / "synthia", plan, None).scenes
    write(reader, tmp_path / "synthia", tmp_path / "prepared", plan, names=None, workers=1)
    arrays = bench._by_rows(Prepared(tmp_path / "prepared"), 0)
    for plain in (bench._by_pil(scene, (64, 32)), bench._by_opencv(scene, (64, 32))):
        for ours, theirs in zip(arrays, plain, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_it_prints_a_line_per_way_and_writes_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--width", "64", "--height", "32", "--images", "1", "--out", str(tmp_path / "data.csv")]
    assert main(["data", *words]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) > 10
    assert any("prepared arrays, warm" in line for line in printed)
    assert (tmp_path / "data.csv").is_file()
