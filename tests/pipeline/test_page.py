"""What the page of a setting tells."""

import json
from typing import Any

from studies import demo, study

from dadist.config.schema import Study
from dadist.pipeline import page


def task(chosen: Study, setting: str = "demo") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.write_page(chosen, setting))["task"]
    return found


def jobs(chosen: Study, setting: str = "demo") -> list[str]:
    return [" | ".join(job) for job in page.jobs(chosen, setting)]


def test_the_costs_are_those_of_every_job_that_the_page_needs() -> None:
    chosen = demo(methods=["depth_distribution"], selftrain={"rounds": [5]})
    trained = ("source_only", "adabn")
    assert jobs(chosen) == [
        "prepare | source | demo_source-all-192x96-16",
        "prepare | train | demo_target-train-192x96-16",
        "prepare | val | demo_target-val-192x96-16",
        "fit_gmm | mixtures | demo",
        "adapt | warm_up q0, seed 1 | demo-warm_up-seed1",  # what the others start from has no row of the table
        "adapt | source_only q0, seed 1 | demo-source_only-seed1",
        "evaluate | source_only q0, seed 1 | demo-source_only-seed1-q0",
        "adapt | adabn q0, seed 1 | demo-adabn-seed1",
        "evaluate | adabn q0, seed 1 | demo-adabn-seed1-q0",
        "adapt | depth_distribution q0, seed 1 | demo-depth_distribution-seed1",
        "evaluate | depth_distribution q0, seed 1 | demo-depth_distribution-seed1-q0",
        "pseudo_label | depth_distribution q1, seed 1 | demo-depth_distribution-seed1-q1",
        "refine_labels | depth_distribution q1, seed 1 | demo-depth_distribution-seed1-q1",
        "selftrain | depth_distribution q1, seed 1 | demo-depth_distribution-seed1-q1",
        "evaluate | depth_distribution q1, seed 1 | demo-depth_distribution-seed1-q1",
        "draw | report | demo",
        "embed | report | demo",
        "draw_figures | report | demo",
    ]
    assert len(task(chosen)["trainings"]) == len(trained) + 2
    assert task(chosen)["costs"][3] == {
        "stage": "fit_gmm",
        "what": "mixtures",
        "file": "results/benchmarks/fit_gmm/demo.tsv",
    }


def test_a_prior_that_weighs_depth_adds_its_pictures() -> None:
    assert not [job for job in jobs(study()) if "prior" in job]
    found = jobs(demo(prior={"depth": 1.0}))
    assert found[-5:-3] == ["align_depth | prior | demo", "draw_prior | prior | demo"]


def test_a_variant_s_page_counts_what_its_base_has_made() -> None:
    found = jobs(study(), "demo-no_refinement")
    assert "adapt | depth_distribution q0, seed 1 | demo-depth_distribution-seed1" in found
    assert "selftrain | depth_distribution q1, seed 1 | demo-no_refinement-depth_distribution-seed1-q1" in found


def test_a_start_that_is_the_model_of_another_setting_is_counted_and_a_file_of_the_user_s_is_not() -> None:
    model = "results/demo_b/warm_up/seed7/q0/model.pt"
    assert "adapt | warm_up q0, seed 7 | demo_b-warm_up-seed7" in jobs(demo(start=model))
    assert not [job for job in jobs(demo(start="weights.pth")) if "warm_up" in job]


def test_the_page_is_told_each_domain_by_name_and_whether_it_is_rendered() -> None:
    ours, real = task(study()), task(study(), "s2m7")
    assert ours["source"] == {"name": "demo_source", "dataset": "synthia", "rendered": True}
    assert ours["target"] == {"name": "demo_target", "dataset": "cityscapes", "rendered": True}
    assert ours["size"] == [192, 96]
    assert real["source"] == {"name": "synthia", "dataset": "synthia", "rendered": False}
    assert real["target"] == {"name": "mapillary", "dataset": "mapillary", "rendered": False}
    assert real["size"] == [1280, 760]


def test_the_settings_on_the_page_are_those_that_change_a_number() -> None:
    told = json.loads(task(study())["config"])
    assert told["classes"] == "16"
    assert set(told["objectives"]) == {"source_only", "adabn", "depth_distribution"}
    assert "batch" not in told["pseudo_label"]
    assert "batch" not in told["evaluate"]
    monitor = json.loads(page.write_page(study({"monitor": {"tensorboard": True}}), "demo"))["monitor"]
    assert monitor["tensorboard"] is False
