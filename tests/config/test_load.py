import contextlib
import copy
import dataclasses
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sandbox import ROOT, configuration

from dadist.config.load import PAPER, load, study
from dadist.config.methods import module, requirements
from dadist.config.prior_sections import Camera
from dadist.config.records import ConfigError
from dadist.config.schema import Study
from dadist.registry import BACKBONES, METHODS, RECIPES

SHIPPED = configuration()
# With two settings alone; what the numbers are is not these tests' business.
SMALL = {**SHIPPED, "settings": {name: SHIPPED["settings"][name] for name in ("demo", "hard")}}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The small configuration with one key set, by its dotted name."""
    whole = copy.deepcopy(SMALL)
    *sections, key = path.split(".")
    section = whole
    for name in sections:
        section = section.setdefault(name, {})
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
    assert whole.domains["demo_source"].dataset == "synthia"
    assert whole.render["demo"].appearance.bonnet is False


def test_what_people_edit_fits_a_screen_or_two() -> None:
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    assert set(yaml.safe_load(text)) == {"data_root", "seeds", "methods", "domains", "class_sets", "settings"}


def test_a_preset_goes_before_the_defaults_and_a_key_of_the_setting_before_both() -> None:
    config = changed("presets.mine", {"adapt": {"batch": 8, "optimiser": {"lr": 0.5}}})
    config["presets"]["other"] = {"adapt": {"optimiser": {"lr": 0.25, "momentum": 0.5}}}
    config["settings"]["new"] = {"presets": ["demo", "mine", "other"], "adapt": {"optimiser": {"momentum": 0.125}}}
    adapt = study(config).settings["new"].adapt
    assert adapt.batch == 8  # of mine, over the demo's
    assert adapt.optimiser.lr == 0.25  # of other, which is laid over mine
    assert adapt.optimiser.momentum == 0.125  # its own
    assert adapt.optimiser.name == "adamw"  # of the demo
    assert adapt.optimiser.power == SHIPPED["adapt"]["optimiser"]["power"]  # a default


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (changed("adapt.iteratons", 3), r"adapt\.iteratons: unknown key; did you mean 'iterations'\?"),
        (changed("seedz", [1]), r"seedz: unknown key; did you mean 'seeds'\?"),
        (changed("settings.demo.draw.scal", 3), r"settings\.demo\.draw\.scal: unknown key; did you mean 'scale'\?"),
        (changed("presets.demo.adapt.bach", 3), r"presets\.demo\.adapt\.bach: unknown key; did you mean 'batch'\?"),
        (
            changed("render.demo.appearance.hase", 1.0),
            r"render\.demo\.appearance\.hase: unknown key; did you mean",
        ),
        (changed("settings.mine.presets", []), r"settings\.mine\.classes: unknown class set"),
        (without("adapt.optimiser.power"), r"adapt\.optimiser\.power: missing"),
        (changed("render.demo.appearance.haze", 1.5), r"render\.demo\.appearance\.haze: expected 0 to 1, got 1\.5"),
        (without("render.demo.seed"), r"render\.demo\.seed: missing"),
        (without("objectives.advent.start"), r"objectives\.advent\.start: missing"),
        (
            changed("settings.demo.adapt", 4),
            r"settings\.demo\.adapt: expected a section with keys iterations, .*4",
        ),
        (changed("settings.demo.classes", "20"), r"settings\.demo\.classes: unknown class set; known: 13, 16, 19, 7"),
        (changed("fit_gmm.covariance", "tied"), r"fit_gmm\.covariance: expected one of diag, full, got 'tied'"),
        (
            changed("fit_gmm.features", ["x", "x"]),
            r"fit_gmm\.features: expected each once, got \['x', 'x'\]; take 'x' out",
        ),
        (changed("fit_gmm.features", []), r"fit_gmm\.features: expected at least 1 of them, got \[\]"),
        (changed("fit_gmm.z_floor", -1.0), r"fit_gmm\.z_floor: expected at least 0, got -1\.0"),
        (
            changed("compare_components.components", [1, 3, 2]),
            r"components: expected rising numbers from 1 on",
        ),
        (
            changed("settings.demo.cluster_patches.source", [0, 3]),
            r"cluster_patches\.source: expected at least 1, got",
        ),
        (changed("settings.demo", None), r"settings\.demo: expected a section, got None"),
        (changed("domains", []), r"domains: expected a section, got \[\]"),
        (without("render"), r"render: missing; write `render: \{\}`"),
        (changed("presets", 3), r"presets: expected a section, got 3"),
        (changed("presets.demo.presets", ["authors"]), r"presets\.demo\.presets: expected none in a preset"),
        (
            changed("settings.demo.presets", "demo"),
            r"settings\.demo\.presets: expected a list of presets, each once, got 'demo'",
        ),
        (
            changed("settings.demo.presets", ["demo", "demo"]),
            r"settings\.demo\.presets: expected a list of presets, each once, got \['demo', 'demo'\]",
        ),
        (changed("presets.unused", 3), r"presets\.unused: expected a section, got 3"),
    ],
)
def test_a_wrong_key_is_named_where_it_stands(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}" if message.startswith(("adapt", "pre", "ren")) else message):
        study(config)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (changed("objectives.advnt", {"start": None}), r"objectives\.advnt: unknown key; did you mean 'advent'\?"),
        (changed("settings.demo.objectives.advent", None), r"settings\.demo\.objectives\.advent: expected a section"),
        (changed("methods", ["dadda"]), r"methods: unknown method; did you mean 'dada'\?"),
        (changed("ablation.method", "dadda"), r"ablation\.method: unknown method; did you mean 'dada'\?"),
        (changed("domains.demo_source.dataset", ["synthia"]), r"unknown data set"),
        (changed("settings.demo.presets", [["demo"]]), r"settings\.demo\.presets: unknown preset"),
        (changed("selftrain.methods", ["x"]), r"selftrain\.methods: unknown method; known: adabn, "),
        (changed("domains.demo_source.dataset", "synthai"), r"unknown data set; did you mean 'synthia'\?"),
        (
            changed("settings.demo.target.domain", "demo_taget"),
            r"settings\.demo\.target\.domain: unknown domain",
        ),
        (changed("settings.hard.presets", ["dem"]), r"settings\.hard\.presets: unknown preset; did you mean 'demo'\?"),
        (
            changed("ablation.variants", ["no_dept"]),
            r"ablation\.variants: expected presets .*'no_depth'\?",
        ),
        (
            changed("settings.demo.adapt.network.backbone", "resnet"),
            r"adapt\.network\.backbone: unknown backbone",
        ),
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
        (changed("objectives.dada.critic_scale", "1"), r"objectives\.dada\.critic_scale: expected a number, got '1'"),
        (
            changed("settings.demo.objectives.dada.critic_width", 6.5),
            r"dada\.critic_width: expected a whole number",
        ),
        (
            changed("settings.demo.objectives.depth_distribution.squash", "mean"),
            r"objectives\.depth_distribution\.squash: expected one of exponential, median, none, got 'mean'",
        ),
    ],
)
def test_a_methods_own_hyperparameters_are_checked_like_any_key(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        study(config)


@pytest.mark.parametrize("number", [16, "16"])
def test_a_class_set_may_be_written_as_a_number(number: object) -> None:
    assert study(changed("settings.demo.classes", number)).settings["demo"].classes.name == "16"


@pytest.mark.parametrize(
    ("section", "name"),
    [
        *(
            ("settings", name)
            for name in ("my street", "a-b", "c++", "(x)", "a/b", "..", ".a", "a.", "", "Data", "Demo")
        ),
        *(("domains", name) for name in ("a/b", "my {photos}", "DEMO_SOURCE", "a\nb")),
        *(("class_sets", name) for name in ("a/b", "drive ")),
        ("presets", "no depth"),
        ("render", "Hard"),
    ],
)
def test_a_name_that_cannot_be_a_folder_of_its_own_is_refused(section: str, name: str) -> None:
    config = copy.deepcopy(SMALL)
    config[section][name] = {}
    with pytest.raises(ConfigError, match=rf"^{section}\.{re.escape(name)}: expected .*; rename "):
        study(config)


@pytest.mark.parametrize("name", ["2024", "a.b", "_", "v1.2"])
def test_a_setting_may_have_any_name_that_can_be_a_folder(name: str) -> None:
    assert name in study(changed("settings", {name: SMALL["settings"]["demo"]})).settings


def test_every_method_and_recipe_declares_its_keys_and_no_section_is_left_over() -> None:
    assert set(SHIPPED["objectives"]) == set(METHODS)
    for name in (*METHODS, *RECIPES):
        assert module(name).__doc__
    assert requirements("depth_distribution").artefacts == ("mixtures",)
    assert requirements("dada").source_depth
    assert requirements("corda").target_depth == ("target_depth",)
    assert requirements("class_mix").same_size
    assert not requirements("adabn").artefacts


def test_source_only_and_adabn_stand_in_every_table_whichever_methods_it_names() -> None:
    found = study(changed("settings.demo.methods", ["dada"])).settings["demo"].methods
    assert found == ("source_only", "adabn", "dada")
    named = study(changed("settings.demo.methods", ["dada", "adabn"])).settings["demo"]
    assert named.methods == ("source_only", "dada", "adabn")


# --- the grid


def test_a_grid_that_is_null_is_what_the_backbone_gives_for_the_size() -> None:
    settings = study(SHIPPED).settings
    found = {name: settings[name].grid for name in ("demo", "s2c16", "s2c7_small", "s2c16-paper_corda")}
    assert found == {"demo": (24, 12), "s2c16": (161, 96), "s2c7_small": (81, 41), "s2c16-paper_corda": (161, 91)}
    assert study(changed("settings.demo.grid", [24, 12])).settings["demo"].grid == (24, 12)


def test_a_wrong_grid_is_refused_while_planning() -> None:
    with pytest.raises(ConfigError, match=r"settings\.demo\.grid: expected \[24, 12\], what street gives for 192x96"):
        study(changed("settings.demo.grid", [25, 12]))


def test_every_backbone_has_a_grid() -> None:
    for name in BACKBONES:
        pixels = "caffe" if name == "resnet101" else "imagenet"
        config = changed("settings.demo.adapt.network", {"backbone": name, "pixels": pixels})
        assert study(config).settings["demo"].grid is not None


# --- protocols and variants


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


def test_paper_rows_have_the_slips_of_the_published_code_and_no_other_row_has() -> None:
    settings, four = study(SHIPPED).settings, (6, 12, 18, 24)
    assert {
        method: (found.adapt.optimiser.backbone_repeats, found.adapt.optimiser.head_lr_mult, found.adapt.network.rates)
        for method, found in ((one, settings[f"s2c16-{PAPER}{one}"]) for one in settings["s2c16"].published)
    } == {
        **dict.fromkeys(("advent", "minent", "dada", "clan", "ctrl"), ("published", 10.0, four)),
        **dict.fromkeys(("adaptsegnet", "corda"), ("published", 10.0, four[:2])),
        "adaptpatch": ("once", 10.0, four),  # no code of it was seen
        "spigan": ("once", 1.0, four),
        "depth_distribution": ("once", 1.0, four),
    }
    rounds = settings["s2c16-paper_ctrl"].selftrain.training.optimiser
    assert (rounds.backbone_repeats, rounds.head_lr_mult) == ("published", 10.0)
    for name in SHIPPED["settings"]:
        assert settings[name].adapt.optimiser.backbone_repeats == "once"


@pytest.mark.parametrize("setting", SHIPPED["settings"])
def test_every_protocol_of_a_method_and_every_variant_that_ships_is_sound(setting: str) -> None:
    settings = study(SHIPPED).settings
    published = [method for method, presets in settings[setting].published.items() if presets is not None]
    # The ablation is of depth_distribution, whose mixtures are of whole images.
    ablated = SHIPPED["ablation"]["variants"] if settings[setting].adapt.crop is None else []
    for name in [*ablated, *(f"{PAPER}{method}" for method in published)]:
        assert settings[f"{setting}-{name}"]


@pytest.mark.parametrize(
    ("published", "message"),
    [
        ({"dadda": []}, r"settings\.demo\.published: unknown method; did you mean 'dada'"),
        ({"dada": 3}, r"settings\.demo\.published\.dada: expected a list, got 3"),
        ({"dada": ["authers"]}, r"settings\.demo\.published: unknown preset; did you mean 'authors'"),
    ],
)
def test_what_is_wrong_with_a_method_s_own_protocol_is_named(published: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        study(changed("settings.demo.published", published)).settings["demo-paper_dada"]


def test_null_takes_a_method_s_own_protocol_out_that_came_from_a_preset() -> None:
    config = changed("presets.demo.published", {"dada": ["poster"], "advent": ["poster"]})
    config["settings"]["hard"]["published"] = {"dada": None}
    settings = study(config).settings
    assert settings["hard-paper_advent"].protocol == "paper"
    assert settings["demo-paper_dada"].protocol == "paper"
    with pytest.raises(KeyError):
        settings["hard-paper_dada"]


def test_the_protocol_is_no_key_and_its_prefix_no_variant_s() -> None:
    with pytest.raises(ConfigError, match=r"settings\.demo\.protocol: unknown key; `published` has what methods were"):
        study(changed("settings.demo.protocol", "paper"))
    config = changed("ablation.variants", ["paper_x"])
    config["presets"]["paper_x"] = {}
    with pytest.raises(ConfigError, match=r"ablation\.variants: expected presets whose names do not begin with paper_"):
        study(config)


def test_the_workflow_can_plan_without_torch() -> None:
    code = "import dadist.config.load, dadist.storage.digest, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- limits


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("adapt.batch", 0, "settings.demo.adapt.batch: expected at least 1, got 0"),
        ("pseudo_label", {"confidence": 1.5}, "settings.demo.pseudo_label.confidence: expected 0 to 1, got 1.5"),
        ("seeds", [], "settings.demo.seeds: expected at least 1 of them, got []"),
        ("seeds", [1, 2, 1], "settings.demo.seeds: expected each once, got [1, 2, 1]; take 1 out"),
        ("seeds", [2**32], "settings.demo.seeds[0]: expected 0 to 4294967295, got 4294967296"),
        ("fit_gmm.seed", 2**64, "settings.demo.fit_gmm.seed: expected 0 to 4294967295, got 18446744073709551616"),
        (
            "methods",
            ["dada", "dada"],
            "settings.demo.methods: expected each once, got ['dada', 'dada']; take 'dada' out",
        ),
        ("selftrain.methods", ["dada", "dada"], "settings.demo.selftrain.methods: expected each once"),
        ("draw.methods", ["dada", "dada"], "settings.demo.draw.methods: expected each once"),
        ("target.width", -64, "settings.demo.target.width: expected 1 to 65535, got -64"),
        ("target.height", 2**40, "settings.demo.target.height: expected 1 to 65535, got 1099511627776"),
        ("adapt.optimiser.poly_iterations", 5, "adapt.optimiser.poly_iterations: expected at least 90000, the longest"),
        ("adapt", {"batch": 4, "gpus": 0}, "settings.demo.adapt.gpus: expected at least 1"),
        ("adapt", {"batch": 4, "gpus": 3}, "settings.demo.adapt.gpus: expected a divisor of batch, 4, got 3; each"),
        ("selftrain.training.gpus", 8, "selftrain.training.gpus: expected a divisor of batch, 4, got 8; each"),
        ("selftrain.rounds", [30, -1], "settings.demo.selftrain.rounds[1]: expected at least 0, got -1"),
        ("adapt.optimiser.lr", float("inf"), "settings.demo.adapt.optimiser.lr: expected a finite number, got inf"),
        ("adapt.optimiser.lr", float("nan"), "settings.demo.adapt.optimiser.lr: expected a finite number, got nan"),
    ],
)
def test_a_number_out_of_its_limits_is_refused_by_name(key: str, value: object, message: str) -> None:
    config = changed(f"settings.demo.{key}", value)
    if "poly" in key:
        config["settings"]["demo"]["adapt"]["iterations"] = 90000
    with pytest.raises(ConfigError, match=re.escape(message)):
        study(config)


def test_what_a_domain_leaves_out_is_empty_and_what_it_gets_wrong_is_named() -> None:
    photographs = {"dataset": "folder", "root": "photos", "depth": False, "images": {"train": "*.jpg"}}
    options = study(changed("domains.mine", photographs)).domains["mine"].options
    assert options["images"] == {"train": "*.jpg"}
    assert (options["labels"], options["ids"], options["depth_metres"]) == ({}, {}, None)
    del photographs["images"]
    with pytest.raises(ConfigError, match=r"domains\.mine\.images: missing"):
        study(changed("domains.mine", photographs))
    with pytest.raises(ConfigError, match=r"domains\.mine\.images: expected a glob for train"):
        study(changed("domains.mine", {**photographs, "images": {"val": "*.jpg"}}))
    with pytest.raises(ConfigError, match=r"domains\.mapillary\.version: expected one of v1\.2, v2\.0, got 'v3'"):
        study(changed("domains.mapillary.version", "v3"))
    camera = {"focal": 1.2, "horizon": 0.4}
    assert study(changed("domains.mine", {**photographs, "images": {"train": "*.jpg"}, "camera": camera})).domains[
        "mine"
    ].camera == Camera(1.2, 0.4)
    assert study(changed("domains.cityscapes.camera", "files")).domains["cityscapes"].camera == "files"
    with pytest.raises(
        ConfigError, match=r"domains\.mapillary\.camera: expected focal and horizon: the reader mapillary"
    ):
        study(changed("domains.mapillary.camera", "files"))
    with pytest.raises(ConfigError, match=r"domains\.mapillary\.camera"):
        study(changed("domains.mapillary.camera", {"focal": 0, "horizon": 0.4}))
    with pytest.raises(ConfigError, match=r"domains\.mapillary\.verion: unknown key; did you mean 'version'"):
        study(changed("domains.mapillary.verion", "v3"))


# --- which file is blamed


@pytest.mark.parametrize(
    ("mine", "words", "message"),
    [
        (
            "settings: {demo: {adapt: {bach: 3}}}",
            [],
            r"^mine\.yaml: settings\.demo\.adapt\.bach: unknown key; did you mean",
        ),
        (
            "presets: {demo: {draw: {scale: 0}}}",
            [],
            r"^mine\.yaml: presets\.demo\.draw\.scale: expected at least 1, got 0",
        ),
        (
            "adapt: {batch: 0}\nsettings: {s: {presets: [synthia_cityscapes]}}",
            [],
            r"^mine\.yaml: adapt\.batch: expected at",
        ),
        ("settings: {demo: {presets: [demmo]}}", [], r"^mine\.yaml: settings\.demo\.presets: unknown preset"),
        ("{}", ["seeds=3"], r"^--config: seeds: expected a list, got 3"),
        ("settings: {a.b: {presets: [demo], seeds: []}}", [], r"^mine\.yaml: settings\.a\.b\.seeds: expected at least"),
        (
            "class_sets: {a.b: [{name: x, colour: 3}, {name: y, colour: 4}]}",
            [],
            r"^mine\.yaml: class_sets\.a\.b\[0\]\.colour: ",
        ),
    ],
)
def test_the_file_that_holds_the_mistake_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mine: str, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(mine, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        load(ROOT / "config", [ROOT / "config.yaml", Path("mine.yaml")], words)


def test_the_command_line_lies_over_all_files(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("data_root: a\nsettings: {2024: {presets: [demo], seeds: [5]}}\n", encoding="utf-8")
    words = ["data_root=b", "settings={demo: {seeds: [3, 4]}}"]
    found = load(ROOT / "config", [ROOT / "config.yaml", mine], words)
    assert (found.data_root, found.settings["demo"].seeds, found.settings["2024"].seeds) == ("b", (3, 4), (5,))


ODD: tuple[Any, ...] = (
    *(None, 3, -1, 2**64, 1e300, float("nan"), True, "", "x", "a b", "\n", [], [[]], [None], ["x", "x"]),
    *({}, {"x": {}}, {"": None}),
)


@pytest.mark.parametrize("section", ["settings", "domains", "class_sets", "presets", "render", "ablation", "data_root"])
def test_whatever_stands_at_a_key_ends_in_a_study_or_in_one_message(section: str) -> None:
    config = copy.deepcopy(SMALL)
    config["settings"] = {"demo": {"presets": ["demo", "mine"], "classes": "drive", "published": {"dada": ["mine"]}}}
    config["class_sets"] = {"drive": [{"name": "ground", "colour": [1, 2, 3], "of": ["road"]}, {"name": "sky"}]}
    config["class_sets"]["drive"][1]["colour"] = [4, 5, 6]
    own = {"dataset": "folder", "root": "p", "depth": False, "images": {"train": "*.jpg"}, "ids": {"0": "road"}}
    config["domains"] = {name: SMALL["domains"][name] for name in ("demo_source", "demo_target")} | {"own": own}
    config["presets"]["mine"] = {"seeds": [1], "draw": {"scale": 1}}
    shown = {"presets": {"mine": config["presets"]["mine"]}, "render": {"demo": config["render"]["demo"]}}
    assert study(config).settings["demo-paper_dada"]
    for path in _paths({section: shown.get(section, config[section])}):
        for odd in ODD:
            broken = copy.deepcopy(config)
            inside: Any = broken
            for part in path[:-1]:
                inside = inside[part]
            inside[path[-1]] = odd
            with contextlib.suppress(ConfigError):
                assert isinstance(study(broken), Study)


def _paths(content: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*before, key)
        yield from _paths(value, (*before, key))


def test_mapillary_has_the_numbers_of_experiments_4_and_5() -> None:
    for name, size, grid in (("s2m7", (1280, 760), (161, 96)), ("s2m7_small", (640, 320), (81, 41))):
        chosen = study(SHIPPED).settings[name]
        assert (len(chosen.classes), chosen.grid, chosen.pseudo_label.images) == (7, grid, 9000)
        assert [(view.width, view.height, view.fit) for view in (chosen.source, chosen.target)] == [
            (*size, "stretch"),
            (*size, "pad"),
        ]
        weights = dataclasses.asdict(chosen.objectives["depth_distribution"])
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


def test_the_authors_and_the_poster_are_laid_over_a_task() -> None:
    settings = study(SHIPPED).settings
    authors, poster = settings["s2c7_authors"], settings["s2c16_poster"]
    assert authors.selftrain.rounds == (10000,)
    assert settings["s2c16_authors"].selftrain.rounds == (30000,)
    assert (authors.refine_labels.base, authors.refine_labels.span) == (100, 900)  # of the task, from s2c7
    assert authors.adapt.class_weight_power == 1.0
    assert settings["s2m7_authors"].adapt.class_weight_power == 0.0
    assert settings["s2m7_authors"].evaluate.labels == "working"
    assert poster.adapt.class_weight_power == 0.0
    assert poster.objectives["depth_distribution"].squash == "none"
    assert poster.objectives["depth_distribution"].source_density == "ground_truth"


def test_a_variant_is_its_base_but_for_its_overlay_and_trains_one_method() -> None:
    settings = study(SHIPPED).settings
    base, variant = settings["demo"], settings["demo-critic_depth"]
    assert variant.objectives["depth_distribution"].feature == "depth"
    assert (variant.methods, variant.selftrain.methods) == (("depth_distribution",), ())
    assert variant.adapt == base.adapt
    assert settings["demo-no_refinement"].selftrain.methods == ("depth_distribution",)
    with pytest.raises(KeyError):
        settings["demo-no_such"]


@pytest.mark.parametrize("task", ["s2c16", "g2c19"])
def test_daformer_and_mic_have_the_constants_of_their_code(task: str) -> None:
    settings = study(SHIPPED).settings
    plain, fine = settings[f"{task}_daformer"], settings[f"{task}_mic"]
    for one, side, method in ((plain, 512, "daformer"), (fine, 1024, "mic")):
        adapt, optimiser = one.adapt, one.adapt.optimiser
        assert (adapt.iterations, adapt.batch, adapt.crop, adapt.flip) == (40000, 2, (side, side), True)
        assert (optimiser.name, optimiser.lr, optimiser.head_lr_mult) == ("adamw", 6e-5, 10)
        assert optimiser.weight_decay == 0.01
        assert (optimiser.power, optimiser.warm_up, optimiser.decay_norms) == (1, 1500, False)
        assert (adapt.network.backbone, adapt.network.decoder) == ("mit_b5", "daformer")
        assert (one.target.width, one.target.height) == (2 * side, side)
        chosen: Any = one.objectives[method]
        assert (chosen.teacher, chosen.confidence, chosen.rare_classes.temperature) == (0.999, 0.968, 0.01)
        assert chosen.margins[:2] == pytest.approx((15 / 512, 120 / 512), abs=1e-3)
    mic: Any = fine.objectives["mic"]
    assert (mic.detail, mic.mask_ratio, mic.mask_block * 1024) == (0.1, 0.7, 64)
    assert (fine.source.width, fine.source.height) == (2 * plain.source.width, 2 * plain.source.height)
