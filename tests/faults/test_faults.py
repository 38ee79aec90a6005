"""The study under faults: what is lost, what is said, and what comes out at the end."""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import warm

from faults.scenarios import SCENARIOS
from faults.victim import Q0, Q1, Victim, harried


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    """The study that nothing happens to."""
    box = Victim(tmp_path_factory.mktemp("whole") / "run")
    answer = box.snakemake(*box.tables)
    assert answer.returncode == 0, answer.stdout
    return box


@pytest.fixture(scope="module")
def commands(whole: Victim) -> list[list[str]]:
    """How the workflow runs its stages."""
    answer = whole.snakemake(*whole.tables, "--dry-run", "--forceall", "--printshellcmds")
    return [shlex.split(line) for line in re.findall(r"^Shell command: exec (python -m .*) 2> ", answer.stdout, re.M)]


def making(commands: list[list[str]], stage: str, output: str) -> list[str]:
    """The command of a stage that makes a file."""
    (words,) = (words for words in commands if words[2] == f"dadist.stages.{stage}" and output in words)
    return words


@pytest.fixture
def copy(whole: Victim, tmp_path: Path) -> Path:
    """The results of the study, to break."""
    shutil.copytree(whole.folder / "results", tmp_path / "results", copy_function=shutil.copy2)
    return tmp_path


def stage(words: list[str], folder: Path, whole: Victim, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run a stage's command in a folder of results; ``changes`` take the place of a flag's value."""
    words = list(words)
    for flag, value in changes.items():
        words[words.index(f"--{flag}") + 1] = value
    return warm.run(words, folder, whole.environment)


def flip(path: Path) -> None:
    """Another bit in the middle of a file, as a bad disk has it: with the time of before. Not one of a space."""
    content, status = bytearray(path.read_bytes()), path.stat()
    at = next(at for at in range(len(content) // 2, len(content)) if not chr(content[at]).isspace())
    content[at] ^= 4
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def delete(path: Path) -> None:
    path.unlink()


def test_a_study_that_is_killed_at_random_ends_with_the_same_bits(whole: Victim, tmp_path: Path) -> None:
    victim = Victim(tmp_path / "run", rounds=("q0",))
    for part in ("results/streets", "results/data", ".snakemake"):
        shutil.copytree(whole.folder / part, victim.folder / part)
    harried(victim, kills=2, seed=3, span_s=12.0)
    assert victim.products() == whole.products(victim.rounds)
    assert victim.rest() == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[one.__name__ for one in SCENARIOS])
def test_what_outlives_a_workflow_or_is_started_beside_it_costs_nothing(
    whole: Victim, tmp_path: Path, scenario: Callable[[Victim], None]
) -> None:
    victim = SCENARIOS[scenario](whole, tmp_path / "run")
    scenario(victim)
    assert victim.products() == whole.products(victim.rounds)
    assert victim.rest() == []


SOURCE, TARGET = (f"results/data/demo_{split}-64x32-16" for split in ("source-all", "target-train"))


@pytest.mark.parametrize("damage", [flip, delete])
@pytest.mark.parametrize(
    ("damaged", "reader", "output"),
    [
        (f"{Q0}/model.pt", "evaluate", f"{Q0}/metrics.json"),
        ("results/demo/prior/mixtures.npz", "adapt", f"{Q0}/model.pt"),
        (f"{SOURCE}/index.json", "refine_labels", f"{Q1}/refined"),
        (f"{SOURCE}/images.npy", "adapt", f"{Q0}/model.pt"),
        (f"{SOURCE}/depth.npy", "adapt", f"{Q0}/model.pt"),
        (f"{TARGET}/index.json", "pseudo_label", f"{Q1}/pseudo"),
        (f"{TARGET}/images.npy", "pseudo_label", f"{Q1}/pseudo"),
        (f"{Q1}/pseudo/index.json", "refine_labels", f"{Q1}/refined"),
        (f"{Q1}/pseudo/labels.npy", "refine_labels", f"{Q1}/refined"),
        (f"{Q1}/refined/index.json", "selftrain", f"{Q1}/model.pt"),
        (f"{Q1}/refined/labels.npy", "selftrain", f"{Q1}/model.pt"),
    ],
)
def test_a_file_that_is_damaged_or_gone_is_told_by_whoever_reads_it(
    whole: Victim,
    commands: list[list[str]],
    copy: Path,
    damaged: str,
    reader: str,
    output: str,
    damage: Callable[[Path], None],
) -> None:
    damage(copy / damaged)
    before = {path: path.stat().st_mtime_ns for path in (copy / "results/demo").rglob("*") if path.is_file()}
    words = making(commands, reader, output)
    flag = words[words.index(output) - 1].removeprefix("--")
    answer = stage(words, copy, whole, **{flag: "again/out.pt"})
    assert answer.returncode == 1, answer.stdout
    assert f"{damaged}: expected " in answer.stdout
    assert "Traceback" not in answer.stdout
    assert {path: path.stat().st_mtime_ns for path in before} == before


@contextlib.contextmanager
def small_disk(folder: Path, options: str) -> Iterator[None]:
    """A file system of its own; skips where that takes more rights than there are."""
    folder.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"mounting a file system takes root: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("size=2m", "size=64m", "No space left on device"),
        ("size=64m,ro", "size=64m,rw", "Read-only file system"),
    ],
    ids=["full", "read-only"],
)
def test_a_training_says_what_is_wrong_with_the_disk_and_goes_on_once_it_is_mended(
    whole: Victim, commands: list[list[str]], copy: Path, before: str, after: str, said: str
) -> None:
    with small_disk(copy / "out", before):
        files = {"model": "out/model.pt", "losses": "out/losses.csv"}
        answer = stage(making(commands, "adapt", f"{Q0}/losses.csv"), copy, whole, **files)
        assert answer.returncode == 1, answer.stdout
        (line,) = [line for line in answer.stdout.splitlines() if "error:" in line]
        assert said in line
        assert "out" in line
        assert not (copy / "out/model.pt").exists()
        remount(copy / "out", after)
        answer = stage(making(commands, "adapt", f"{Q0}/losses.csv"), copy, whole, **files)
        assert answer.returncode == 0, answer.stdout
        assert (copy / "out/model.pt").read_bytes() == (whole.folder / Q0 / "model.pt").read_bytes()
