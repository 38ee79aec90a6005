"""Which trainings a table has, where each starts, and under which setting its files stand."""

import re

import pytest
from studies import demo, published, study

from dadist.config.records import ConfigError
from dadist.pipeline import runs
from dadist.pipeline.runs import Artefact, Run


def short(found: list[Run]) -> list[str]:
    return [f"{run.setting} {run.method} {run.seed} {run.round}" for run in found]


def test_wildcards_name_a_run_and_q0_where_a_rule_has_no_round() -> None:
    named = {"setting": "demo", "method": "dada", "seed": "3"}
    assert runs.run_of(named) == Run("demo", "dada", 3, "q0")
    assert runs.run_of({**named, "round": "q2"}) == Run("demo", "dada", 3, "q2")
    assert runs.run_of({**named, "round": "q2"}).number == 2


# --- settings and their variants


def test_variants_of_the_ablation_come_before_those_of_the_papers_without_what_is_taken_out() -> None:
    chosen = published({"dada": {}, "clan": None, "ctrl": {}})
    ablation = [f"demo-{variant}" for variant in chosen.ablation.variants]
    assert "demo-no_depth" in ablation
    assert runs.variants(chosen, "demo") == [*ablation, "demo-paper_dada", "demo-paper_ctrl"]
    assert runs.published_variants(chosen, "demo") == {"dada": "demo-paper_dada", "ctrl": "demo-paper_ctrl"}


def test_a_variant_that_was_read_is_still_none_of_the_settings_that_config_yaml_names() -> None:
    chosen = study()
    before = runs.bases(chosen)
    assert chosen.settings["demo-no_depth"].methods == ("depth_distribution",)
    assert runs.bases(chosen) == before
    assert "demo" in before
    assert (runs.base_of(chosen, "demo-no_depth"), runs.base_of(chosen, "demo")) == ("demo", None)


@pytest.mark.parametrize(
    ("name", "known"),
    [("demo", True), ("demo-no_depth", True), ("s2c16-paper_dada", True), ("demo-paper_dada", False), ("demo-", False)],
)
def test_the_pattern_of_paths_knows_settings_and_their_variants_alone(name: str, known: bool) -> None:
    assert bool(re.fullmatch(runs.pattern(study()), name)) == known


def test_a_dot_in_the_name_of_a_setting_is_a_dot_in_the_pattern() -> None:
    pattern = runs.pattern(study({"settings": {"v1.2": {"presets": ["demo"]}}}))
    assert re.fullmatch(pattern, "v1.2-no_depth")
    assert not re.fullmatch(pattern, "v1x2")


# --- which runs there are


def test_a_table_has_methods_then_seeds_then_rounds() -> None:
    chosen = demo(methods=["depth_distribution"], seeds=[1, 2])
    assert short(runs.of_table(chosen, "demo", "metrics")) == [
        *(f"demo {floor} {seed} q0" for floor in ("source_only", "adabn") for seed in (1, 2)),
        *(f"demo depth_distribution {seed} q{number}" for seed in (1, 2) for number in (0, 1, 2)),
    ]


def test_rounds_are_those_of_the_methods_that_go_through_self_training() -> None:
    chosen = demo(selftrain={"methods": ["advent"], "rounds": [5]})
    assert runs.rounds(chosen, "demo", "advent") == ["q0", "q1"]
    assert runs.rounds(chosen, "demo", "depth_distribution") == ["q0"]


def test_the_ablation_has_what_a_variant_changes_and_nothing_twice() -> None:
    chosen = study({"settings": {"demo": {"selftrain": {"rounds": [5]}}}})
    found = short(runs.of_table(chosen, "demo", "ablation"))
    changed = [variant for variant in chosen.ablation.variants if variant != "no_refinement"]
    assert sorted(found) == sorted(
        [
            "demo depth_distribution 1 q0",
            "demo depth_distribution 1 q1",
            "demo-no_refinement depth_distribution 1 q1",  # it goes on from the base's q0
            *(f"demo-{variant} depth_distribution 1 q0" for variant in changed),  # no variant but that one has rounds
        ]
    )
    assert found[0] == "demo depth_distribution 1 q0"


def test_the_paper_s_table_has_the_setting_s_floors_and_each_method_by_its_own_protocol() -> None:
    papers = {"dada": {}, "advent": {"seeds": [7]}, "ctrl": {}}
    chosen = published(papers, methods=["advent", "dada"])
    assert short(runs.of_table(chosen, "demo", "paper")) == [
        "demo source_only 1 q0",
        "demo adabn 1 q0",
        "demo-paper_advent advent 7 q0",
        "demo-paper_dada dada 1 q0",
    ]


def test_a_paper_s_table_without_any_paper_is_refused_with_the_key() -> None:
    with pytest.raises(
        ConfigError, match=r"settings\.demo\.published: expected .*got none of source_only, adabn, dada; "
    ):
        runs.of_table(demo(methods=["dada"]), "demo", "paper")


def test_the_first_seed_alone_shows_its_labels() -> None:
    chosen = demo(seeds=[4, 2], selftrain={"methods": ["depth_distribution", "adabn"]})
    assert short(runs.self_trained(chosen, "demo")) == [
        *(f"demo adabn 4 q{number}" for number in (1, 2)),
        *(f"demo depth_distribution 4 q{number}" for number in (1, 2)),
    ]


def test_the_panel_shows_the_first_and_the_last_round_of_a_method() -> None:
    chosen = demo(draw={"methods": ["dada", "depth_distribution"]}, seeds=[3, 1])
    assert short(runs.shown(chosen, "demo")) == [
        "demo dada 3 q0",
        "demo depth_distribution 3 q0",
        "demo depth_distribution 3 q2",
    ]


# --- where weights come from


def test_a_method_s_own_start_goes_before_the_setting_s() -> None:
    chosen = study()
    assert runs.start(chosen, "demo", "dada") == "warm_up"
    assert runs.start(chosen, "demo", "warm_up") == "random"
    assert runs.start(chosen, "demo", "adabn") == "source_only"


def test_the_run_that_a_method_starts_from_has_its_seed() -> None:
    chosen = study()
    assert runs.parent(chosen, Run("demo", "dada", 2, "q0")) == Run("demo", "warm_up", 2, "q0")
    assert runs.parent(chosen, Run("demo", "warm_up", 2, "q0")) is None
    assert runs.parent(chosen, Run("s2c16", "dada", 2, "q0")) is None  # a file of the user's


def test_a_round_goes_on_from_the_one_before_which_may_stand_under_the_base() -> None:
    chosen = study()
    second = Run("demo-no_refinement", "depth_distribution", 1, "q2")
    assert runs.before(chosen, second) == Run("demo-no_refinement", "depth_distribution", 1, "q1")
    assert runs.before(chosen, runs.before(chosen, second)) == Run("demo", "depth_distribution", 1, "q0")


# --- the setting that a file stands under

SIZE = {"source": {"width": 96, "height": 48}, "target": {"width": 96, "height": 48}}
VARIANTS = {
    "other_size": SIZE,
    "other_rate": {"adapt": {"optimiser": {"lr": 0.5}}},
    "other_mixture": {"fit_gmm": {"components": 2}},
    "other_warm_up": {"objectives": {"warm_up": {"iterations": 3}}},
    "other_method": {"objectives": {"dada": {"depth": 0.5}}},
    "other_labels": {"pseudo_label": {"confidence": 0.5}},
    "other_panel": {"draw": {"images": 1}},
}


@pytest.mark.parametrize(
    ("variant", "method", "name", "own"),
    [
        ("other_size", "source_only", "q0", True),
        ("other_rate", "source_only", "q0", True),
        ("other_mixture", "depth_distribution", "q0", True),  # it is built from the mixtures
        ("other_mixture", "dada", "q0", False),
        ("other_warm_up", "warm_up", "q0", True),
        ("other_warm_up", "adabn", "q0", True),  # it starts from source_only, which starts from warm_up
        ("other_method", "dada", "q0", True),
        ("other_method", "warm_up", "q0", False),
        ("other_labels", "depth_distribution", "q0", False),
        ("other_labels", "depth_distribution", "q1", True),
        ("other_panel", "depth_distribution", "q0", False),
    ],
)
def test_a_run_of_a_variant_stands_under_its_base_where_nothing_that_makes_it_differs(
    variant: str, method: str, name: str, own: bool
) -> None:
    chosen = study({"ablation": {"variants": list(VARIANTS)}, "presets": VARIANTS})
    found = runs.stored(chosen, Run(f"demo-{variant}", method, 1, name))
    assert found == Run(f"demo-{variant}" if own else "demo", method, 1, name)


def test_a_paper_s_own_method_stands_by_itself_be_all_its_numbers_the_same() -> None:
    chosen = published({"dada": {}})
    assert runs.stored(chosen, Run("demo-paper_dada", "dada", 1)).setting == "demo-paper_dada"
    assert runs.stored(chosen, Run("demo-paper_dada", "warm_up", 1)).setting == "demo"


def test_an_artefact_is_asked_for_by_the_methods_built_from_it_and_stands_under_the_base_if_it_can() -> None:
    chosen = study({"ablation": {"variants": list(VARIANTS)}, "presets": VARIANTS})
    mixtures = Artefact("demo", "mixtures", "fit_gmm")
    patches = Artefact("demo", "patches", "cluster_patches")
    methods = ["dada", "adaptpatch", "depth_distribution"]
    assert runs.artefacts(chosen, "demo", ["dada"]) == []
    assert runs.artefacts(chosen, "demo", methods) == [patches, mixtures]
    own = Artefact("demo-other_mixture", "mixtures", "fit_gmm")
    assert runs.artefacts(chosen, "demo-other_mixture", methods) == [patches, own]
    assert runs.artefacts(chosen, "demo-other_rate", methods) == [patches, mixtures]
