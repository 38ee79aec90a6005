"""`dadist run`: which command it runs. That it runs, and what it ends with, is in tests/workflow/test_from_pypi.py."""

import os
import shlex
from pathlib import Path
from typing import NoReturn

import pytest
import studies
from sandbox import ROOT

from dadist.cli import main
from dadist.cli.run import targets
from dadist.config.records import ConfigError

TABLE, PAGE = "results/demo/metrics.csv", "results/demo/report/index.html"
GPU = """#!/bin/sh
echo "GPU 0: NVIDIA (UUID: GPU-1)"
echo "GPU 1: NVIDIA (UUID: GPU-2)"
"""
PHOTOS = {
    "domains": {"photos": {"dataset": "folder", "root": "photos", "depth": False, "images": {"train": "*.jpg"}}},
    "settings": {"mine": {"presets": ["photographs"], "classes": "7", "target": {"domain": "photos"}}},
}


class ReplacedError(Exception):
    """In the place of a process that another takes."""


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would have taken the place of this process; two cores, no GPU, the current folder a clone."""
    ran: list[list[str]] = []

    def note(file: str, words: list[str], environment: dict[str, str]) -> NoReturn:
        assert file == words[0] == "snakemake"
        ran.append(words)
        raise ReplacedError(environment["PATH"])

    monkeypatch.setattr(os, "execvpe", note)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5})
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.chdir(ROOT)
    return ran


def ran(commands: list[list[str]], line: str) -> str:
    with pytest.raises(ReplacedError):
        main.main(shlex.split(line)[1:])
    return shlex.join(commands.pop())


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("dadist run demo", f"snakemake {TABLE} {PAGE} --cores 2"),
        ("dadist run demo --cores 7 --gpus 3", f"snakemake {TABLE} {PAGE} --cores 7 --resources gpu=3"),
        ("dadist run s2c16 --table paper -- -n", "snakemake results/s2c16/paper.csv --cores 2 -n"),
        (
            "dadist run demo-no_depth --config 'seeds=[1, 2]' -- --quiet all",
            "snakemake results/demo-no_depth/metrics.csv results/demo-no_depth/report/index.html --cores 2 "
            "--config 'seeds=[1, 2]' --quiet all",
        ),
        # Where the jobs run elsewhere, this machine's cores and GPUs say nothing.
        (
            "dadist run demo -- --workflow-profile profiles/slurm",
            f"snakemake {TABLE} {PAGE} --workflow-profile profiles/slurm",
        ),
        ("dadist run demo --gpus 9 -- -e=slurm", f"snakemake {TABLE} {PAGE} --resources gpu=9 -e=slurm"),
    ],
)
def test_it_runs_the_snakemake_command_that_it_prints(
    commands: list[list[str]], capsys: pytest.CaptureFixture[str], line: str, command: str
) -> None:
    assert ran(commands, line) == command
    assert capsys.readouterr().err.splitlines()[-1].endswith(command)


def test_from_elsewhere_it_names_the_snakefile_and_an_environment_that_is_not_activated(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "my env/bin"))
    (tmp_path / "my env/bin").mkdir(parents=True)
    (tmp_path / "my env/bin/snakemake").touch(mode=0o755)
    with pytest.raises(ReplacedError) as end:
        main.main(["run", "demo"])
    assert str(end.value) == f"{tmp_path}/my env/bin:/usr/bin:/bin"
    (words,) = commands
    assert words[-2:] == ["--snakefile", str(ROOT / "Snakefile")]
    assert capsys.readouterr().err == f"PATH='{tmp_path}/my env/bin':\"$PATH\" {shlex.join(words)}\n"
    (tmp_path / "my env/bin/snakemake").unlink()
    assert main.main(["run", "demo"]) == 2
    assert "expected the command snakemake, found none; pip install snakemake" in capsys.readouterr().err


@pytest.mark.parametrize(("visible", "found"), [(None, 2), ("1", 1), ("", None)])
def test_as_many_trainings_run_at_once_as_gpus_are_found(
    commands: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, found: int | None
) -> None:
    (tmp_path / "nvidia-smi").write_text(GPU, encoding="utf-8")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    expected = f"snakemake {TABLE} {PAGE} --cores 2" + (f" --resources gpu={found}" if found else "")
    assert ran(commands, "dadist run demo") == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dmo"], "dmo: unknown setting; did you mean 'demo'?"),
        (["demo-no_dept"], "demo-no_dept: unknown setting; did you mean 'demo-no_depth'?"),
        (["demo", "--configfile", "mine.yml"], "mine.yml: expected a file of settings, got No such file or directory"),
        (["demo", "-n", "-p"], "expected no -n; options of snakemake come after --: -- -n -p"),
        (["demo", "mine.yaml"], "expected no mine.yaml; write --configfile mine.yaml"),
        (["demo", "--table", "paper"], "settings.demo.published: expected what one of its methods was published with"),
    ],
)
def test_what_cannot_be_run_is_told_before_snakemake_starts(
    commands: list[list[str]], capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main.main(["run", *words]) == 2
    assert f"dadist run: error: {message}" in capsys.readouterr().err
    assert commands == []


@pytest.mark.parametrize("word", ["--cores=0", "--gpus=0", "--gpus=two"])
def test_a_number_that_is_none_is_refused(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main.main(["run", "demo", word])
    assert end.value.code == 2
    assert f"expected a whole number from 1 on, got {word.partition('=')[2]}" in capsys.readouterr().err


def test_of_a_target_without_labels_models_panel_and_page_are_made() -> None:
    study = studies.study(PHOTOS)
    assert targets(study, "mine", "metrics") == [
        "results/mine/source_only/seed1/q0/model.pt",
        "results/mine/adabn/seed1/q0/model.pt",
        "results/mine/report/panel.png",
        "results/mine/report/index.html",
    ]
    with pytest.raises(ConfigError, match=r"settings\.mine\.target: expected labels to compare with, got none"):
        targets(study, "mine", "prior")
