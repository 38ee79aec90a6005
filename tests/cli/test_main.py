"""The command `dadist`: what it reads as Snakemake does, what it prints, and what it ends with."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from sandbox import ROOT, TINY, Sandbox, merged

from dadist.cli import main
from dadist.config.files import read
from dadist.config.schema import SOURCE_APPEARANCE
from dadist.data.readers.base import decode
from dadist.data.streets import render
from dadist.doctor.answer import SHOWN

SIZE: dict[str, Any] = {"seed": 1, "width": 64, "height": 32, "workers": 1}
OWN = {"domains": {"demo_source": {"root": "synthia"}, "demo_target": {"root": "cityscapes"}}}
LINE = re.compile(r"(error|warning)  [a-z-]+  \S.*: expected .*(, got |, found | missing).*; \S.*")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    render.write_synthia(folder / "synthia", SOURCE_APPEARANCE, images=6, **SIZE)
    render.write_cityscapes(folder / "cityscapes", SOURCE_APPEARANCE, train=4, val=5, **SIZE)
    return folder


@pytest.fixture
def here(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with config.yaml, and the user's own data sets in place of the demo's."""
    whole = merged(merged(read(ROOT / "config.yaml"), merged(TINY, OWN)), {"data_root": str(data)})
    whole["settings"] = {"demo": {"classes": "7", "methods": ["depth_distribution"]}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    for part in ("Snakefile", "workflow", "config"):
        (tmp_path / part).symlink_to(ROOT / part)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_the_entry_point_is_installed_under_the_package_s_name() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert scripts == {"dadist": f"{main.main.__module__}:{main.main.__name__}"}


def test_every_command_is_listed_with_its_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main.main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for name, command in main.COMMANDS.items():
        assert f"{name}  " in text
        assert str(command.__doc__).partition("\n")[0] in text


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_has_a_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main.main([name, "--help"])
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: dadist {name}")


def test_sound_data_ends_in_0_and_warns_of_too_few_images(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["doctor", "demo"]) == 0
    printed = lines(capsys)
    assert [line.split()[:2] for line in printed if LINE.fullmatch(line)] == [["warning", "count"]] * 3
    assert "warning  count  " in printed[1]
    assert "expected 9400 images in 'all', as shipped, got 6; " in printed[1]
    assert printed[-1] == "0 errors, 3 warnings"
    assert printed[-2] == "prepare has 0.00016 GB to write; picture: results/demo/doctor.png"
    (title,) = [index for index, line in enumerate(printed) if line.startswith("depth: z = 1000 / (cm + 1); ")]
    assert printed[title + 1].split() == ["source", "train", "val"]
    assert decode(here / "results/demo/doctor.png").std() > 10


def test_depth_of_training_images_is_looked_at_only_where_the_domain_says_that_there_is_some(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without = {"domains": {"demo_target": {"unlabelled_depth": False}}}
    (here / "mine.yaml").write_text(yaml.safe_dump(without), encoding="utf-8")
    assert main.main(["doctor", "demo", "--configfile", "mine.yaml", "--json"]) == 0
    assert [*json.loads(capsys.readouterr().out)["depth"]] == ["source", "val"]


def test_what_the_class_set_does_unlike_elsewhere_is_said_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main.main(["doctor", "demo"])
    (note,) = [line for line in lines(capsys) if line.startswith("note")]
    assert note.startswith("note  class set 7 takes synthia unlike other data sets: wall ignored, rider ignored")


def test_rendered_streets_are_not_held_against_what_others_ship(
    here: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "results").mkdir()
    (here / "results/streets").symlink_to(data)
    roots = {"demo_source": {"root": "results/streets/synthia"}, "demo_target": {"root": "results/streets/cityscapes"}}
    (here / "mine.yaml").write_text(yaml.safe_dump({"domains": roots}), encoding="utf-8")
    assert main.main(["doctor", "demo", "--configfile", "mine.yaml"]) == 0
    assert lines(capsys)[-1] == "0 errors, 0 warnings"


def test_streets_that_are_not_rendered_yet_are_told_with_the_command(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "my own.yaml").write_text("seeds: [1]\n", encoding="utf-8")
    words = ["--configfile", "my own.yaml", "--config", "data_root=nowhere"]
    assert main.main(["doctor", "hard", *words]) == 2
    told = capsys.readouterr().err
    for parts, dataset in (("source", "synthia"), ("train, val", "cityscapes")):
        folder = f"results/streets/hard/{dataset}"
        command = f"snakemake {folder} --cores 2 --configfile 'my own.yaml' --config data_root=nowhere"
        assert f"{parts}: expected rendered streets in {folder}, found none; `{command}` first" in told


def test_photographs_are_looked_at_although_the_streets_are_not_rendered_yet(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    streets = {"demo_source": {"root": "results/streets/demo/synthia"}}
    (here / "mine.yaml").write_text(yaml.safe_dump({"domains": streets}), encoding="utf-8")
    assert main.main(["doctor", "demo", "--configfile", "mine.yaml"]) == 0
    printed = lines(capsys)
    assert printed[0] == (
        "note  source: expected rendered streets in results/streets/demo/synthia, found none; "
        "`snakemake results/streets/demo/synthia --cores 2 --configfile mine.yaml` first"
    )
    assert [line.partition(":")[0] for line in printed[-4:-2]] == ["train", "val"]
    assert decode(here / "results/demo/doctor.png").std() > 10


def test_faults_end_in_1_and_are_told_a_line_each(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = here / "broken"
    render.write_synthia(broken / "synthia", SOURCE_APPEARANCE, images=8, **SIZE)
    render.write_cityscapes(broken / "cityscapes", SOURCE_APPEARANCE, train=1, val=1, **SIZE)
    for path in (broken / "synthia/RGB").glob("*.png"):
        path.write_bytes(b"")
    assert main.main(["doctor", "demo", "--config", "data_root=broken", "--picture", "mine.png"]) == 1
    printed = lines(capsys)
    assert len([line for line in printed if line.startswith("error  empty-file  ") and LINE.fullmatch(line)]) == SHOWN
    assert "… and 3 more empty-file" in printed
    assert printed[-1].startswith("8 errors, ")
    assert (here / "mine.png").is_file()


def test_json_has_every_finding(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["doctor", "demo", "--json", "--sample", "2"]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert whole["errors"] == 0
    assert whole["images"] == {"source": 6, "train": 4, "val": 5}
    assert {(one["part"], one["level"], one["fault"]) for one in whole["findings"]} >= {("source", "warning", "count")}
    told = {part: (one["kind"], one["images"]) for part, one in whole["depth"].items()}
    assert told == dict.fromkeys(("source", "train", "val"), ("metric", 2))
    assert set(whole["findings"][0]) == {"part", "level", "fault", "file", "what", "remedy"}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["doctor", "dem"], "dem: unknown setting; did you mean 'demo'?"),
        (["doctor", "demo", "--config", "seedz=1"], "--config: seedz: unknown key; did you mean 'seeds'?"),
        (["doctor", "demo", "--configfile", "none.yaml"], "none.yaml: expected a file of settings, got No such file"),
        (["doctor", "demo", "--configfile", "broken.yaml"], "broken.yaml: expected YAML or JSON"),
        (["doctor", "demo", "--config", "seeds"], "name=value"),
    ],
)
def test_a_command_that_cannot_be_run_ends_in_2_with_one_line(
    here: Path, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "broken.yaml").write_text("seeds: [1, 2", encoding="utf-8")
    assert main.main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("dadist doctor: error: ")
    assert text in error
    assert error.count("\n") == 1


def test_away_from_the_snakefile_it_names_the_one_that_the_package_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main.main(["doctor", "demo"]) == 2
    command = f"snakemake results/streets/demo/synthia --cores 2 --snakefile {ROOT}/Snakefile"
    assert f"found none; `{command}` first" in capsys.readouterr().err


def test_overlays_are_merged_as_snakemake_merges_them(tmp_path: Path) -> None:
    box = Sandbox(tmp_path / "run", {})
    for name, root in (("a", "of_a"), ("b", "of_b")):
        overlay = merged(OWN, {"domains": {"demo_source": {"root": root}}, "data_root": "of_files"})
        (box.folder / f"{name}.yaml").write_text(yaml.safe_dump(overlay), encoding="utf-8")
    flags = ("--configfile", "a.yaml", "b.yaml", "--config", "data_root=of_flag")
    planned = box.run("snakemake", "results/demo/prior/mixtures.npz", "--dry-run", "--cores", "1", *flags)
    assert "of_flag/of_b: not there" in planned.stdout
    told = box.run("python", "-m", "dadist.cli.main", "doctor", "demo", *flags)
    assert told.returncode == 1
    assert "of_flag/of_b/RGB: expected a folder" in told.stdout


def test_a_plan_counts_the_images_that_are_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["plan", "demo", "--device", "cpu-core-fp32"]) == 0
    printed = lines(capsys)
    (trained,) = [line.split() for line in printed if line.startswith("adapt depth_distribution ")]
    assert trained[2:5] == ["1", "4", "1.33"]  # runs, steps, and 4 batches of 2 of the 6 images
    assert any(line.startswith("source, prepared") for line in printed)


@pytest.mark.workflow  # the published network
def test_a_plan_without_data_takes_the_numbers_that_the_owners_ship(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["plan", "s2c16", "--device", "h100-bf16", "--config", "data_root=nowhere"]) == 0
    printed = " ".join(lines(capsys))
    assert "9.718" in printed  # TFLOP a step
    assert "54.87 GB" in printed  # 9400 images of 1280x760 at 6 bytes per pixel


def test_an_unknown_device_is_told_with_those_that_are_known(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["plan", "demo", "--device", "h200"]) == 2
    assert "--device: unknown device" in capsys.readouterr().err


def test_the_costs_of_a_setting_are_read_beside_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "benchmarks/adapt").mkdir(parents=True)
    file = tmp_path / "benchmarks/adapt/demo-dada-seed1.tsv"
    file.write_text("s\th:m:s\tmax_rss\n12.0\t0:00:12\t400.0\n", encoding="utf-8")
    assert main.main(["costs", str(tmp_path / "demo")]) == 0
    assert lines(capsys)[1].split() == ["dada", "q0", "adapt", "1", "12.0", "400"]
    assert main.main(["costs", str(tmp_path / "hard")]) == 2
    assert "dadist costs: error: " in capsys.readouterr().err
