"""The image of envs/Dockerfile, and the profile whose pods run in it."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import yaml
from sandbox import ROOT, Sandbox

DOCKERFILE = (ROOT / "envs/Dockerfile").read_text(encoding="utf-8")
PROFILES = ("slurm", "kubernetes")
PLUGINS = ("snakemake_executor_plugin_kubernetes", "snakemake_storage_plugin_fs")  # the extra `kubernetes`


def pip(text: str) -> list[str]:
    """The calls of pip that a text installs a lock and the project with, whichever lock it is."""
    lines = re.findall(r"pip install [^&\n]*(?:-r \S+|-e \.)", text)
    return [re.sub(r'-r "?envs/[\w${}]+\.lock"?', "-r LOCK", line) for line in lines]


def test_the_image_is_set_up_as_the_readme_says() -> None:
    (block,) = re.findall(r"^<!-- run -->\n```sh\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.M | re.S)
    assert len(pip(DOCKERFILE)) == 2
    assert pip(DOCKERFILE) == pip(block)


@pytest.mark.parametrize("build", ["cpu", "cuda"])
def test_what_the_image_copies_is_there(build: str) -> None:
    copied = [shlex.split(line)[1:-1] for line in DOCKERFILE.splitlines() if line.startswith("COPY ")]
    files = [name.replace("${BUILD}", build) for names in copied for name in names]
    assert {"pyproject.toml", "Snakefile", "dadist", f"envs/{build}.lock"} <= {*files}
    assert not [name for name in files if not (ROOT / name).exists()]


def test_the_lock_without_cuda_names_the_two_packages_that_come_from_pytorch_s_index() -> None:
    (pattern,) = re.findall(r"grep -oE '([^']+)' envs/cpu\.lock", DOCKERFILE)
    found = re.findall(pattern.replace("(vision)", "(?:vision)"), (ROOT / "envs/cpu.lock").read_text("utf-8"), re.M)
    assert [one.partition("==")[0] for one in found] == ["torch", "torchvision"]


def test_every_rule_runs_in_the_image_and_git_does_not_take_it() -> None:
    (image,) = re.findall(r'^container: "(.+)"$', (ROOT / "Snakefile").read_text("utf-8"), re.M)
    assert image in (ROOT / "docs/cluster.md").read_text("utf-8")
    assert f"*{Path(image).suffix}" in (ROOT / ".gitignore").read_text("utf-8").split()


@pytest.mark.parametrize("name", PROFILES)
def test_every_value_of_a_profile_has_its_reason(name: str) -> None:
    text = (ROOT / f"profiles/{name}/profile.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if ": " in line and "*" not in line and not line.startswith("#")]
    assert [line for line in lines if " # " not in line] == [f"executor: {name}"]


@pytest.mark.workflow  # a process that loads the clients of Kubernetes
def test_snakemake_plans_pods_that_copy_files_from_and_to_the_volume(tmp_path: Path) -> None:
    if missing := [one for one in PLUGINS if importlib.util.find_spec(one) is None]:
        pytest.skip(f"the extra `kubernetes` is not installed: no {missing[0]}")
    profile = yaml.safe_load((ROOT / "profiles/kubernetes/profile.yaml").read_text(encoding="utf-8"))
    words = ("results/demo/metrics.csv", "--workflow-profile", "profiles/kubernetes", "-n")
    answer = Sandbox(tmp_path / "run", {}).run("snakemake", *words)
    assert answer.returncode == 0, answer.stdout
    assert f"output: {profile['default-storage-prefix']}/results/demo/metrics.csv (send to storage)" in answer.stdout
    assert re.search(r"resources: .*gpu_manufacturer=nvidia, gpu=1", answer.stdout)
