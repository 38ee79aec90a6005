"""What each stage is told: exactly the settings that it reads."""

import importlib
import json
import typing
from collections.abc import Callable
from typing import Any

import pytest
from sandbox import ROOT
from studies import demo, study

from dadist.config.records import parse
from dadist.config.schema import Study
from dadist.pipeline import page, params, resources
from dadist.pipeline.runs import Run
from dadist.storage.digest import digest

DADA, Q2 = Run("demo", "dada", 3), Run("demo", "depth_distribution", 3, "q2")
SPLIT = "demo_target-val-192x96-16"

SMALL = {"file": "a.onnx", "width": 64, "height": 32, "mean": [0, 0, 0], "deviation": [1, 1, 1], "kind": "relative"}
NETWORK = {"depth_networks": {"small": SMALL}, "domains": {"demo_target": {"depth_network": "small"}}}

# Rule → its params for the demo, and their keys.
RULES: dict[str, tuple[Callable[[Study], str], set[str]]] = {
    "render": (lambda one: params.render(one, "demo", "synthia"), {"domain", "render"}),
    "prepare": (lambda one: params.prepare(one, SPLIT), {"reader", "options", "plan"}),
    "estimate_depth": (
        lambda _: params.estimate_depth(study(NETWORK), "demo_target-val-small"),
        {"reader", "options", "split", "skip_bad", "name", "network"},
    ),
    "join_sources": (lambda one: params.join_sources(one, "demo"), {"weights"}),
    "fit_gmm": (lambda one: params.fit_gmm(one, "demo"), {"grid", "inverse_depth", "fit_gmm"}),
    "align_depth": (lambda one: params.align_depth(one, "demo"), {"align_depth", "source_camera", "target_camera"}),
    "cluster_patches": (lambda one: params.cluster_patches(one, "demo"), {"cluster_patches"}),
    "compare_components": (
        lambda one: params.compare_components(one, "demo"),
        {"grid", "inverse_depth", "components", "fit_gmm"},
    ),
    "adapt": (
        lambda one: params.adapt(one, DADA),
        {"training", "grid", "objective", "adapt"},
    ),
    "pseudo_label": (lambda one: params.pseudo_label(one, "demo"), {"code", "pseudo_label", "prior"}),
    "refine_labels": (lambda one: params.refine_labels(one, "demo"), {"code", "refine_labels"}),
    "selftrain": (
        lambda one: params.selftrain(one, Q2),
        {"training", "shared"},
    ),
    "evaluate": (lambda one: params.evaluate(one, "demo"), {"code", "inverse_depth", "evaluate", "prior"}),
    "weigh_prior": (
        lambda one: params.weigh_prior(one, "demo"),
        {"code", "inverse_depth", "evaluate", "prior", "weigh_prior"},
    ),
    "draw_prior": (
        lambda one: params.draw_prior(one, "demo"),
        {"model", "truth", "prior", "draw_prior", "dpi"},
    ),
    "collect": (lambda one: params.collect(one, "demo"), {"classes"}),
    "draw": (lambda one: params.draw(one, "demo"), {"titles", "truth", "inverse_depth", "draw"}),
    "embed": (lambda one: params.embed(one, "demo"), {"embed"}),
    "draw_figures": (
        lambda one: params.draw_figures(one, "demo"),
        {"classes", "trainings", "rounds", "embedded", "draw_figures"},
    ),
    "write_page": (lambda one: page.write_page(one, "demo"), {"task", "monitor", "write_page"}),
}


PLAIN = study()


def told(rule: str, chosen: Study = PLAIN) -> dict[str, Any]:
    """The params of a rule."""
    found: dict[str, Any] = json.loads(RULES[rule][0](chosen))
    return found


def test_every_stage_is_here() -> None:
    assert set(RULES) == {path.stem for path in (ROOT / "dadist/stages").glob("*.py")} - {"__init__"}


@pytest.mark.parametrize("rule", RULES)
def test_a_stage_is_told_these_keys_and_its_params_take_them(rule: str) -> None:
    found = told(rule)
    assert set(found) == RULES[rule][1]
    hints = typing.get_type_hints(importlib.import_module(f"dadist.stages.{rule}").run)
    parse(hints["params"], found, rule)


LARGER = demo(pseudo_label={"batch": 77}, evaluate={"batch": 77})


@pytest.mark.parametrize("rule", RULES)
def test_another_number_of_images_at_once_tells_a_stage_nothing_new(rule: str) -> None:
    assert told(rule, LARGER) == told(rule)


@pytest.mark.parametrize(
    ("keys", "rules"),
    [
        (
            {"inverse_depth": 900.0},
            {"fit_gmm", "compare_components", "adapt", "selftrain", "evaluate", "weigh_prior", "draw"},
        ),
        ({"prior": {"depth": 1.0}}, {"pseudo_label", "evaluate", "draw_prior"}),
        ({"prior": {"noise": None}}, {"weigh_prior", "draw_prior"}),  # the others are told nothing where it has no say
        ({"weigh_prior": {"weights": [[1.0, 0.0]]}}, {"weigh_prior"}),
        ({"draw_prior": {"column": 0.2}}, {"draw_prior"}),
        ({"align_depth": {"cells": 9}}, {"align_depth"}),
        ({"fit_gmm": {"seed": 99}}, {"fit_gmm", "compare_components"}),
        ({"fit_gmm": {"reg_covar": 0.01}}, {"fit_gmm", "compare_components"}),
        ({"compare_components": {"components": [1, 2]}}, {"compare_components"}),
        ({"cluster_patches": {"clusters": 20}}, {"cluster_patches"}),
        ({"adapt": {"iterations": 5}}, {"adapt"}),
        ({"adapt": {"deterministic": True}}, {"adapt"}),
        ({"adapt": {"class_weight_power": 1.0}}, {"adapt", "selftrain"}),
        ({"objectives": {"warm_up": {"iterations": 6}}}, set[str]()),
        ({"selftrain": {"training": {"optimiser": {"lr": 2.0e-3}}}}, {"selftrain"}),
        ({"draw": {"images": 1}}, {"draw"}),
        ({"fit_gmm": {"components": 3}}, {"fit_gmm"}),
        ({"adapt": {"batch": 6}}, {"adapt"}),
        ({"objectives": {"dada": {"depth": 0.7}}}, {"adapt"}),
        ({"objectives": {"advent": {"adversarial": 0.7}}}, set[str]()),
        ({"pseudo_label": {"confidence": 0.7}}, {"pseudo_label"}),
        ({"refine_labels": {"floor": 7.0}}, {"refine_labels"}),
        ({"selftrain": {"rounds": [7, 300]}}, set[str]()),  # that of another round
        ({"selftrain": {"rounds": [300, 7]}}, {"selftrain"}),
        ({"evaluate": {"depth_cap_m": 70.0}}, {"evaluate", "weigh_prior"}),
        ({"draw": {"scale": 7}}, {"draw"}),
        ({"write_page": {"width": 700}}, set[str]()),
    ],
)
def test_a_key_is_told_to_the_stages_that_read_it_and_to_the_page(keys: dict[str, Any], rules: set[str]) -> None:
    changed = demo(**keys)
    differing = {rule for rule in RULES if told(rule, changed) != told(rule)}
    # The page prints all of the setting but for methods that its table has not.
    assert differing - {"write_page"} == rules
    assert ("write_page" in differing) == (keys.get("objectives") is None)


def test_a_rendered_source_has_no_appearance_and_a_target_no_source_images() -> None:
    source, target = (json.loads(params.render(PLAIN, "demo", name)) for name in ("synthia", "cityscapes"))
    assert (source["domain"], target["domain"]) == ("synthia", "cityscapes")
    assert set(source["render"]["appearance"].values()) == {0}
    assert target["render"]["appearance"]["haze"] == 0.6
    assert [source["render"][name] for name in ("source", "train", "val")] == [600, 0, 0]
    assert [target["render"][name] for name in ("source", "train", "val")] == [0, 500, 125]


def test_a_source_may_be_rendered_in_the_look_of_the_target() -> None:
    source = json.loads(params.render(PLAIN, "ceiling", "synthia"))["render"]
    assert source["appearance"] == json.loads(params.render(PLAIN, "demo", "cityscapes"))["render"]["appearance"]
    assert source["source_appearance"] is None
    assert [source[name] for name in ("source", "train", "val")] == [600, 0, 0]


def test_a_method_s_own_length_goes_before_that_of_all() -> None:
    chosen = demo(adapt={"iterations": 5}, objectives={"dada": {"iterations": 7}})
    assert told("adapt", chosen)["training"]["iterations"] == 7
    assert told("adapt", demo(adapt={"iterations": 5}))["training"]["iterations"] == 5
    assert told("adapt", chosen)["objective"]["iterations"] is None  # it is told once


def test_a_training_is_told_where_it_starts_and_what_it_is() -> None:
    adapt, selftrain = told("adapt")["training"], told("selftrain")["training"]
    assert (adapt["method"], adapt["implementation"]) == ("dada", "dadist.methods.dada")
    assert (selftrain["method"], selftrain["implementation"]) == ("depth_distribution", "dadist.methods.class_mix")
    assert (adapt["seed"], adapt["start"], adapt["protocol"]) == (3, "warm_up", "unified")
    assert (selftrain["round"], selftrain["iterations"]) == ("q2", 300)


def test_numbers_of_components_are_compared_by_the_fit_of_the_mixtures_on_points_of_its_own() -> None:
    found, fitted = told("compare_components"), told("fit_gmm")["fit_gmm"]
    assert found["components"] == list(range(1, 11))
    assert found["fit_gmm"] == {**fitted, "components": 1, "points": 50000, "held_out": 0.2}


def test_the_panel_has_a_title_a_model_and_the_truth_where_there_is_one() -> None:
    assert told("draw")["titles"] == ["source_only q0", "depth_distribution q0", "depth_distribution q2"]
    assert told("draw")["truth"]


def test_the_charts_are_of_every_training_and_of_the_rounds_that_labelled() -> None:
    found = told("draw_figures", demo(methods=["depth_distribution"], seeds=[1, 2], selftrain={"rounds": [5]}))
    own = [{"method": "depth_distribution", "round": name, "seed": seed} for seed in (1, 2) for name in ("q0", "q1")]
    assert found["trainings"][-4:] == own
    assert found["rounds"] == [{"method": "depth_distribution", "round": "q1"}]


# --- code


def test_the_code_of_a_stage_is_its_module_and_what_it_imports_by_name() -> None:
    assert params.code("draw") == digest("dadist.stages.draw")
    assert params.code_to_prepare(PLAIN, SPLIT) == digest("dadist.stages.prepare", "dadist.data.readers.cityscapes")
    assert told("evaluate")["code"] == digest("dadist.stages.evaluate")


def test_the_code_of_a_training_is_its_method_s_the_artefacts_and_the_data_sets() -> None:
    prepared = ("dadist.stages.prepare", "dadist.data.readers.cityscapes", "dadist.data.readers.synthia")
    assert told("adapt")["training"]["code"] == digest("dadist.stages.adapt", "dadist.methods.dada", *prepared)
    built = json.loads(params.adapt(PLAIN, Run("demo", "adaptpatch", 1)))["training"]["code"]
    assert built == digest(
        "dadist.stages.adapt", "dadist.methods.adaptpatch", "dadist.stages.cluster_patches", *prepared
    )
    labels = ("dadist.stages.pseudo_label", "dadist.stages.refine_labels")
    assert told("selftrain")["training"]["code"] == digest(
        "dadist.stages.selftrain", "dadist.methods.class_mix", *labels
    )


# --- resources


def test_what_changes_no_result_is_a_resource() -> None:
    chosen = demo(
        adapt={"gpus": 2}, selftrain={"training": {"gpus": 4}}, pseudo_label={"batch": 5}, evaluate={"batch": 6}
    )
    assert resources.gpus_to_adapt(chosen, "demo") == 2
    assert resources.gpus_to_selftrain(chosen, "demo") == 4
    assert resources.batch_to_label(chosen, "demo") == 5
    assert resources.batch_to_evaluate(chosen, "demo") == 6
    assert json.loads(resources.monitor(chosen)) == {**vars(chosen.monitor), "halt": []}
