"""The workflow as a wheel carries it, run from a folder that has nothing of it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from PIL import Image
from sandbox import ROOT, TINY


def built(folder: Path, kind: str) -> zipfile.ZipFile:
    """The wheel of this kind, by what pip builds it with."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", f"wheel:{kind}", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return zipfile.ZipFile(wheel)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the wheel unpacks to."""
    folder = tmp_path_factory.mktemp("wheel")
    built(folder, "standard").extractall(folder / "site-packages")
    return folder / "site-packages"


def test_an_editable_installation_has_no_copy_of_the_workflow(tmp_path: Path) -> None:
    names = built(tmp_path, "editable").namelist()
    assert [name for name in names if not name.startswith("dadist-")] == ["_editable_impl_dadist.pth"]


def dadist(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command of that package in a folder, in a process of its own; stdout and stderr together."""
    return subprocess.run(
        [sys.executable, "-m", "dadist.cli.main", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def test_a_table_is_made_in_an_empty_folder_by_the_package_s_own_workflow(site: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY), encoding="utf-8")
    few = "settings={demo: {methods: [source_only], selftrain: {methods: []}}}"
    answer = dadist(site, tmp_path, "run", "demo", "--configfile", "tiny.yaml", "--config", few)
    assert answer.returncode == 0, answer.stdout
    assert f"--snakefile {site}/dadist/workflow/Snakefile\n" in answer.stdout
    assert f"profile {site}/dadist/workflow/profiles/default" in answer.stdout
    rows = (tmp_path / "results/demo/metrics.csv").read_text("utf-8").splitlines()[1:]
    assert [row.split(",")[:4] for row in rows] == [["demo", name, "1", "q0"] for name in ("adabn", "source_only")]
    assert (tmp_path / "results/demo/report/index.html").is_file()
    again = dadist(site, tmp_path, "run", "demo", "--configfile", "tiny.yaml", "--config", few, "--", "-n")
    assert "Nothing to be done" in again.stdout


def test_what_snakemake_ends_with_is_what_the_command_ends_with(site: Path, tmp_path: Path) -> None:
    answer = dadist(site, tmp_path, "run", "s2c16")
    assert answer.returncode == 1, answer.stdout
    assert "data/SYNTHIA: not there (domains.synthia.root, from data_root on)" in answer.stdout


def test_photographs_of_one_s_own_are_planned_by_the_file_that_init_writes(site: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (64, 36)).save(tmp_path / "photos/a.jpg")
    begun = dadist(site, tmp_path, "init", "photos")
    assert begun.returncode == 0, begun.stdout
    command = begun.stdout.splitlines()[-1].split()
    answer = dadist(site, tmp_path, *command[1:], "--", "-n")
    assert answer.returncode == 0, answer.stdout
    assert "results/data/photos-train-368x208-drive" in answer.stdout
    assert "results/mine/report/index.html" in answer.stdout
    assert "not there" not in answer.stdout
