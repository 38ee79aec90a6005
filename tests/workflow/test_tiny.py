"""The whole workflow on a few small images: what it makes, and what it makes again."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from sandbox import COMPONENTS, KINDS, PAGE, TARGETS, TINY, Sandbox, merged

from dadist.classes import CLASS_SETS
from dadist.evaluation.confusion import Metrics
from dadist.evaluation.depth import NAMES
from dadist.report.image_grid import GAP
from dadist.report.tables import PROTOCOL
from dadist.selftraining.pseudo_labels import PseudoLabels

SELF_TRAINED = "results/demo/depth_distribution/seed1"

# Jobs of each rule in the tiny demo.
JOBS = {
    "render": 2,  # source and target
    "prepare": 3,  # source, target to train on, target to validate on
    "fit_gmm": 1,
    "compare_components": 1,
    "cluster_patches": 1,
    "adapt": len(KINDS) + 1,  # the warm-up, which the others start from
    "pseudo_label": 2,  # rounds
    "refine_labels": 2,
    "selftrain": 2,
    "evaluate": len(KINDS) + 2,  # and the two rounds
    "collect": 1,
    "draw": 1,
    "embed": 1,
    "draw_figures": 1,
    "write_page": 1,
}


def test_every_rule_runs_and_logs_under_its_name(tiny: Sandbox) -> None:
    for kind in ("logs", "benchmarks"):
        files = {path.name: len(list(path.iterdir())) for path in (tiny.folder / "results" / kind).iterdir()}
        assert files == JOBS


def test_the_terminal_has_a_line_per_job_and_ends_with_the_table_and_the_page(tiny: Sandbox) -> None:
    shown = (tiny.folder / "shown.txt").read_text(encoding="utf-8").splitlines()
    jobs = [line for line in shown if line.startswith("[")]
    assert len(jobs) == sum(JOBS.values()) - 2  # the streets were there
    assert "[ 1/" in jobs[0]
    assert shown[-1] == f"page: {PAGE}"
    (head,) = [place for place, line in enumerate(shown) if line.startswith(f"{TARGETS[0]}: mIoU in percent, seed 1")]
    assert shown[head + 1].split() == ["method", "q0", "q1", "q2"]
    assert [line.split()[0] for line in shown[head + 2 :][: len(KINDS)]] == [*KINDS]
    assert not [line for line in shown if "--params" in line or line.startswith("    ")]


def test_no_stage_warns(tiny: Sandbox) -> None:
    logs = [path.read_text(encoding="utf-8") for path in (tiny.folder / "results/logs").rglob("*.log")]
    assert not [line for log in logs for line in log.splitlines() if "Warning" in line]


def test_the_table_has_a_row_a_model_with_its_protocol(tiny: Sandbox) -> None:
    table = pd.read_csv(tiny.folder / TARGETS[0])
    columns = ["setting", "method", "seed", "round", "miou", "miou_star", *CLASS_SETS["16"].names]
    assert list(table.columns) == [*columns, *NAMES, "images", *PROTOCOL]
    rows = list(table[["method", "round", "iterations", "init"]].itertuples(index=False, name=None))
    assert (
        rows
        == [
            ("source_only", "q0", 9, "warm_up"),  # 5 of the warm-up and 4
            ("adabn", "q0", 9, "source_only"),
            *((name, "q0", 9, "warm_up") for name in KINDS[2:]),
            ("depth_distribution", "q1", 12, "warm_up"),
            ("depth_distribution", "q2", 15, "warm_up"),
        ]
    )
    assert set(table.setting) == {"demo"}
    assert set(table.seed) == {1}
    with_depth = table.method == "depth_distribution"
    assert table[list(NAMES)][with_depth].notna().all(axis=None)
    assert table[list(NAMES)][~with_depth].isna().all(axis=None)
    assert set(table.images) == {6}
    assert set(table.protocol) == {"unified"}
    assert set(table.selection) == {"last"}
    assert set(zip(table.source, table.target, strict=True)) == {("12 images 64x32", "8 images 64x32")}
    assert table.miou.between(0, 100).all()
    assert table.code.str.fullmatch("[0-9a-f]{16}").all()


def test_the_panel_shows_input_truth_three_models_depth_and_density(tiny: Sandbox) -> None:
    panel = cv2.imread(str(tiny.folder / TARGETS[1]))
    assert panel is not None
    assert panel.shape[1:] == (7 * 64 + 6 * GAP, 3)
    assert panel.std() > 10


def test_the_page_tells_of_every_method_round_and_stage(tiny: Sandbox) -> None:
    page = tiny.folder / PAGE
    text = page.read_text(encoding="utf-8")
    assert page.stat().st_size < 10_000_000
    for method in KINDS:
        assert f"{method} q0" in text
    assert "depth_distribution q2" in text
    for stage in JOBS.keys() - {"render", "compare_components", "collect", "write_page"}:
        assert f'data-value="{stage}"' in text
    assert "left no benchmark file" not in text
    assert "published" in text.lower()
    figures = {path.name for path in (page.parent / "figures").glob("*.svg")}
    assert {
        "iou.svg",
        "embedding.svg",
        "mixtures-plane.svg",
        "mixtures-depth.svg",
        "labels-depth_distribution-q1.svg",
    } <= figures


def test_a_lost_benchmark_and_another_alarm_run_no_training_again(tiny: Sandbox) -> None:
    assert tiny.planned(*TARGETS, PAGE) == []
    lost = tiny.folder / "results/benchmarks/adapt/demo-advent-seed1.tsv"
    away = lost.rename(lost.with_suffix(".away"))
    assert tiny.planned(*TARGETS, PAGE) == []
    away.rename(lost)
    assert tiny.planned(PAGE, overlay=merged(TINY, {"monitor": {"tensorboard": True}})) == []
    assert tiny.planned(PAGE, overlay=merged(TINY, {"monitor": {"windows": 3}})) == [f"write_page {PAGE}"]


def test_the_numbers_of_components_are_weighed_on_every_class_with_points(tiny: Sandbox) -> None:
    table = pd.read_csv(tiny.folder / COMPONENTS)
    assert list(table.columns) == ["components", "mean", *CLASS_SETS["16"].names]
    assert table.components.tolist() == list(range(1, 11))
    assert np.isfinite(table["mean"]).all()


def test_a_variant_runs_to_its_metrics(tiny: Sandbox) -> None:
    unrefined = "results/demo-no_refinement/depth_distribution/seed1/q1/metrics.json"
    answer = tiny.snakemake(unrefined)
    assert answer.returncode == 0, answer.stdout
    assert Metrics.load(tiny.folder / unrefined).setting == "demo-no_refinement"
    folder = tiny.folder / Path(unrefined).parent
    kept, given = (PseudoLabels(folder / name).labels for name in ("refined", "pseudo"))
    np.testing.assert_array_equal(kept, given)


# As the demo, with a method that has no density head in the rounds and a protocol of its own.
OTHER = {
    "presets": ["demo"],
    "methods": ["advent"],
    "selftrain": {
        "methods": ["advent"],
        "rounds": [2],
        "training": {"rare_classes": {"temperature": 0.5, "share": 0.001}},
    },
    "published": {"advent": ["theirs_advent"], "depth_distribution": ["theirs"]},
}
THEIRS = {
    "theirs_advent": {
        "target": {"width": 96, "height": 48},
        "adapt": {"iterations": 3},
        "selftrain": {"methods": ["advent"], "rounds": [1], "training": {"recipe": "plain"}},
    },
    "theirs": {},
}
OVERLAY = merged(TINY, {"settings": {"other": OTHER}, "presets": THEIRS})


def test_any_method_goes_through_the_rounds_and_the_floors_stand_beside_it(tiny: Sandbox) -> None:
    answer = tiny.snakemake("results/other/metrics.csv", overlay=OVERLAY)
    assert answer.returncode == 0, answer.stdout
    table = pd.read_csv(tiny.folder / "results/other/metrics.csv")
    assert list(table[["method", "round", "iterations", "protocol"]].itertuples(index=False, name=None)) == [
        ("source_only", "q0", 9, "unified"),
        ("adabn", "q0", 9, "unified"),
        ("advent", "q0", 9, "unified"),
        ("advent", "q1", 11, "unified"),
    ]
    (log,) = (tiny.folder / "results/logs/selftrain").glob("other-advent-seed*-q1.log")
    assert "rare classes, by how often they are drawn: " in log.read_text(encoding="utf-8")


def test_the_paper_s_table_has_each_method_by_its_own_protocol_beside_the_setting_s_floors(tiny: Sandbox) -> None:
    answer = tiny.snakemake("results/other/paper.csv", overlay=OVERLAY)
    assert answer.returncode == 0, answer.stdout
    table = pd.read_csv(tiny.folder / "results/other/paper.csv")
    columns = ["setting", "method", "round", "iterations", "protocol", "target"]
    assert list(table[columns].itertuples(index=False, name=None)) == [
        ("other", "source_only", "q0", 9, "unified", "8 images 64x32"),
        ("other", "adabn", "q0", 9, "unified", "8 images 64x32"),
        ("other-paper_advent", "advent", "q0", 8, "paper", "8 images 96x48"),
        ("other-paper_advent", "advent", "q1", 9, "paper", "8 images 96x48"),
    ]
    summary = pd.read_csv(tiny.folder / "results/other/paper_summary.csv")
    assert summary.protocol.tolist() == ["unified"] * 4 + ["paper"] * 4
