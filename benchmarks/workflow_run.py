"""The workflow in a folder of its own, so that a benchmark leaves no results behind, and what its jobs need."""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

SNAKEFILE = "Snakefile"
# A small Python runs each stage. A new process begins with its parent's memory as its peak, which must be small, and
# RUSAGE_CHILDREN has only the largest peak of all children, so that each stage needs a parent of its own.
MEASURE = """
import json, resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


class Usage(NamedTuple):
    """What a process needed."""

    seconds: float  # of processor time
    peak_mb: float  # resident


def snakemake(folder: Path, asked: argparse.Namespace, *words: str, over: Mapping[str, Any] | None = None) -> list[str]:
    """The command that runs the current folder's workflow in another folder.

    Args:
        folder: Where the results go; gets a copy of the settings.
        asked: `settings`, the study's file, and what overrides it: `configfile`, `config`.
        words: Targets, then options.
        over: Overrides all of these.
    """
    if not Path(SNAKEFILE).is_file():
        raise FileNotFoundError(f"{SNAKEFILE}: expected the workflow, found none; run this beside the Snakefile")
    shutil.copy(asked.settings, folder)
    (folder / "over.json").write_text(json.dumps(over or {}), encoding="utf-8")
    files = [*(str(Path(file).resolve()) for file in asked.configfile), str(folder.resolve() / "over.json")]
    command = [sys.executable, "-m", "snakemake", *words, "--snakefile", str(Path(SNAKEFILE).resolve())]
    command += ["--directory", str(folder.resolve()), "--configfile", *files]
    return [*command, "--config", *asked.config] if asked.config else command


def run_measured(command: Sequence[str], folder: Path) -> Usage:
    """Run a command in a folder, on one thread."""
    words = ["env", "OMP_NUM_THREADS=1", sys.executable, "-I", "-S", "-c", MEASURE, *command]
    answer = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    code, seconds, kilobytes = json.loads(answer.stdout)
    if code:
        raise ValueError(f"{' '.join(command[:3])}: expected it to succeed, got:\n{answer.stderr[-2000:]}")
    return Usage(seconds, kilobytes / 1024)
