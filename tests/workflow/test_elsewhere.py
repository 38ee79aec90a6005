"""The workflow in another folder than its own, and as a module of another workflow."""

import shutil
from pathlib import Path

import pytest
import warm
from sandbox import ROOT, TEST, Sandbox

from dadist.data.readers.base import read_size

STREETS = "results/streets/demo/synthia"
CORES = ("--cores", "2")


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    return Sandbox(tmp_path_factory.mktemp("elsewhere") / "run", {})


def rendered(folder: Path) -> bool:
    """Whether the streets are those of the small study."""
    images = [*(folder / STREETS).rglob("RGB/*.png")]
    small = TEST["render"]["demo"]
    return len(images) == small["source"] and read_size(images[0]) == (small["width"], small["height"])


def test_a_folder_of_its_own_has_its_own_config_and_its_own_results(box: Sandbox) -> None:
    answer = box.forked("snakemake", STREETS, "--directory", ".test", *CORES)
    assert answer.returncode == 0, answer.stdout
    assert rendered(box.folder / ".test")
    assert not (box.folder / "results").exists()


def test_a_snakefile_may_be_named_from_another_folder(box: Sandbox, tmp_path: Path) -> None:
    shutil.copy(ROOT / ".test/config.yaml", tmp_path)
    words = ("snakemake", STREETS, "-s", str(box.folder / "Snakefile"), *CORES)
    answer = warm.run(words, tmp_path, box.environment)
    assert answer.returncode == 0, answer.stdout
    assert rendered(tmp_path)


def test_another_workflow_takes_its_rules_as_a_module(box: Sandbox, tmp_path: Path) -> None:
    page = (ROOT / "docs/extend.md").read_text(encoding="utf-8")
    text = page.split("<!-- module -->\n```python\n")[1].split("```")[0]
    assert "path/to/dadist/Snakefile" in text
    (tmp_path / "Snakefile").write_text(text.replace("path/to/dadist", str(box.folder)), encoding="utf-8")
    shutil.copy(ROOT / ".test/config.yaml", tmp_path)
    plan = warm.run(("snakemake", "-n", *CORES), tmp_path, box.environment)
    assert plan.returncode == 0, plan.stdout
    assert "results/demo/metrics.csv" in plan.stdout
    answer = warm.run(("snakemake", STREETS, *CORES), tmp_path, box.environment)
    assert answer.returncode == 0, answer.stdout
    assert rendered(tmp_path)
