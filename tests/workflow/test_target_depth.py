"""Depth of the target's training images: for the method that learns from it, and no label is touched for it."""

import csv
import shutil

import pytest
from sandbox import TINY, Sandbox, merged, tempt

from dadist.config.schema import SOURCE_APPEARANCE
from dadist.data.prepared import Prepared
from dadist.data.streets import render

MODEL = "results/demo/{}/seed1/q0/model.pt"
DEPTH = merged(
    TINY,
    {
        "domains": {"own": {"dataset": "cityscapes", "root": "cityscapes", "depth": False, "unlabelled_depth": True}},
        "data_root": "own",
        "settings": {"demo": {"target": {"domain": "own"}, "objectives": {"corda": {"target_depth": 0.5}}}},
    },
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A target with disparities of its training images, and labels that nobody may touch."""
    box = Sandbox(tmp_path_factory.mktemp("depth") / "run", DEPTH)
    root = box.folder / "own/cityscapes"
    render.write_cityscapes(root, SOURCE_APPEARANCE, train=4, val=2, seed=2, width=64, height=32, workers=1)
    for package, ending in (("disparity", "disparity.png"), ("camera", "camera.json")):
        made = next((root / package / "val").rglob(f"*_{ending}"))
        for image in (root / "leftImg8bit/train").rglob("*.png"):
            folder = root / package / "train" / image.parent.name
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(made, folder / image.name.replace("leftImg8bit.png", ending))
    tempt(root)
    box.watch()
    answer = box.snakemake(MODEL.format("source_only"), MODEL.format("corda"))
    assert answer.returncode == 0, answer.stdout
    return box


def test_the_method_learned_from_depth_and_no_label_was_touched(sandbox: Sandbox) -> None:
    losses = (sandbox.folder / MODEL.format("corda")).with_name("losses.csv")
    with losses.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["mixed_depth"]) > 0
    assert not sandbox.touched("gtFine")
    measured = Prepared(sandbox.folder / "results/data/own-train-64x32-16-depth")
    assert measured.has_depth
    assert not (measured.folder / "labels.npy").exists()


def test_other_methods_read_the_images_alone_and_are_not_trained_again_for_it(sandbox: Sandbox) -> None:
    readers = {touch.actor for touch in sandbox.touched("own-train-64x32-16-depth/")} - {"snakemake"}
    assert readers == {"adapt"}
    assert not Prepared(sandbox.folder / "results/data/own-train-64x32-16").has_depth
    without = merged(DEPTH, {"domains": {"own": {"unlabelled_depth": False}}})
    without = merged(without, {"settings": {"demo": {"objectives": {"corda": {"target_depth": 0.0}}}}})
    jobs = sandbox.planned(MODEL.format("source_only"), MODEL.format("corda"), overlay=without)
    assert jobs == [f"adapt {MODEL.format('corda')}"]
