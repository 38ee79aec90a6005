"""A copy of the workflow in a folder of its own, where tests run it, edit it and break its inputs."""

import contextlib
import copy
import functools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import audit
import warm
import yaml

from dadist.config.files import ConfigFiles

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "config.yaml", "config", "dadist", "workflow", "profiles", "envs", ".test")

LEFT = shutil.ignore_patterns("__pycache__", "results", ".snakemake")  # what was made there


@functools.cache
def _shipped() -> dict[str, Any]:
    return ConfigFiles.of(ROOT / "config", [ROOT / "config.yaml"]).merged()


def configuration() -> dict[str, Any]:
    """Everything that ships, config.yaml and config/, as one; a new copy each time."""
    return copy.deepcopy(_shipped())


class Touch(NamedTuple):
    """A file that was opened or a folder that was listed."""

    actor: str  # stage, and its split for `prepare`; or the program
    event: str
    path: str
    refused: bool


class Sandbox:
    """A folder with the workflow and the package; what runs in it imports that package, not the installed one.

    Args:
        folder: Provenance here.
        overlay: Laid over config.yaml, as ``--configfile`` does.
    """

    def __init__(self, folder: Path, overlay: dict[str, object]) -> None:
        self.folder, self.overlay = folder, overlay
        self.environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or each of its processes compiled the package anew
        folder.mkdir(parents=True)
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part, ignore=LEFT)
            else:
                shutil.copy(ROOT / part, folder)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command in the folder; stdout and stderr together, as a terminal shows them."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def forked(self, *command: str) -> subprocess.CompletedProcess[str]:
        """The same for ``snakemake …`` and ``python -m dadist.…``, seconds sooner."""
        return warm.run(command, self.folder, self.environment)

    def watch(self) -> None:
        """Have every Python process that runs here from now on watched, as ``audit`` says."""
        shutil.copy(audit.__file__, self.folder / "sitecustomize.py")
        (self.folder / audit.NOTES).touch()

    def take_over(self, other: "Sandbox") -> None:
        """All that was made in another folder, and what Snakemake knows of it."""
        for made in ("results", ".snakemake"):
            shutil.copytree(other.folder / made, self.folder / made)

    def touched(self, pattern: str = "") -> list[Touch]:
        """What the processes touched, where the path matches."""
        notes = (self.folder / audit.NOTES).read_text(encoding="utf-8").splitlines()
        return [touch for touch in (Touch(**json.loads(note)) for note in notes) if re.search(pattern, touch.path)]

    def command(self, *arguments: str, overlay: dict[str, object] | None = None) -> list[str]:
        """Snakemake on two cores, one thread per job; another ``overlay`` takes the place of the folder's own."""
        file = self.folder / "overlay.yaml"
        file.write_text(yaml.safe_dump(self.overlay if overlay is None else overlay), encoding="utf-8")
        limits = ("--cores", "2", "--max-threads", "1", "--resources", "gpu=2", "--configfile", file.name)
        return ["snakemake", *arguments, *limits]

    def snakemake(self, *arguments: str, overlay: dict[str, object] | None = None) -> subprocess.CompletedProcess[str]:
        """Run `command`."""
        return self.forked(*self.command(*arguments, overlay=overlay))

    def planned(self, *targets: str, overlay: dict[str, object] | None = None) -> list[str]:
        """What a run would do: rule and first output of each job, sorted."""
        answer = self.snakemake(*targets, "--dry-run", overlay=overlay)
        assert answer.returncode == 0, answer.stdout
        jobs = re.findall(r"^rule (\w+):\n(?:    input: .*\n)?    output: ([^,\n]+)", answer.stdout, re.M)
        assert jobs or "Nothing to be done" in answer.stdout, answer.stdout
        return sorted(f"{rule} {output}" for rule, output in jobs)


@contextlib.contextmanager
def edited(path: Path, old: str, new: str) -> Iterator[None]:
    """A file with one place of its text changed, until the block ends."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path}: expected {old!r} once"
    path.write_text(text.replace(old, new), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(text, encoding="utf-8")


def merged(base: dict, over: dict) -> dict:
    """``over`` laid over ``base``, key by key, as Snakemake does with a second config file."""
    both = {**base, **over}
    for key in base.keys() & over.keys():
        if isinstance(base[key], dict) and isinstance(over[key], dict):
            both[key] = merged(base[key], over[key])
    return both


def tempt(root: Path) -> None:
    """Lay a label file beside each training image, as Cityscapes has them: whole ones, which the renderer omits."""
    assert not (root / "gtFine/train").exists()
    label = next((root / "gtFine/val").rglob("*.png"))
    for image in (root / "leftImg8bit/train").rglob("*.png"):
        folder = root / "gtFine/train" / image.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(label, folder / image.name.replace("leftImg8bit", "gtFine_labelIds"))


# All of the demo.
TARGETS = ("results/demo/metrics.csv", "results/demo/report/panel.png")
PAGE = "results/demo/report/index.html"
COMPONENTS = "results/demo/prior/components.csv"  # on demand

# The demo with a few small images and a few steps; every rule runs, and a method of each kind.
TEST = yaml.safe_load((ROOT / ".test/config.yaml").read_text(encoding="utf-8"))
TINY: dict[str, Any] = {name: TEST[name] for name in ("render", "presets")}
KINDS = tuple(TINY["presets"]["demo"]["methods"])
