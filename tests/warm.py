"""Snakemake and modules of dadist without the seconds of their start: a process that has loaded the libraries forks.

All else is as in a shell: arguments, folder, environment and exit status; the jobs that Snakemake starts are processes
of their own. Nothing of dadist is loaded before, since each sandbox has its own copy.
"""

import importlib
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

LOADED = (
    *("snakemake.cli", "snakemake.workflow", "snakemake.dag", "snakemake.scheduling.job_scheduler"),
    *("snakemake.report.html_reporter", "snakemake.profiles", "snakemake.storage", "numpy", "pydantic", "cv2", "torch"),
)
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["warm", *LOADED])


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """``snakemake …`` or ``python -m …`` in a folder; stdout and stderr together, as a terminal shows them."""
    with tempfile.NamedTemporaryFile() as file:
        process = SERVER.Process(target=_main, args=(list(command), str(folder), dict(environment), file.name))
        process.start()
        process.join()
        text = Path(file.name).read_text(encoding="utf-8")
    assert process.exitcode is not None
    return subprocess.CompletedProcess(command, process.exitcode, text)


def _main(command: list[str], folder: str, environment: dict[str, str], shown: str) -> None:
    file = os.open(shown, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.orig_argv = [sys.executable, *command] if command[0] == "snakemake" else command
    sys.path[:] = [environment["PYTHONPATH"], *(path for path in sys.path if not Path(path, "dadist").is_dir())]
    if Path(folder, "sitecustomize.py").is_file():  # as Python does when it starts
        sys.modules.pop("sitecustomize", None)
        importlib.import_module("sitecustomize")
    if command[0] == "snakemake":
        sys.argv = command
        from snakemake.cli import main

        main()
    else:
        sys.argv = command[2:]
        runpy.run_module(command[2], run_name="__main__", alter_sys=True)
