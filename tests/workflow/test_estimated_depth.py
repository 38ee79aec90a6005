"""Depth of the target by a network of the user's, from photographs to the table of the prior's weights."""

import os
import shutil
from pathlib import Path

import numpy as np
import onnx_networks
import pandas as pd
import pytest
from sandbox import TINY, Sandbox, merged, tempt

from dadist.config.schema import SOURCE_APPEARANCE
from dadist.data.prepared import Prepared
from dadist.data.streets import render
from dadist.prior.alignment import Alignment

NETWORK = {
    "file": "nets/small.onnx",
    "width": 40,
    "height": 20,
    "mean": [0.485, 0.456, 0.406],
    "deviation": [0.229, 0.224, 0.225],
    "kind": "relative",
    "batch": 3,
}
ESTIMATED = merged(
    TINY,
    {
        "data_root": "own",
        "depth_networks": {"small": NETWORK},
        "domains": {
            "own": {
                "dataset": "cityscapes",
                "root": "city scapes",
                "depth": True,
                "unlabelled_depth": True,
                "depth_network": "small",
            }
        },
        "settings": {"demo": {"target": {"domain": "own"}, "methods": ["source_only"]}},
    },
)
TABLE, MADE = "results/demo/prior.csv", ("results/depth/own-train-small", "results/depth/own-val-small")
NEAR = ((-0.2, -0.5, -0.1),)  # what is dark is near


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A target without a depth file, and labels of its training images that nobody may touch."""
    box = Sandbox(tmp_path_factory.mktemp("estimated") / "run", ESTIMATED)
    root = box.folder / "own/city scapes"
    render.write_cityscapes(root, SOURCE_APPEARANCE, train=4, val=2, seed=2, width=64, height=32, workers=1)
    for package in ("disparity", "camera"):
        shutil.rmtree(root / package)
    tempt(root)
    box.watch()
    answer = box.snakemake(TABLE)
    assert answer.returncode != 0
    assert "own/nets/small.onnx: not there (depth_networks.small.file, from data_root on)" in answer.stdout
    (box.folder / "own/nets").mkdir()
    onnx_networks.save(box.folder / "own/nets/small.onnx", weights=NEAR, kernel=3)
    answer = box.snakemake(TABLE)
    assert answer.returncode == 0, answer.stdout
    return box


def test_the_table_has_the_prior_s_weights_on_depth_that_the_network_made(sandbox: Sandbox) -> None:
    table = pd.read_csv(sandbox.folder / TABLE)
    assert {"none", "depth 1, place 0"} <= set(table.prior)
    kept = Alignment.load(sandbox.folder / "results/demo/prior/alignment.json")
    assert (kept.kind, kept.scale > 0) == ("relative", True)
    for folder, images in zip(MADE, (4, 2), strict=True):
        assert len(list((sandbox.folder / folder).glob("*.png"))) == images
    prepared = Prepared(sandbox.folder / "results/data/own-train-64x32-16-depth")
    assert (prepared.depth_kind, prepared.depth_estimated, len(prepared)) == ("relative", True, 4)
    assert [int(prepared.depth[row].max()) > 60000 for row in range(4)] == [True] * 4
    assert not np.array_equal(prepared.depth[0], prepared.depth[1])
    log = (sandbox.folder / "results/logs/prepare/own-train-64x32-16-depth.log").read_text(encoding="utf-8")
    assert "size-mismatch" not in log  # the maps are smaller than their images


def test_the_rule_is_logged_and_opened_images_and_no_label(sandbox: Sandbox) -> None:
    assert (sandbox.folder / "results/logs/estimate_depth/own-train-small.log").stat().st_size > 0
    touched = [touch for touch in sandbox.touched("city scapes") if touch.actor == "estimate_depth"]
    opened = {Path(touch.path).name for touch in touched if touch.event == "open"}
    assert len(opened) == 6
    assert all(name.endswith("_leftImg8bit.png") for name in opened)
    assert not [touch for touch in sandbox.touched() if touch.refused]


def test_what_a_change_runs_again(sandbox: Sandbox) -> None:
    def jobs(overlay: dict[str, object]) -> set[str]:
        return {job.split()[0] for job in sandbox.planned(TABLE, overlay=overlay)}

    assert jobs(ESTIMATED) == set()
    assert jobs(merged(ESTIMATED, {"depth_networks": {"small": {"batch": 1}}})) == set()
    assert {"estimate_depth", "prepare", "align_depth"} <= jobs(
        merged(ESTIMATED, {"depth_networks": {"small": {"width": 64}}})
    )
    image = next((sandbox.folder / "own/city scapes/leftImg8bit/val").rglob("*.png"))
    before = image.stat()
    os.utime(image, (1, 1))
    again = sandbox.planned(TABLE)
    os.utime(image, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert [job for job in again if job.startswith("estimate_depth")] == [f"estimate_depth {MADE[1]}"]
