"""Paths below results/, and what they say."""

import pytest
from sandbox import ROOT
from studies import study

from dadist.pipeline import paths
from dadist.pipeline.runs import Artefact, Run

RUN = Run("demo-no_depth", "dada", 12, "q1")


def test_the_files_of_a_run_stand_in_the_folder_of_its_round() -> None:
    folder = "results/demo-no_depth/dada/seed12/q1"
    assert paths.model(RUN) == f"{folder}/model.pt"
    assert paths.losses(RUN) == f"{folder}/losses.csv"
    assert paths.metrics(RUN) == f"{folder}/metrics.json"
    assert paths.pseudo(RUN) == f"{folder}/pseudo"
    assert paths.refined(RUN) == f"{folder}/refined"


def test_the_rules_make_what_the_paths_say() -> None:
    rules = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "workflow/rules").glob("*.smk"))
    run = Run("{setting}", "{method}", "{seed}", "{round}")  # type: ignore[arg-type]
    for path in (paths.metrics(run), paths.pseudo(run), paths.refined(run), paths.model(run), paths.losses(run)):
        assert f'"{path}"' in rules
    artefacts = [paths.artefact(Artefact("{setting}", name, "")) for name in ("mixtures", "patches")]
    for path in (*artefacts, paths.data("{data}"), paths.embedding("{setting}")):
        assert f'"{path}"' in rules
    assert f'"{paths.benchmark("adapt", "{setting}-{method}-seed{seed}")}"' in rules


def test_a_model_s_path_leads_back_to_its_run_and_no_other_path_does() -> None:
    assert paths.trained(paths.model(RUN)) == RUN
    for other in (paths.losses(RUN), "results/weights.pth", "data/dada/seed1/q0/model.pt", f"data/{paths.model(RUN)}"):
        assert paths.trained(other) is None


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("SYNTHIA", "elsewhere/SYNTHIA"),
        ("results/streets/demo/synthia", "results/streets/demo/synthia"),
        ("/data/SYNTHIA", "/data/SYNTHIA"),
    ],
)
def test_what_the_user_brings_lies_below_data_root_unless_its_path_says_where(path: str, found: str) -> None:
    assert paths.place(study({"data_root": "elsewhere"}), path) == found
    assert paths.is_output(found) == path.startswith("results/")


def test_the_home_folder_and_variables_that_are_set_are_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/me")
    monkeypatch.setenv("SETS", "/disk/my sets")
    monkeypatch.delenv("y", raising=False)
    for root, path, found in (
        ("~/sets", "a", "/me/sets/a"),
        ("$HOME/sets", "a", "/me/sets/a"),
        ("data", "${SETS}/a", "/disk/my sets/a"),
        ("data", "~/a", "/me/a"),
        ("Größe 100% 'q' $y", "a~b", "Größe 100% 'q' $y/a~b"),
    ):
        assert paths.place(study({"data_root": root}), path) == found


def test_a_list_of_images_lies_there_too() -> None:
    listing = study({"domains": {"demo_target": {"lists": {"train": "names.txt"}}}})
    found = [paths.names(listing, "demo_target", split) for split in ("train", "val")]
    assert found == ["data/names.txt", None]


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_rendered_folder_says_which_streets_it_shows(ending: str) -> None:
    assert paths.preset(f"results/streets/hard/cityscapes{ending}") == "hard"


def test_other_files_of_a_setting_and_those_beside_it() -> None:
    assert paths.artefact(Artefact("demo", "patches", "cluster_patches")) == "results/demo/prior/patches.npz"
    assert paths.prior_figures("demo") == "results/demo/prior/figures"
    assert paths.embedding("demo") == "results/demo/report/embedding.csv"
    assert paths.doctor("demo") == "results/demo/doctor.png"
    assert paths.data("own-train-64x32-16") == "results/data/own-train-64x32-16"
    assert paths.benchmark("draw", "demo") == "results/benchmarks/draw/demo.tsv"
    assert paths.timings("step") == "results/benchmarks/step.csv"
