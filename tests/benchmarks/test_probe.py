"""The probe of a source, on a few pixels: what it learns, what it counts, and what it refuses."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import data, probe
from benchmarks.__main__ import main
from dadist.classes import CLASS_SETS
from dadist.data.inventory import Inventory, SplitPlan
from dadist.data.preparation import write
from dadist.data.readers import synthia

PLAN = SplitPlan("all", 64, 32, "stretch", CLASS_SETS["16"], labels=True, depth=True, native=False, images=0)


@pytest.fixture(scope="module")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared source of three images."""
    folder = tmp_path_factory.mktemp("streets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "SIZES", {"synthia": (64, 32), "cityscapes": (64, 32)})
        data.render_data_sets(folder, 3)
    return _prepared(folder, "source", PLAN)


def _prepared(folder: Path, name: str, plan: SplitPlan) -> Path:
    reader = synthia.reader(synthia.Options())
    write(reader, folder / "synthia", folder / name, plan, names=None, workers=1)
    assert Inventory(reader, folder / "synthia", plan, None).scenes
    return folder / name


def test_a_source_tells_more_of_itself_than_chance(streets: Path, tmp_path: Path) -> None:
    out = tmp_path / "probe.csv"
    assert main(["probe", str(streets), str(streets), "--images", "3", "--out", str(out)]) == 0
    with out.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["source"], row["target"], row["images"]) == (str(streets), str(streets), "3")
    assert float(row["road"]) > 50
    assert float(row["mIoU"]) > 12


def test_the_classifier_is_the_one_that_was_fitted_and_never_says_a_class_it_did_not_see() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(300, 3)).astype(np.float32) * (1, 10, 100) + (5, 0, -50)
    classes = np.where(values[:, 1] > 0, 3, 1).astype(np.uint8)
    found = probe.fitted(values.astype(np.float32), classes)
    assert found.out_channels == 4
    maps = torch.from_numpy(values.astype(np.float32)).T[None, :, :, None]
    said = found(maps).argmax(1).flatten().numpy()
    assert set(said) == {1, 3}
    assert (said == classes).mean() > 0.97


def test_unlike_classes_and_splits_without_labels_are_refused(
    streets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seven = _prepared(streets.parent, "seven", replace(PLAN, classes=CLASS_SETS["7"]))
    assert main(["probe", str(streets), str(seven), "--out", str(tmp_path / "probe.csv")]) == 2
    assert f"{seven}: expected the classes of {streets}, road, " in capsys.readouterr().err
    blind = _prepared(streets.parent, "blind", replace(PLAN, labels=False, depth=False))
    assert main(["probe", str(streets), str(blind), "--out", str(tmp_path / "probe.csv")]) == 2
    assert f"{blind}: expected a split with labels, got none" in capsys.readouterr().err
