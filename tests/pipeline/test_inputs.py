"""What each rule reads."""

from typing import Any

import pytest
from sandbox import merged
from studies import published, study

from dadist.config.records import ConfigError
from dadist.config.schema import Study
from dadist.pipeline import inputs, prior_inputs, prior_pictures, runs
from dadist.pipeline.runs import Run

Q0 = "results/demo/{}/seed1/q0"
PHOTOS: dict[str, Any] = {
    "domains": {"photos": {"dataset": "folder", "root": "photos", "depth": False, "images": {"train": "*.jpg"}}},
    "settings": {"mine": {"presets": ["demo"], "target": {"domain": "photos"}}},
}


def photos(**keys: Any) -> Study:
    return study(merged(PHOTOS, {"settings": {"mine": keys}}))


# --- prepared data


def test_the_parts_of_a_setting_are_its_prepared_splits() -> None:
    chosen = study()
    assert inputs.labelled(chosen, "demo", "source") == "results/data/demo_source-all-192x96-16"
    assert inputs.labelled(chosen, "demo", "val") == "results/data/demo_target-val-192x96-16"
    assert inputs.unlabelled(chosen, "demo") == "results/data/demo_target-train-192x96-16"
    assert inputs.pictured(chosen, "demo") == inputs.labelled(chosen, "demo", "val")


def test_a_target_without_labels_is_pictured_by_its_training_images_and_measured_by_nothing() -> None:
    chosen = photos()
    assert not inputs.has_labels(chosen, "mine")
    assert inputs.pictured(chosen, "mine") == inputs.unlabelled(chosen, "mine") == "results/data/photos-train-192x96-16"
    assert inputs.measured(chosen, "mine") == []
    assert len(inputs.losses(chosen, "mine")) == 5
    with pytest.raises(ConfigError) as told:
        inputs.labelled(chosen, "mine", "val")
    assert str(told.value) == (
        "settings.mine.target: expected labels to compare with, got none of a split val in domains.photos; a folder of "
        "your own gets them by its keys images, labels and ids; or ask for models (…/model.pt) and the panel, which "
        "need none"
    )


def test_a_source_without_labels_is_refused_with_the_keys() -> None:
    with pytest.raises(ConfigError) as told:
        inputs.labelled(
            photos(source={"domain": "photos"}, methods=["source_only"], selftrain={"methods": []}), "mine", "source"
        )
    assert str(told.value) == (
        "settings.mine.source: expected labels to learn from, got none in domains.photos; a folder of your own gets "
        "them by its keys images, labels and ids; or take another source"
    )


def test_depth_of_the_target_is_read_by_the_method_that_learns_from_it_alone() -> None:
    without = {"domains": {"demo_target": {"unlabelled_depth": False}}}
    corda = {"settings": {"demo": {"objectives": {"corda": {"target_depth": 0.5}}}}}
    chosen = study(corda)
    assert inputs.training_images(chosen, Run("demo", "corda", 1)) == "results/data/demo_target-train-192x96-16-depth"
    assert inputs.training_images(chosen, Run("demo", "dada", 1)) == "results/data/demo_target-train-192x96-16"
    with pytest.raises(ConfigError, match=r"^settings\.demo: method corda learns from depth of the target"):
        inputs.training_images(study(merged(without, corda)), Run("demo", "corda", 1))


# --- a split by its name alone


def test_a_split_is_known_by_its_name() -> None:
    found = inputs.split_named(study(), "cityscapes-val-1280x760-7")
    assert (found.domain, found.plan["split"], found.plan["width"]) == ("cityscapes", "val", 1280)


def test_a_split_that_only_a_protocol_of_a_method_has_is_known_to_a_job_that_stands_alone() -> None:
    # Without rounds: class-mix wants source and target of one size.
    own = {"target": {"width": 128, "height": 48}, "selftrain": {"methods": []}}
    chosen = published({"dada": own})
    assert inputs.split_named(chosen, "demo_target-train-128x48-16").plan["height"] == 48
    none = r"^results/data/nothing: expected a split that a setting asks for, got one of none$"
    with pytest.raises(ConfigError, match=none):
        inputs.split_named(chosen, "nothing")


def test_a_mistake_in_another_variant_is_told_only_where_the_split_is_nowhere_else() -> None:
    chosen = published({"clan": {"adapt": {"bach": 1}}, "dada": {"prepare": {"images": 3}}})
    assert inputs.split_named(chosen, "demo_target-val-192x96-16-first3").plan["images"] == 3
    with pytest.raises(ConfigError, match=r"presets\.theirs_clan\.adapt\.bach: unknown key"):
        inputs.split_named(chosen, "nothing")


# --- of runs


def test_a_method_reads_the_artefacts_that_it_is_built_from() -> None:
    chosen = study()
    assert inputs.artefacts(chosen, Run("demo", "dada", 1)) == []
    assert inputs.artefacts(chosen, Run("demo", "adaptpatch", 1)) == ["results/demo/prior/patches.npz"]
    assert inputs.artefacts(chosen, Run("demo-mixture_z", "depth_distribution", 1)) == [
        "results/demo-mixture_z/prior/mixtures.npz"
    ]


def test_a_round_reads_the_model_of_the_round_before() -> None:
    chosen = study()
    first, second = (Run("demo-no_refinement", "depth_distribution", 1, name) for name in ("q1", "q2"))
    assert inputs.model_before(chosen, first) == f"{Q0.format('depth_distribution')}/model.pt"
    assert inputs.model_before(chosen, second) == "results/demo-no_refinement/depth_distribution/seed1/q1/model.pt"


def test_a_table_and_the_page_read_the_files_of_every_run() -> None:
    chosen = published({"dada": {}}, methods=["dada"])
    methods = ("source_only", "adabn", "dada")
    metrics = [f"{Q0.format(method)}/metrics.json" for method in methods]
    assert inputs.collected(chosen, "demo", "metrics") == inputs.measured(chosen, "demo") == metrics
    own = "results/demo-paper_dada/dada/seed1/q0/metrics.json"
    assert inputs.collected(chosen, "demo", "paper") == [*metrics[:2], own]
    assert inputs.losses(chosen, "demo") == [f"{Q0.format(method)}/losses.csv" for method in methods]
    assert inputs.pseudo(chosen, "demo") == inputs.refined(chosen, "demo") == []
    assert inputs.mixtures(chosen, "demo") == []  # no method is built on any
    assert inputs.embeddings(chosen, "demo") == []  # its method is not there


def test_labels_mixtures_and_pictures_are_those_of_the_method_that_has_them() -> None:
    chosen = study()
    rounds = [f"results/demo/depth_distribution/seed1/q{number}" for number in (1, 2)]
    assert inputs.pseudo(chosen, "demo") == [f"{folder}/pseudo" for folder in rounds]
    assert inputs.refined(chosen, "demo") == [f"{folder}/refined" for folder in rounds]
    assert inputs.mixtures(chosen, "demo") == ["results/demo/prior/mixtures.npz"]
    assert inputs.embeddings(chosen, "demo") == ["results/demo/report/embedding.csv"]
    assert inputs.embedded(chosen, "demo") == f"{Q0.format('depth_distribution')}/model.pt"
    assert inputs.shown(chosen, "demo") == [
        f"{Q0.format('source_only')}/model.pt",
        f"{Q0.format('depth_distribution')}/model.pt",
        "results/demo/depth_distribution/seed1/q2/model.pt",
    ]


def test_a_prior_of_mixtures_without_depth_weighs_none() -> None:
    with pytest.raises(ConfigError, match=r"prior\.depth: expected 0, as the mixtures are over x, y and know no depth"):
        study({"settings": {"demo": {"prior": {"depth": 1.0}, "fit_gmm": {"features": ["x", "y"]}}}})
    chosen = study({"settings": {"demo": {"fit_gmm": {"features": ["x", "y"]}}}})
    with pytest.raises(ConfigError, match=r"weigh_prior: expected mixtures that know depth, got some over x, y; add z"):
        prior_inputs.prior_to_weigh(chosen, "demo")


def test_a_target_with_another_camera_is_aligned_even_where_the_place_alone_is_weighed() -> None:
    camera = {"camera": {"focal": 1.0, "horizon": 0.5}}
    mixtures, alignment = "results/demo/prior/mixtures.npz", "results/demo/prior/alignment.json"
    one, both = (
        {"domains": dict.fromkeys(names, camera)} for names in (["demo_target"], ["demo_source", "demo_target"])
    )
    found = {"settings": {"demo": {"align_depth": {"camera": "found"}}}}
    assert prior_inputs.prior(study(), "demo", depth=0, place=1) == [mixtures]
    told = r"prior: expected the camera of source and target, or of neither, got that of domains\.demo_target alone"
    with pytest.raises(ConfigError, match=told):
        prior_inputs.prior(study(one), "demo", depth=1, place=0)
    assert prior_inputs.prior(study(both), "demo", depth=0, place=1) == [mixtures, alignment]
    assert prior_inputs.prior(study(found), "demo", depth=0, place=1) == [mixtures, alignment]
    assert prior_inputs.prior(study(both), "demo", depth=0, place=0) == []
    assert prior_inputs.prior(study(), "demo", depth=0, place="found") == [mixtures, alignment]
    without = merged(found, {"domains": {"demo_target": {"unlabelled_depth": False}}})
    assert prior_inputs.aligned_images(study(without), "demo") == "results/data/demo_target-train-192x96-16"
    assert prior_inputs.aligned_images(study(found), "demo") == "results/data/demo_target-train-192x96-16-depth"


def test_what_is_looked_into_is_the_first_round_of_the_first_seed() -> None:
    chosen = study({"settings": {"demo": {"seeds": [3, 1]}}})
    assert inputs.embedded(chosen, "demo") == "results/demo/depth_distribution/seed3/q0/model.pt"


def test_a_variant_has_an_alignment_of_its_own_where_it_would_find_another() -> None:
    variants: dict[str, Any] = {
        "weighed": {"prior": {"depth": 1.0}, "objectives": {"depth_prior": {"paste": 0.1}}},
        "full": {"fit_gmm": {"covariance": "full"}},
        "longer": {"adapt": {"iterations": 7}},
        "other": {"objectives": {"adabn": {"iterations": 3}}},
        "later": {"seeds": [2]},
    }
    chosen = study({"presets": variants, "ablation": {"method": "depth_prior", "variants": list(variants)}})
    own = {name: prior_inputs.alignment_of(chosen, f"demo-{name}") for name in variants}
    assert own.pop("weighed") == prior_inputs.alignment_of(chosen, "demo") == ["results/demo/prior/alignment.json"]
    assert own == {name: [f"results/demo-{name}/prior/alignment.json"] for name in own}


def test_rounds_on_fused_labels_are_a_variant_s_own_where_its_prior_is_another() -> None:
    rounds: dict[str, Any] = {"selftrain": {"methods": ["adabn"]}}
    full = {"full": {"fit_gmm": {"covariance": "full"}, **rounds}}
    keys = {"presets": full, "ablation": {"method": "adabn", "variants": list(full)}}
    for weight, own in ((0.0, "demo"), (1.0, "demo-full")):  # without a prior the mixtures have no say
        setting = {"prior": {"depth": weight}, "methods": ["adabn"], **rounds}
        chosen = study(merged(keys, {"settings": {"demo": setting}}))
        assert runs.stored(chosen, Run("demo-full", "adabn", 1, "q1")).setting == own
        assert runs.stored(chosen, Run("demo-full", "adabn", 1)).setting == "demo"


def test_a_prior_of_the_network_s_head_needs_no_depth_files() -> None:
    photos_of = {"images": {"train": "t/*.jpg", "val": "v/*.jpg"}, "labels": {"val": "v/*.png"}, "ids": {0: "road"}}
    keys: dict[str, Any] = merged(PHOTOS, {"domains": {"photos": photos_of}})
    for origin, images in (("files", None), ("head", "results/data/photos-train-192x96-16")):
        prior = {"prior": {"depth": 1.0, "depth_from": origin}}
        chosen = study(merged(keys, {"settings": {"mine": prior}}))
        if images is None:
            for asked in (prior_inputs.to_label, prior_inputs.prior_to_measure):
                with pytest.raises(ConfigError, match="expected depth files"):
                    asked(chosen, "mine")
        else:
            assert prior_inputs.to_label(chosen, "mine") == images
            assert len(prior_inputs.prior_to_measure(chosen, "mine")) == 2
            assert prior_pictures.on_page(chosen, "mine") == []
    with pytest.raises(ConfigError, match=r"prior\.noise: expected two numbers, as align_depth finds the noise of"):
        photos(prior={"noise": None, "depth_from": "head"})
    with pytest.raises(ConfigError, match=r"depth_prior\.prior\.depth_from: expected files, as the network has no"):
        photos(objectives={"depth_prior": {"prior": {"depth_from": "head"}}})
