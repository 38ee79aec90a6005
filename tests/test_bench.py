"""The benchmark of ways to keep samples, on a few pixels: what it measures is the same in every lossless way."""

import csv
from pathlib import Path

import numpy as np
import pytest

from dadist import bench


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "SOURCE_SIZE", (64, 32))
    monkeypatch.setattr(bench, "REPEATS", 1)


@pytest.mark.usefixtures("small")
def test_every_way_has_a_rate_and_a_size(tmp_path: Path) -> None:
    rows = bench.run_data(32, 16, 2, tmp_path / "data.csv")
    assert [row.way for row in rows if row.images_per_s <= 0 or row.mb_per_image <= 0] == []
    (raw,) = [row for row in rows if row.way == "raw, a file a sample"]
    assert raw.mb_per_image == pytest.approx(6 * 32 * 16 / 1e6)
    assert raw.gb(1000) == pytest.approx(6 * 32 * 16 / 1e6)
    with (tmp_path / "data.csv").open(newline="") as file:
        assert [line["way"] for line in csv.DictReader(file)] == [row.way for row in rows]
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


@pytest.mark.parametrize("way", [name for name in bench.PACKINGS if "JPEG" not in name])
def test_a_lossless_way_gives_the_sample_back(way: str) -> None:
    random = np.random.default_rng(0)
    sample = (
        random.integers(0, 256, (4, 6, 3), np.uint8),
        random.integers(0, 16, (4, 6), np.uint8),
        random.integers(0, 65536, (4, 6), np.uint16),
    )
    pack, unpack = bench.PACKINGS[way]
    for before, after in zip(sample, unpack(pack(sample), (4, 6)), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.usefixtures("small")
def test_plain_loaders_and_prepare_read_the_same_labels_and_depth(tmp_path: Path) -> None:
    bench._render(tmp_path, 1)
    (_, labels, depth), (_, others, again) = (by(tmp_path, 0, (64, 32)) for by in (bench._by_pil, bench._by_opencv))
    np.testing.assert_array_equal(labels, others)
    np.testing.assert_array_equal(depth, again)
