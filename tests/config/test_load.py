import copy
import dataclasses
import importlib
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml
from sandbox import ROOT

from dadist.config.load import PAPER, study
from dadist.config.parsing import ConfigError, parse
from dadist.config.requirements import declared, declared_hyperparameters
from dadist.config.schema import Optimiser
from dadist.registry import METHODS

SHIPPED: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
# The defaults with two settings, one like the other; what the numbers are is not these tests' business.
SMALL = {**SHIPPED, "settings": {name: SHIPPED["settings"][name] for name in ("demo", "hard")}}
OPTIMISER = {
    "name": "sgd",
    "lr": 2.5e-4,
    "momentum": 0.9,
    "weight_decay": 5.0e-4,
    "head_lr_mult": 1.0,
    "power": 0.9,
    "poly_iterations": None,
    "warm_up": 0,
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The small configuration with one key set, by its dotted name."""
    whole = copy.deepcopy(SMALL)
    *sections, key = path.split(".")
    section = whole
    for name in sections:
        section = section[name]
    section[key] = value
    return whole


def without(path: str) -> dict[str, Any]:
    """The small configuration without one key, by its dotted name."""
    whole = changed(path, None)
    *sections, key = path.split(".")
    section = whole
    for name in sections:
        section = section[name]
    del section[key]
    return whole


def test_the_shipped_config_parses() -> None:
    whole = study(SHIPPED)
    assert list(whole.settings) == list(SHIPPED["settings"])
    assert whole.settings["demo"].methods == tuple(SHIPPED["methods"])
    assert whole.settings["demo"].grid == (24, 12)
    assert whole.domains["demo_source"].dataset == "synthia"
    assert whole.render["demo"].appearance.bonnet is False


def test_no_section_of_the_shipped_config_is_two_at_once() -> None:
    # Snakemake lays a file of the user's over config.yaml in place: what an anchor shares would change under all names.
    seen: list[int] = []
    pending: list[Any] = [SHIPPED]
    while pending:
        section = pending.pop()
        if isinstance(section, dict | list):
            seen.append(id(section))
            pending += section.values() if isinstance(section, dict) else section
    assert len(seen) == len(set(seen))


def test_what_a_setting_does_not_say_comes_from_the_defaults() -> None:
    config = changed("settings.demo.fit_gmm", {"components": 3})
    config["settings"]["demo"]["adapt"]["optimiser"] = {"lr": 0.125}
    demo = study(config).settings["demo"]
    assert (demo.fit_gmm.components, demo.fit_gmm.points) == (3, SHIPPED["fit_gmm"]["points"])
    assert (demo.adapt.optimiser.lr, demo.adapt.optimiser.power) == (0.125, SHIPPED["adapt"]["optimiser"]["power"])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (changed("adapt.iteratons", 3), r"adapt\.iteratons: unknown key; did you mean 'iterations'\?"),
        (changed("seedz", [1]), r"settings\.demo\.seedz: unknown key; did you mean 'seeds'\?"),
        (changed("adapt.qqqq", 3), r"adapt\.qqqq: unknown key; known: batch, class_weight_cap, "),
        (changed("settings.demo.draw.scal", 3), r"settings\.demo\.draw\.scal: unknown key; did you mean 'scale'\?"),
        (
            changed("render.demo.appearance.hase", 1.0),
            r"render\.demo\.appearance\.hase: unknown key; did you mean 'haze'\?",
        ),
        (without("adapt.optimiser.power"), r"adapt\.optimiser\.power: missing; config\.yaml must set it"),
        (without("render.demo.seed"), r"render\.demo\.seed: missing; config\.yaml must set it"),
        (without("objectives.advent.start"), r"objectives\.advent\.start: missing; config\.yaml must set it"),
        (changed("adapt.optimiser.momentum", "1e-4"), r"momentum: expected float, got '1e-4'; .*write 1\.0e-4"),
        (changed("settings.demo.adapt.batch", 4.0), r"adapt\.batch: expected int, got 4\.0"),
        (changed("settings.demo.adapt.flip", 1), r"adapt\.flip: expected bool, got 1"),
        (changed("adapt.optimiser.momentum", True), r"momentum: expected float, got True"),
        (changed("settings.demo.adapt", 4), r"adapt: expected a section with keys iterations, batch, .*, got 4"),
        (changed("settings.demo.grid", [24]), r"grid: expected a list of 2, got \[24\]"),
        (changed("seeds", 1), r"seeds: expected a list, got 1"),
        (changed("seeds", [1, "x"]), r"seeds\[1\]: expected int, got 'x'"),
        (changed("settings.demo.classes", "20"), r"classes: unknown class set; known: 13, 16, 19, 7"),
        (changed("fit_gmm.covariance", "tied"), r"covariance: expected one of diag, full, got 'tied'"),
        (
            changed("compare_components.components", [1, 3, 2]),
            r"compare_components\.components: expected rising numbers from 1 on, got \[1, 3, 2\]",
        ),
        (changed("settings.demo", None), r"settings\.demo: expected a section, got None"),
        (changed("domains", []), r"domains: expected a section of config\.yaml, got \[\]"),
        (without("render"), r"render: expected a section of config\.yaml, got None"),
    ],
)
def test_a_wrong_key_is_named_with_what_is_wrong(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        study(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (changed("objectives.advnt", {"start": None}), r"objectives\.advnt: unknown method; did you mean 'advent'\?"),
        (changed("settings.demo.objectives.advent", None), r"objectives\.advent: expected a section, got None"),
        (changed("methods", ["dadda"]), r"settings\.demo\.methods: no section objectives\.dadda; known: warm_up, "),
        (changed("selftrain.methods", ["x"]), r"settings\.demo\.selftrain\.methods: no section objectives\.x; known: "),
        (changed("domains.demo_source.dataset", "synthai"), r"unknown data set; did you mean 'synthia'\?"),
        (changed("settings.demo.target.domain", "demo_taget"), r"settings\.demo: unknown domain; did you mean 'demo_"),
        (changed("settings.hard.like", "dem"), r"settings\.hard\.like: expected another setting, got 'dem'"),
    ],
)
def test_an_unknown_name_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        study(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (changed("objectives.dada.dept", 1.0), r"objectives\.dada\.dept: unknown key; did you mean 'depth'\?"),
        (changed("objectives.advent.depth", 1.0), r"objectives\.advent\.depth: unknown key; known: adversarial, "),
        (without("objectives.dada.critic_scale"), r"objectives\.dada\.critic_scale: missing"),
        (changed("objectives.dada.critic_scale", "1"), r"objectives\.dada\.critic_scale: expected float, got '1'"),
        (changed("settings.demo.objectives.dada.critic_width", 6.5), r"dada\.critic_width: expected int, got 6\.5"),
        (
            changed("settings.demo.objectives.depth_distribution.squash", "mean"),
            r"objectives\.depth_distribution\.squash: expected one of exponential, median, none, got 'mean'",
        ),
    ],
)
def test_a_methods_own_knobs_are_checked_like_any_key(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        study(config)


def test_a_setting_like_another_takes_its_keys_one_by_one() -> None:
    config = changed("settings.hard.adapt", {"optimiser": {"lr": 7.0e-3}})
    config["settings"]["demo"]["adapt"]["optimiser"] = {"lr": 1.0, "name": "adamw"}
    config["settings"]["harder"] = {"like": "hard", "adapt": {"optimiser": {"momentum": 0.5}}, "seeds": [8]}
    settings = study(config).settings
    assert settings["harder"].adapt.optimiser.lr == 7e-3  # of hard
    assert settings["harder"].adapt.optimiser.momentum == 0.5  # its own
    assert settings["harder"].adapt.optimiser.name == "adamw"  # of demo
    assert settings["harder"].adapt.optimiser.power == SHIPPED["adapt"]["optimiser"]["power"]  # of the defaults
    assert (settings["harder"].seeds, settings["hard"].seeds) == ((8,), tuple(SHIPPED["seeds"]))
    assert settings["demo"].adapt.optimiser.lr == 1.0


@pytest.mark.parametrize("chain", [{"demo": "demo"}, {"demo": "hard", "hard": "demo"}])
def test_settings_like_each_other_in_a_circle_are_refused(chain: dict[str, str]) -> None:
    config = copy.deepcopy(SMALL)
    for name, parent in chain.items():
        config["settings"][name]["like"] = parent
    with pytest.raises(ConfigError, match=r"like: expected another setting, got "):
        study(config)


@pytest.mark.parametrize("number", [16, "16"])
def test_a_class_set_may_be_written_as_a_number(number: object) -> None:
    assert study(changed("settings.demo.classes", number)).settings["demo"].classes.name == "16"


def test_a_whole_number_serves_as_a_float() -> None:
    rate = parse(Optimiser, {**OPTIMISER, "lr": 1}, "adapt").lr
    assert rate == 1
    assert isinstance(rate, float)


@pytest.mark.parametrize(("value", "message"), [("x", "expected int, got 'x'"), (2.0, "expected int, got 2.0")])
def test_an_optional_key_takes_null_and_its_own_type_alone(value: object, message: str) -> None:
    assert parse(Optimiser, {**OPTIMISER, "poly_iterations": None}, "adapt").poly_iterations is None
    assert parse(Optimiser, {**OPTIMISER, "poly_iterations": 5}, "adapt").poly_iterations == 5
    with pytest.raises(ConfigError, match=rf"adapt\.poly_iterations: {message}"):
        parse(Optimiser, {**OPTIMISER, "poly_iterations": value}, "adapt")


def test_every_method_has_a_section_and_no_section_is_left_over() -> None:
    assert set(SHIPPED["objectives"]) == set(METHODS)


@pytest.mark.parametrize("module", METHODS.values())
def test_what_is_read_from_a_methods_file_is_what_it_defines(module: str) -> None:
    imported = importlib.import_module(module)
    hyperparameters = (
        [field.name for field in dataclasses.fields(imported.Hyperparameters)]
        if hasattr(imported, "Hyperparameters")
        else []
    )
    assert list(declared_hyperparameters(module)) == hyperparameters
    constants = (("NEEDS", ()), ("SOURCE_DEPTH", False), ("TARGET_DEPTH", ""), ("SAME_SIZE", False))
    for constant, default in constants:
        assert declared(module, constant, default) == getattr(imported, constant, default)


def test_source_only_and_adabn_stand_in_every_table_whichever_methods_it_names() -> None:
    assert study(changed("settings.demo.methods", ["dada"])).settings["demo"].methods == (
        "source_only",
        "adabn",
        "dada",
    )
    named = study(changed("settings.demo.methods", ["dada", "adabn"])).settings["demo"]
    assert named.methods == ("source_only", "dada", "adabn")


def test_a_method_s_own_protocol_is_its_setting_but_for_what_it_was_published_with() -> None:
    settings = study(SHIPPED).settings
    base, dada = settings["s2c16"], settings["s2c16-paper_dada"]
    assert (base.protocol, dada.protocol, settings["s2c16-no_depth"].protocol) == ("unified", "paper", "unified")
    assert (dada.methods, dada.selftrain.methods) == (("dada",), ())
    assert (dada.source, dada.objectives, dada.start) == (base.source, base.objectives, base.start)
    assert (dada.target.width, dada.target.height) == (1024, 512)
    assert (dada.adapt.optimiser.head_lr_mult, dada.adapt.class_weight_power) == (10.0, 0.0)
    theirs, authors = settings["s2c16-paper_depth_distribution"], settings["s2c16_authors"]
    assert theirs.adapt == authors.adapt
    assert (theirs.selftrain, theirs.objectives) == (authors.selftrain, authors.objectives)
    assert (settings["s2m7-paper_dada"].target.width, settings["s2m7-paper_dada"].target.fit) == (1024, "pad")


@pytest.mark.parametrize("setting", SHIPPED["settings"])
def test_every_protocol_of_a_method_and_every_variant_that_ships_is_sound(setting: str) -> None:
    settings = study(SHIPPED).settings
    names = [
        *SHIPPED["ablation"]["variants"],
        *(f"{PAPER}{method}" for method, over in settings[setting].papers.items() if over is not None),
    ]
    for name in names:
        assert settings[f"{setting}-{name}"]


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"dadda": {}}, r"settings\.demo\.papers: no section objectives\.dadda; known: "),
        ({"dada": 3}, r"settings\.demo\.papers\.dada: expected a section, got 3"),
        (
            {"dada": {"adapt": {"bach": 3}}},
            r"settings\.demo-paper_dada\.adapt\.bach: unknown key; did you mean 'batch'",
        ),
        (
            {"dada": {"presets": ["authers"]}},
            r"settings\.demo-paper_dada\.presets: unknown preset; did you mean 'autho",
        ),
    ],
)
def test_what_is_wrong_with_a_method_s_own_protocol_is_named(over: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        study(changed("settings.demo.papers", over)).settings["demo-paper_dada"]


def test_null_takes_a_method_s_own_protocol_out_that_came_from_another_setting() -> None:
    config = changed("settings.demo.papers", {"dada": {}, "advent": {}})
    config["settings"]["hard"]["papers"] = {"dada": None}
    settings = study(config).settings
    assert settings["hard-paper_advent"].protocol == "paper"
    with pytest.raises(KeyError):
        settings["hard-paper_dada"]


def test_the_protocol_is_no_key_and_its_prefix_no_variant_s() -> None:
    with pytest.raises(ConfigError, match=r"settings\.demo\.protocol: unknown key; `papers` has what methods were"):
        study(changed("settings.demo.protocol", "paper"))
    with pytest.raises(ConfigError, match=r"ablation\.variants\.paper_x: expected a name that does not begin with "):
        study(changed("ablation.variants.paper_x", {}))


def test_the_needs_and_knobs_of_two_methods_are_these() -> None:
    assert declared(METHODS["depth_distribution"], "NEEDS", ()) == ("mixtures",)
    assert declared(METHODS["dada"], "NEEDS", ()) == ()
    assert declared(METHODS["dada"], "SOURCE_DEPTH", False)
    assert declared_hyperparameters(METHODS["adabn"]) == {}
    assert declared_hyperparameters(METHODS["advent"])["critic_width"] == "int"


def test_the_workflow_can_plan_without_torch() -> None:
    code = "import dadist.config.schema, dadist.storage.digest, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("adapt.batch", 0, "settings.demo.adapt.batch: expected at least 1, got 0"),
        ("pseudo_label", {"confidence": 1.5}, "settings.demo.pseudo_label.confidence: expected 0 to 1, got 1.5"),
        ("seeds", [], "settings.demo.seeds: expected at least 1, got 0"),
        (
            "adapt",
            {"optimiser": {"poly_iterations": 5}},
            "adapt.optimiser.poly_iterations: expected at least 90000, the",
        ),
        ("adapt", {"batch": 4, "gpus": 0}, "settings.demo.adapt.gpus: expected at least 1, got 0"),
        ("adapt", {"batch": 4, "gpus": 3}, "settings.demo.adapt.gpus: expected a divisor of batch, 4, got 3; each"),
        ("selftrain.training.gpus", 8, "selftrain.training.gpus: expected a divisor of batch, 4, got 8; each"),
        ("selftrain.rounds", [30, -1], "settings.demo.selftrain.rounds: expected at least 0, got -1"),
    ],
)
def test_a_number_out_of_its_limits_is_refused_by_name(key: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        study(changed(f"settings.demo.{key}", value))


def test_what_a_domain_leaves_out_is_empty_and_what_it_gets_wrong_is_named() -> None:
    photographs = {"dataset": "folder", "root": "photos", "depth": False, "images": {"train": "*.jpg"}}
    options = study(changed("domains.mine", photographs)).domains["mine"].options
    assert options["images"] == {"train": "*.jpg"}
    assert (options["labels"], options["ids"], options["depth_metres"]) == ({}, {}, None)
    del photographs["images"]
    with pytest.raises(ConfigError, match=r"domains\.mine\.images: expected a glob for train"):
        study(changed("domains.mine", photographs))
    with pytest.raises(ConfigError, match=r"domains\.mapillary\.version: expected one of v1\.2, v2\.0, got 'v3'"):
        study(changed("domains.mapillary.version", "v3"))


def test_mapillary_has_the_numbers_of_experiments_4_and_5() -> None:
    for name, size, grid in (("s2m7", (1280, 760), (161, 96)), ("s2m7_small", (640, 320), (81, 41))):
        chosen = study(SHIPPED).settings[name]
        assert (len(chosen.classes), chosen.grid, chosen.pseudo_label.images) == (7, grid, 9000)
        assert [(view.width, view.height, view.fit) for view in (chosen.source, chosen.target)] == [
            (*size, "stretch"),
            (*size, "pad"),
        ]
        weights = chosen.objectives["depth_distribution"].hyperparameters
        assert [weights[key] for key in ("depth", "balance_source", "balance_target", "adversarial", "critic_lr")] == [
            0.0001,
            0.005,
            0.001,
            0.001,
            0.0001,
        ]
        assert chosen.adapt.class_weight_power == 0
        assert (chosen.refine_labels.base, chosen.refine_labels.span) == (50, 50)


def test_a_setting_without_self_training_is_fine() -> None:
    assert study(changed("settings.demo.selftrain.rounds", [])).settings["demo"].selftrain.rounds == ()


def test_a_setting_s_own_keys_go_before_its_presets_and_those_before_what_it_is_like() -> None:
    settings = study(SHIPPED).settings
    authors, poster = settings["s2c7_authors"], settings["s2c16_poster"]
    assert authors.selftrain.rounds == (10000,)
    assert settings["s2c16_authors"].selftrain.rounds == (30000,)
    assert (authors.refine_labels.base, authors.refine_labels.span) == (100, 900)  # of the task, from s2c7
    assert authors.adapt.class_weight_power == 1.0
    assert settings["s2m7_authors"].adapt.class_weight_power == 0.0
    assert settings["s2m7_authors"].evaluate.labels == "working"
    assert poster.adapt.class_weight_power == 0.0
    assert poster.objectives["depth_distribution"].hyperparameters["squash"] == "none"
    assert poster.objectives["depth_distribution"].hyperparameters["source_density"] == "ground_truth"


def test_an_unknown_preset_is_told_with_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigError, match=r"settings\.s2c16_poster\.presets: unknown preset; did you mean 'poster'"):
        study({**SHIPPED, "settings": {**SHIPPED["settings"], "s2c16_poster": {"like": "s2c16", "presets": ["postr"]}}})


def test_a_variant_is_its_base_but_for_its_overlay_and_trains_one_method() -> None:
    settings = study(SHIPPED).settings
    base, variant = settings["demo"], settings["demo-critic_depth"]
    assert variant.objectives["depth_distribution"].hyperparameters["feature"] == "depth"
    assert (variant.methods, variant.selftrain.methods) == (("depth_distribution",), ())
    assert variant.adapt == base.adapt
    assert settings["demo-no_refinement"].selftrain.methods == ("depth_distribution",)
    with pytest.raises(KeyError):
        settings["demo-no_such"]
