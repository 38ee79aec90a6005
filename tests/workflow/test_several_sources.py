"""Several sources in one setting: drawn by weight, with mixtures over all; without depth where one has none."""

import csv
import json

import pytest
from sandbox import TINY, Sandbox, configuration, merged

from dadist.cli.study import count_images
from dadist.config import load
from dadist.config.schema import SOURCE_APPEARANCE
from dadist.data.joining import Joined
from dadist.data.streets import render
from dadist.prior.mixtures import Mixtures

METRICS = "results/demo/metrics.csv"
MODEL = "results/demo/{}/seed1/q0/model.pt"
SEVERAL = merged(
    TINY,
    {
        "data_root": "own",
        "domains": {
            "more": {"dataset": "synthia", "root": "SYNTHIA", "depth": True},
            "flat": {"dataset": "synthia", "root": "SYNTHIA", "depth": False},
        },
        "settings": {
            "demo": {
                "source": {"beside": {"more": 3.0}},
                "methods": ["source_only", "depth_distribution"],
                "selftrain": {"methods": ["depth_distribution"], "rounds": [3]},
            }
        },
    },
)
WITHOUT_DEPTH = merged(
    TINY,
    {
        "data_root": "own",
        "domains": SEVERAL["domains"],
        "settings": {
            "demo": {
                "source": {"beside": {"flat": 0.5}},
                "methods": ["advent"],
                "selftrain": {"methods": []},
                "objectives": {"advent": {"start": "random"}, "source_only": {"start": "random"}},
            }
        },
    },
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A study on the demo's streets and five of another folder, in its rounds."""
    box = Sandbox(tmp_path_factory.mktemp("sources") / "run", SEVERAL)
    root = box.folder / "own/SYNTHIA"
    render.write_synthia(root, SOURCE_APPEARANCE, images=5, seed=9, width=64, height=32, workers=1)
    box.watch()
    answer = box.snakemake(METRICS)
    assert answer.returncode == 0, answer.stdout
    return box


def test_the_rule_makes_one_source_of_both_and_every_stage_reads_it(sandbox: Sandbox) -> None:
    whole = Joined(sandbox.folder / "results/demo/sources")
    assert [len(part) for part in whole.parts] == [12, 5]
    assert whole.weights == [0.25, 0.75]
    with (sandbox.folder / METRICS).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["source"] for row in rows} == {"12 (0.25) + 5 (0.75) images 64x32"}
    told = {(row["method"], row["round"]) for row in rows}
    assert told == {("source_only", "q0"), ("adabn", "q0"), *(("depth_distribution", one) for one in ("q0", "q1"))}
    assert {"join_sources", "adapt", "fit_gmm"} <= {touch.actor for touch in sandbox.touched()}
    assert not [touch for touch in sandbox.touched() if touch.refused]
    assert Mixtures.load(sandbox.folder / "results/demo/prior/mixtures.npz").images == 17


def test_another_weight_runs_what_reads_it_and_prepares_nothing_again(sandbox: Sandbox) -> None:
    other = merged(SEVERAL, {"settings": {"demo": {"source": {"beside": {"more": 1.0}}}}})
    jobs = sandbox.planned(MODEL.format("depth_distribution"), overlay=other)
    assert [job.split()[0] for job in jobs].count("prepare") == 0
    assert {job.split()[0] for job in jobs} == {"join_sources", "fit_gmm", "adapt"}


def test_a_source_without_depth_joins_methods_that_ask_for_none(sandbox: Sandbox) -> None:
    answer = sandbox.snakemake(MODEL.format("advent"), overlay=WITHOUT_DEPTH)
    assert answer.returncode == 0, answer.stdout
    assert not Joined(sandbox.folder / "results/demo/sources").has_depth
    asks = merged(WITHOUT_DEPTH, {"settings": {"demo": {"methods": ["advent", "dada"]}}})
    answer = sandbox.snakemake(MODEL.format("advent"), "--dry-run", overlay=asks)
    assert answer.returncode != 0
    assert "method dada learns from the source's depth, and domains.flat has depth: false" in answer.stdout


def test_doctor_and_plan_know_all_sources(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    (sandbox.folder / "sitecustomize.py").unlink()  # the doctor may look at labels and depth of the target
    file = sandbox.folder / "several.json"
    file.write_text(json.dumps(SEVERAL), encoding="utf-8")
    answer = sandbox.run("python", "-m", "dadist.cli.main", "doctor", "demo", "--configfile", str(file))
    assert answer.returncode == 0, answer.stdout
    assert "source more: more, 'all' in own/SYNTHIA" in answer.stdout
    monkeypatch.chdir(sandbox.folder)
    assert count_images(load.study(merged(configuration(), SEVERAL)), "demo").source == 12 + 5
