"""Depth of the target's images: for the method that learns from it, for the prior, and no label is touched for it."""

import csv

import numpy as np
import pandas as pd
import pytest
from sandbox import TINY, Sandbox, merged, tempt

from dadist.config.schema import SOURCE_APPEARANCE
from dadist.data.prepared import Prepared
from dadist.data.streets import render
from dadist.evaluation.confusion import Metrics
from dadist.prior.alignment import Alignment

MODEL = "results/demo/{}/seed1/q0/model.pt"
DEPTH = merged(
    TINY,
    {
        "domains": {"own": {"dataset": "cityscapes", "root": "cityscapes", "depth": True, "unlabelled_depth": True}},
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


PAIRS = [[0.0, 0.0], [1.0, 0.0], [1.0, "found"]]
WEIGHED = merged(DEPTH, {"settings": {"demo": {"methods": ["source_only"], "weigh_prior": {"weights": PAIRS}}}})


def test_a_table_has_a_row_for_each_pair_of_weights_and_that_of_none_is_the_plain_evaluation(sandbox: Sandbox) -> None:
    answer = sandbox.snakemake("results/demo/prior.csv", "results/demo/metrics.csv", overlay=WEIGHED)
    assert answer.returncode == 0, answer.stdout
    weighed, plain = (pd.read_csv(sandbox.folder / f"results/demo/{name}.csv") for name in ("prior", "metrics"))
    unsure = Alignment.load(sandbox.folder / "results/demo/prior/alignment.json").unsure
    told = ["none", "depth 1, place 0", f"depth 1, place {round(unsure, 3):g} (found)"]
    assert list(weighed[["method", "prior"]].itertuples(index=False, name=None)) == [
        (method, one) for method in ("adabn", "source_only") for one in told
    ]
    alike = weighed[weighed.prior == "none"].reset_index(drop=True).drop(columns="code")
    pd.testing.assert_frame_equal(alike, plain.drop(columns="code"))
    assert set(plain.prior) == {"none"}
    assert not [touch for touch in sandbox.touched("own-.*labels|gtFine") if touch.actor in ("align_depth", "adapt")]
    logs = {path.name for path in (sandbox.folder / "results/logs").iterdir()}
    assert {"align_depth", "weigh_prior"} <= logs
    aligned = Alignment.load(sandbox.folder / "results/demo/prior/alignment.json")
    assert (aligned.kind, aligned.scale, aligned.offset) == ("metric", 1.0, 0.0)
    assert (sandbox.folder / "results/demo/prior/alignment.png").stat().st_size > 1000


def test_weights_of_the_setting_reach_labels_and_metrics_alone(sandbox: Sandbox) -> None:
    fused = {
        "methods": ["source_only"],
        "prior": {"depth": 1.0},
        "selftrain": {"methods": ["source_only"], "rounds": [2]},
    }
    overlay = merged(DEPTH, {"settings": {"demo": fused}})
    labels = "results/demo/source_only/seed1/q1/pseudo"
    jobs = sandbox.planned(labels, "results/demo/source_only/seed1/q0/metrics.json", overlay=overlay)
    assert jobs == ["evaluate results/demo/source_only/seed1/q0/metrics.json", f"pseudo_label {labels}"]
    answer = sandbox.snakemake(labels, "results/demo/source_only/seed1/q0/metrics.json", overlay=overlay)
    assert answer.returncode == 0, answer.stdout
    metrics = Metrics.load(sandbox.folder / "results/demo/source_only/seed1/q0/metrics.json")
    assert metrics.protocol["prior"] == "depth 1, place 0"
    without = merged(overlay, {"domains": {"own": {"unlabelled_depth": False}}})
    without = merged(without, {"settings": {"demo": {"objectives": {"corda": {"target_depth": 0.0}}}}})
    answer = sandbox.snakemake(labels, "--dry-run", overlay=without)
    assert "settings.demo.prior: expected depth files of the target's training images, got none in" in answer.stdout


def test_the_page_of_a_setting_whose_prior_weighs_depth_shows_what_it_changes(sandbox: Sandbox) -> None:
    shown = {
        "methods": ["source_only"],
        "prior": {"depth": 1.0},
        "selftrain": {"methods": []},
        "draw": {"methods": ["source_only"]},
    }
    page, overlay = "results/demo/report/index.html", merged(DEPTH, {"settings": {"demo": shown}})
    answer = sandbox.snakemake(page, overlay=overlay)
    assert answer.returncode == 0, answer.stdout
    text = (sandbox.folder / page).read_text(encoding="utf-8")
    assert "The prior at work" in text
    assert "source_only q0 with the prior (depth 1, place 0)" in text
    assert all(f'data-value="{stage}"' in text for stage in ("align_depth", "draw_prior"))
    figures = {path.name for path in (sandbox.folder / "results/demo/prior/figures").glob("*.svg")}
    assert figures == {"changed.svg", "moves.svg", "depth_given_place.svg"}  # metric depth has no curve of scales
    assert {touch.actor for touch in sandbox.touched("own-val-.*/labels")} == {
        *("prepare val", "evaluate", "weigh_prior", "draw", "draw_prior")
    }
    assert not [touch for touch in sandbox.touched() if touch.refused]
    unweighed = merged(overlay, {"settings": {"demo": {"prior": {"depth": 0.0}}}})
    assert "draw_prior results/demo/prior/figures" not in sandbox.planned(page, overlay=unweighed)
    other = merged(overlay, {"settings": {"demo": {"draw_prior": {"column": 0.1}}}})
    again = ["draw_prior results/demo/prior/figures", f"write_page {page}"]
    assert sandbox.planned(page, overlay=other) == again


def test_a_camera_that_is_given_or_found_shows_the_target_elsewhere_in_the_source(
    sandbox: Sandbox,
) -> None:
    file = "results/demo/prior/alignment.json"
    cameras = {
        "own": {"camera": {"focal": 2.0, "horizon": 0.4}},
        "demo_source": {"camera": {"focal": 1, "horizon": 0.5}},
    }
    answer = sandbox.snakemake(file, overlay=merged(WEIGHED, {"domains": cameras}))
    assert answer.returncode == 0, answer.stdout
    given = Alignment.load(sandbox.folder / file)
    assert given.camera is None
    np.testing.assert_allclose(given.view, ((0.5, 0.25), (0.5, 0.3)))
    found = merged(WEIGHED, {"settings": {"demo": {"align_depth": {"camera": "found"}}}})
    answer = sandbox.snakemake(file, overlay=found)
    assert answer.returncode == 0, answer.stdout
    lens = Alignment.load(sandbox.folder / file)
    assert lens.camera is not None
    assert {*lens.lenses} == {"focal", "horizon"}
    assert not [touch for touch in sandbox.touched("own-.*labels|gtFine") if touch.actor == "align_depth"]
