"""The benchmark of data, on a few pixels: every way has a time, and plain loops read what `prepare` wrote."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import data
from benchmarks.__main__ import main
from dadist.classes import CLASS_SETS
from dadist.data.inventory import Inventory, SplitPlan
from dadist.data.preparation import write
from dadist.data.prepared import Prepared
from dadist.data.readers import synthia


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "SIZES", {"synthia": (64, 32), "cityscapes": (64, 32)})


def test_every_way_of_every_case_has_a_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, threads = tmp_path / "data.csv", torch.get_num_threads()
    words = ["--width", "32", "--height", "16", "--images", "2", "--repeats", "1"]
    assert main(["data", *words, "--out", str(out)]) == 0
    assert torch.get_num_threads() == threads
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(float(row["seconds"]) > 0 for row in rows)
    cases = {row["case"]: [one["way"] for one in rows if one["case"] == row["case"]] for row in rows}
    reading = [
        "ours, batches of a training",
        "prepared arrays, first time",
        "prepared arrays, again",
        "prepared arrays, first time, cold disk",
    ]
    assert cases == {
        f"{case} a sample of {name}, 32x16": [*ways, data.PIL, data.OPENCV]
        for name in ("synthia", "cityscapes")
        for case, ways in (("preparing", ["ours"]), ("reading", reading))
    }
    assert "| preparing a sample of synthia, 32x16 | ours |" in capsys.readouterr().out


def test_plain_loops_read_the_pixels_that_prepare_wrote(tmp_path: Path) -> None:
    data.render_data_sets(tmp_path, 1)
    plan = SplitPlan("all", 64, 32, "stretch", CLASS_SETS["16"], labels=True, depth=True, native=False, images=0)
    reader = synthia.reader(synthia.Options())
    (scene,) = Inventory(reader, tmp_path / "synthia", plan, None).scenes
    write(reader, tmp_path / "synthia", tmp_path / "prepared", plan, names=None, workers=1)
    arrays = data.by_rows(Prepared(tmp_path / "prepared"), 0)
    for plain in (data.by_pil(scene, (64, 32)), data.by_opencv(scene, (64, 32))):
        for ours, theirs in zip(arrays, plain, strict=True):
            np.testing.assert_array_equal(ours, theirs)
