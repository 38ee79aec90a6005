"""The workflow in another folder than its own, and as a module of another workflow."""

import shutil
from pathlib import Path

import pytest
import warm
import yaml
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


def importing(box: Sandbox, more: str = "") -> str:
    """The workflow of docs/extend.md, with ``more`` said of the module."""
    page = (ROOT / "docs/extend.md").read_text(encoding="utf-8")
    text = page.split("<!-- module -->\n```python\n")[1].split("```")[0]
    assert text.count('"path/to/dadist/Snakefile"\n') == 1
    return text.replace('"path/to/dadist/Snakefile"\n', f'"{box.folder}/Snakefile"\n{more}')


def test_another_workflow_takes_its_rules_as_a_module(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(importing(box), encoding="utf-8")
    shutil.copy(ROOT / ".test/config.yaml", tmp_path)
    plan = warm.run(("snakemake", "-n", *CORES), tmp_path, box.environment)
    assert plan.returncode == 0, plan.stdout
    assert "results/demo/metrics.csv" in plan.stdout
    answer = warm.run(("snakemake", STREETS, *CORES), tmp_path, box.environment)
    assert answer.returncode == 0, answer.stdout
    assert rendered(tmp_path)


def test_a_module_is_given_its_config_by_a_workflow_with_files_of_its_own(box: Sandbox, tmp_path: Path) -> None:
    small = {name: TEST[name] for name in ("render", "presets")}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"samples": ["a"], "dadist": small}), encoding="utf-8")
    (tmp_path / "Snakefile").write_text(importing(box), encoding="utf-8")
    answer = warm.run(("snakemake", "-n", *CORES), tmp_path, box.environment)
    assert answer.returncode == 1
    assert "config.yaml: dadist: unknown key" in answer.stdout  # theirs is taken for ours
    assert "gives this module its settings by `config:` (docs/extend.md)" in answer.stdout
    text = importing(box, '    config:\n        config["dadist"]\n')
    (tmp_path / "Snakefile").write_text(f'configfile: "config.yaml"\n{text}', encoding="utf-8")
    answer = warm.run(("snakemake", STREETS, *CORES), tmp_path, box.environment)
    assert answer.returncode == 0, answer.stdout
    assert rendered(tmp_path)
    wrong = ("--config", "dadist={settings: {demo: {methodz: [advent]}}}")
    answer = warm.run(("snakemake", "-n", *CORES, *wrong), tmp_path, box.environment)
    assert answer.returncode == 1
    assert "config of the module: settings.demo.methodz: unknown key; did you mean 'methods'?" in answer.stdout


def test_of_a_module_missing_data_and_a_prefix_are_told_while_planning(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(importing(box), encoding="utf-8")
    answer = warm.run(("snakemake", "-n", "results/s2c16/metrics.csv", *CORES), tmp_path, box.environment)
    assert answer.returncode == 1
    assert ": not there (domains." in answer.stdout
    (tmp_path / "Snakefile").write_text(importing(box, '    prefix:\n        "sub"\n'), encoding="utf-8")
    answer = warm.run(("snakemake", "-n", *CORES), tmp_path, box.environment)
    assert answer.returncode == 1
    assert "module: expected no prefix, got one; leave it out" in answer.stdout


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("results/dmo/metrics.csv", "results/dmo/metrics.csv: dmo: unknown setting; did you mean 'demo'?"),
        ("results/demo-no_dpth/ablation.csv", "unknown setting; did you mean 'demo-no_depth'?"),
        ("results/demo/adbn/seed1/q0/model.pt", "adbn: unknown method; did you mean 'adabn'?"),
        ("results/demo/advent/seed1/q3/metrics.json", "expected q0 to q2, got q3; add rounds to `selftrain.rounds`"),
    ],
)
def test_a_target_of_no_setting_method_or_round_is_told_what_there_is(box: Sandbox, target: str, told: str) -> None:
    answer = box.forked("snakemake", target, "-n", *CORES)
    assert answer.returncode == 1
    assert told in answer.stdout
