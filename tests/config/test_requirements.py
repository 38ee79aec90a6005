"""What methods demand of a setting's data, and how it is told before anything runs."""

import copy
from typing import Any

import pytest
from sandbox import configuration, merged

from dadist.config import requirements
from dadist.config.load import study
from dadist.config.records import ConfigError
from dadist.config.schema import Study
from dadist.model import published

CONFIG = configuration()
CONFIG["settings"] = {"demo": CONFIG["settings"]["demo"]}
LITE = {"backbone": "efficientnet_lite0"}
CORDA = {"methods": ["corda"], "selftrain": {"methods": []}, "objectives": {"corda": {"target_depth": 0.5}}}


def changed(setting: dict[str, Any], **others: Any) -> Study:
    return study(merged(copy.deepcopy(CONFIG), {"settings": {"demo": setting}, **others}))


@pytest.mark.parametrize(
    ("setting", "domains", "message"),
    [
        (
            {"methods": ["dada"]},
            {"demo_source": {"depth": False}},
            "settings.demo: method dada learns from the source's depth, and domains.demo_source has depth: false",
        ),
        (
            {"methods": ["adabn"], "selftrain": {"methods": []}, "objectives": {"adabn": {"start": "dada"}}},
            {"demo_source": {"depth": False}},
            "method dada learns from the source's depth",  # which adabn starts from
        ),
        (
            {"target": {"width": 100}, "methods": ["corda"], "selftrain": {"methods": []}},
            {},
            "method corda mixes images: expected source and target of one size, got 192x96 and 100x96; give them one, "
            "or set adapt.crop",
        ),
        (
            {"target": {"width": 100}},
            {},
            "recipe class_mix mixes images: expected source and target of one size, got 192x96 and 100x96",
        ),
        (
            {"adapt": {"crop": [96, 97]}},
            {},
            "settings.demo.adapt.crop: expected at least 1x1 and at most 192x96, got 96x97",
        ),
        ({"adapt": {"crop": [96, 96]}}, {}, "adapt.crop: expected null, as the mixtures of method depth_distribution"),
        (
            {"methods": ["dada"], "embed": {"method": "dada"}},
            {},
            "settings.demo.embed.method: expected a method whose network has heads for depth and density, got dada; "
            "set it to one of depth_distribution, or leave it out of methods",
        ),
        (
            {"methods": ["depth_prior"], "fit_gmm": {"features": ["x", "y"]}, "selftrain": {"methods": []}},
            {},
            "objectives.depth_prior.prior.depth: expected 0, as the mixtures are over x, y and know no depth, got 1; "
            "set it so, or add z to fit_gmm.features",
        ),
        (
            {"source": {"beside": {"gta5": 1.0}}},
            {},
            "method depth_distribution learns from the source's depth, and domains.gta5 has depth: false; give it",
        ),
        (
            {"source": {"beside": {"gta5": 1.0}}, "methods": ["advent"], "prior": {"place": 1.0}},
            {},
            "settings.demo.prior: expected mixtures over the source's depth, and domains.gta5 has depth: false; give",
        ),
        (
            {"source": {"beside": {"demo_source": 1.0}}},
            {},
            "settings.demo.source.beside: expected other domains than demo_source, which is the source; take it out",
        ),
        (
            {"source": {"beside": {"synthia": 1.0}}},
            {"synthia": {"camera": {"focal": 0.5, "horizon": 0.5}}},
            "settings.demo.source.beside: expected one camera for all sources, in numbers, got Camera(focal=0.5",
        ),
        ({"source": {"beside": {"syntia": 1.0}}}, {}, "settings.demo.source.beside.syntia: unknown domain"),
        ({"source": {"beside": {"synthia": 0.0}}}, {}, "settings.demo.source.beside.synthia: expected"),
    ],
)
def test_a_demand_that_the_data_do_not_meet_is_told_with_the_remedy(
    setting: dict[str, Any], domains: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as told:
        changed(setting, domains=domains)
    assert message in str(told.value)


def test_what_the_messages_advise_helps() -> None:
    assert requirements.wants_target_depth(changed(CORDA).settings["demo"], "corda")
    without = changed({**CORDA, "objectives": {"corda": {"target_depth": 0.0}}})
    assert not requirements.wants_target_depth(without.settings["demo"], "corda")
    cropped = {**CORDA, "objectives": {}, "target": {"width": 100}, "adapt": {"crop": [96, 64]}}
    assert changed(cropped).settings["demo"].adapt.crop == (96, 64)


def test_methods_come_after_what_they_start_from() -> None:
    setting = changed({"methods": ["advent", "adabn"], "objectives": {"adabn": {"start": "dada"}}}).settings["demo"]
    assert requirements.trained(setting) == ["warm_up", "source_only", "advent", "dada", "adabn", "depth_distribution"]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            {"objectives": {"advent": {"start": "dada"}, "dada": {"start": "advent"}}},
            "settings.demo.objectives.advent.start: expected weights to begin with, got advent from dada from advent; "
            "start one of them from a file, or random",
        ),
        ({"start": "dada"}, "settings.demo.start: expected weights to begin with, got "),
        (
            {"objectives": {"adabn": {"start": "advent"}, "advent": {"start": "depth_prior"}}},
            "settings.demo.objectives.advent.start: expected a start without adabn's predictions, got depth_prior, "
            "which asks what align_depth finds by them; take another",
        ),
        (
            {"start": "pretrained"},
            "settings.demo.start: expected random, a method or a file of weights for street, got pretrained, for which "
            "there is no package; set it so, or adapt.network.backbone to one of: efficientnet_lite0",
        ),
        ({"objectives": {"clan": {"start": "pretrained"}}}, "settings.demo.objectives.clan.start: expected random, a"),
        (
            {"objectives": {"warm_up": {"start": "pretrained"}}, "adapt": {"network": LITE | {"pixels": "imagenet"}}},
            "settings.demo.adapt.network.pixels: expected lite, what the pretrained weights of efficientnet_lite0 were "
            "trained with, got imagenet; set it so, or start from others",
        ),
    ],
)
def test_a_start_that_cannot_be_is_refused_while_planning(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as told:
        changed(setting)
    assert str(told.value).startswith(message)


def test_a_start_that_can_be_is_not() -> None:
    fits = {"objectives": {"warm_up": {"start": "pretrained"}}, "adapt": {"network": LITE | {"pixels": "lite"}}}
    assert changed(fits).settings["demo"].objectives["warm_up"].start == "pretrained"


def test_what_packaged_weights_expect_is_what_their_family_says() -> None:
    known = {family.backbone: family.pixels for family in published.FAMILIES if family.backbone in published.PACKAGES}
    assert known == requirements.PRETRAINED
    assert set(known) == set(published.PACKAGES)
