"""What the pictures of the prior are made from."""

import json

import pytest
from sandbox import merged
from studies import demo, study

from dadist.config.records import ConfigError
from dadist.pipeline import params, prior_pictures
from dadist.pipeline.runs import Run

PHOTOS = {
    "domains": {
        "photos": {
            "dataset": "folder",
            "root": "photos",
            "depth": True,
            "unlabelled_depth": True,
            "images": {"train": "*.jpg"},
            "depth_files": {"train": "*.png"},
            "depth_kind": "relative",
        }
    },
    "settings": {"mine": {"presets": ["demo"], "target": {"domain": "photos"}}},
}


def test_images_to_validate_on_are_shown_and_those_to_train_on_where_these_have_no_labels_or_no_depth() -> None:
    assert prior_pictures.images(study(), "demo") == "results/data/demo_target-val-192x96-16"
    assert prior_pictures.with_truth(study(), "demo")
    photos = study(PHOTOS)
    assert prior_pictures.images(photos, "mine") == "results/data/photos-train-192x96-16-depth"
    assert not json.loads(params.draw_prior(photos, "mine"))["truth"]
    training = study({"domains": {"demo_target": {"depth": False}}})
    assert prior_pictures.images(training, "demo") == "results/data/demo_target-train-192x96-16-depth"
    none = study({"domains": {"demo_target": {"depth": False, "unlabelled_depth": False}}})
    with pytest.raises(ConfigError, match=r"expected depth files of the target's training images, got none in"):
        prior_pictures.images(none, "demo")


def test_the_model_is_the_last_of_the_panel() -> None:
    assert prior_pictures.looked_into(study(), "demo") == Run("demo", "depth_distribution", 1, "q2")
    assert prior_pictures.model(demo(draw={"methods": ["advent"]}), "demo") == "results/demo/advent/seed1/q0/model.pt"
    with pytest.raises(ConfigError, match=r"draw\.methods: expected a method whose labels the prior corrects"):
        prior_pictures.looked_into(demo(draw={"methods": []}), "demo")


def test_mixtures_that_know_no_depth_are_refused() -> None:
    assert prior_pictures.mixtures(study(), "demo") == ["results/demo/prior/mixtures.npz"]
    with pytest.raises(ConfigError, match=r"fit_gmm\.features: expected z among them for .*, got x, y; add z"):
        prior_pictures.mixtures(demo(fit_gmm={"features": ["x", "y"]}), "demo")


def test_the_weights_are_those_of_the_prior_where_it_weighs_depth() -> None:
    def told(**keys: object) -> tuple[float, float]:
        found = json.loads(params.draw_prior(demo(**keys), "demo"))["prior"]
        return found["depth"], found["place"]

    assert told() == (1.0, 0.5)
    assert told(draw_prior={"weights": [2.0, 0.0]}, prior={"place": 0.7}) == (2.0, 0.0)
    assert told(prior={"depth": 0.3}) == (0.3, 0.0)
    with pytest.raises(ConfigError, match=r"draw_prior\.weights: expected weights of 0 or more, got \[-1\.0, 0\.0\]"):
        demo(draw_prior={"weights": [-1.0, 0.0]})


def test_a_page_shows_them_where_the_prior_weighs_depth() -> None:
    assert prior_pictures.on_page(study(), "demo") == []
    assert prior_pictures.on_page(demo(prior={"place": 1.0}), "demo") == []
    weighed = study(merged(PHOTOS, {"settings": {"mine": {"prior": {"depth": 1.0}}}}))
    assert prior_pictures.on_page(weighed, "mine") == ["results/mine/prior/figures"]
