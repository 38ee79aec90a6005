"""The parts of a setting's data: names, plans and places."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from sandbox import configuration, merged

from dadist.config import load
from dadist.config.records import ConfigError
from dadist.config.schema import Study
from dadist.data.inventory import SplitPlan
from dadist.pipeline import paths, splits

CONFIG = configuration()


def changed(change: dict[str, Any]) -> Study:
    return load.study(merged(CONFIG, change))


def name(which: str, change: dict[str, Any], setting: str = "demo") -> str:
    return splits.prepared_split(changed({"settings": {setting: change}}), setting, which).name


@pytest.mark.parametrize("which", splits.SPLITS)
def test_a_part_carries_every_field_of_a_plan(which: str) -> None:
    plan = SplitPlan(**splits.prepared_split(changed({}), "s2c16", which).plan)
    assert (plan.width, plan.height) == (1280, 760)
    assert plan.labels == (which != "train")
    assert plan.depth == (which == "source")
    assert plan.native == (which == "val")
    assert not plan.skip_bad
    study = changed({"domains": {domain: {"skip_bad": True} for domain in ("synthia", "cityscapes")}})
    assert SplitPlan(**splits.prepared_split(study, "s2c16", which).plan) == dataclasses.replace(plan, skip_bad=True)


def test_a_name_tells_apart_what_is_prepared_differently_and_no_more() -> None:
    assert name("source", {}) == "demo_source-all-192x96-16"
    assert name("val", {}) == "demo_target-val-192x96-16"
    assert name("val", {"evaluate": {"labels": "working"}}) == "demo_target-val-192x96-16-working"
    assert name("train", {"evaluate": {"labels": "working"}}) == "demo_target-train-192x96-16"
    assert name("train", {"prepare": {"images": 5}}) == "demo_target-train-192x96-16-first5"
    assert name("train", {"target": {"fit": "pad"}}) == "demo_target-train-192x96-16-padded"
    assert name("source", {"adapt": {"iterations": 1000}}) == name("source", {})


def test_the_training_split_has_depth_in_a_folder_of_its_own_for_the_methods_that_learn_from_it() -> None:
    without = {"domains": {"demo_target": {"unlabelled_depth": False}}}
    assert splits.prepared_split(changed(without), "demo", splits.TRAIN_WITH_DEPTH) is None
    measured = {"domains": {"demo_target": {"unlabelled_depth": True}}}
    found = splits.prepared_split(changed(measured), "demo", splits.TRAIN_WITH_DEPTH)
    assert found is not None
    assert found.name == "demo_target-train-192x96-16-depth"
    assert (found.plan["labels"], found.plan["depth"], found.plan["split"]) == (False, True, "train")
    assert splits.prepared_split(changed(measured), "demo", "train") == splits.prepared_split(
        changed({}), "demo", "train"
    )
    corda = {"demo": {"methods": ["corda"], "objectives": {"corda": {"target_depth": 0.5}}}}
    assert splits.prepared_splits(changed(measured), "demo")["train"].name == "demo_target-train-192x96-16"
    assert splits.prepared_splits(changed({**measured, "settings": corda}), "demo")["train"] == found
    with pytest.raises(ConfigError) as told:
        splits.prepared_splits(
            changed({**without, "settings": corda}), "demo"
        )  # and not before somebody asks for the setting
    assert str(told.value) == (
        "settings.demo: method corda learns from depth of the target's training images, and domains.demo_target has "
        "none; give it depth files and unlabelled_depth: true, or set objectives.corda.target_depth: 0.0, which does "
        "without"
    )


def test_places_start_from_data_root_unless_the_workflow_makes_them() -> None:
    moved = changed({"data_root": "elsewhere"})
    assert paths.place(moved, "SYNTHIA") == "elsewhere/SYNTHIA"
    assert paths.place(moved, "results/streets/demo/synthia") == "results/streets/demo/synthia"
    assert paths.place(moved, str(Path("/", "data", "SYNTHIA"))) == str(Path("/", "data", "SYNTHIA"))


def test_a_list_belongs_to_its_split_alone() -> None:
    listing = changed({"domains": {"demo_target": {"lists": {"val": "some.txt"}}}, "data_root": "elsewhere"})
    parts = {which: splits.prepared_split(listing, "demo", which) for which in splits.SPLITS}
    found = {which: one and paths.names(listing, one.domain, one.plan["split"]) for which, one in parts.items()}
    assert found == {"source": None, "train": None, "val": "elsewhere/some.txt"}


RELATIVE: dict[str, Any] = {
    "dataset": "folder",
    "root": "mine",
    "depth": True,
    "unlabelled_depth": True,
    "images": {"all": "*.jpg"},
    "labels": {"all": "*_labels.png"},
    "ids": {0: "road"},
    "depth_files": {"all": "*_depth.png"},
    "depth_kind": "relative",
}


def test_relative_depth_is_no_source_s_and_nothing_that_a_method_learns_from() -> None:
    keys = {"source": {"domain": "mine"}, "methods": ["advent"], "selftrain": {"methods": []}}
    with pytest.raises(ConfigError, match=r"settings\.demo\.source: expected a source whose depth is in metres"):
        changed({"domains": {"mine": RELATIVE}, "settings": {"demo": keys}})
    assert changed({"domains": {"mine": {**RELATIVE, "depth": False}}, "settings": {"demo": keys}})
    target = {"target": {"domain": "mine"}, "objectives": {"corda": {"target_depth": 0.5}}}
    study = changed({"domains": {"mine": RELATIVE}, "settings": {"demo": target}})
    with pytest.raises(ConfigError, match=r"corda learns from depth in metres, and that of domains\.mine is relative"):
        splits.training_split(study, "demo", "corda")


def test_a_method_of_the_prior_takes_relative_depth_and_says_what_to_set_without_any() -> None:
    target: dict[str, Any] = {"target": {"domain": "mine"}}
    study = changed({"domains": {"mine": RELATIVE}, "settings": {"demo": target}})
    assert splits.training_split(study, "demo", "depth_prior") == splits.TRAIN_WITH_DEPTH
    without = {"domains": {"mine": {**RELATIVE, "unlabelled_depth": False}}, "settings": {"demo": target}}
    with pytest.raises(ConfigError) as told:
        splits.training_split(changed(without), "demo", "depth_prior")
    assert str(told.value).endswith(
        "or set objectives.depth_prior.prior.depth: 0.0 and objectives.depth_prior.paste: 0.0, which does without"
    )
    weights = {"objectives": {"depth_prior": {"prior": {"depth": 0.0}, "paste": 0.0}}}
    alone = changed({**without, "settings": {"demo": {**target, **weights}}})
    assert splits.training_split(alone, "demo", "depth_prior") == "train"


EVERY = (*splits.SPLITS, splits.TRAIN_WITH_DEPTH)


def test_camera_files_are_read_with_what_the_target_is_aligned_by_and_change_no_other_split() -> None:
    files = {"demo_source": {"dataset": "cityscapes", "camera": "files"}, "demo_target": {"camera": "files"}}
    without = {"demo_target": {"camera": "files", "unlabelled_depth": False}}
    for domains, expected in ((files, {"source", splits.TRAIN_WITH_DEPTH}), (without, {"train"})):
        found = {which: splits.prepared_split(changed({"domains": domains}), "demo", which) for which in EVERY}
        assert {which for which, split in found.items() if split and split.plan["cameras"]} == expected
