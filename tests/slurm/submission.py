"""Snakemake on the SLURM of the tests, and what SLURM and the system know of it."""

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import yaml
from sandbox import Sandbox

PATIENCE_S = 900.0  # for a machine that does much else
# Snakemake that looks at the queue every second: the executor waits longer with every look at which nothing has ended,
# which no option turns off, and which is half of the time of these tests. It heeds Ctrl-C, which what a script starts
# with & ignores.
IMPATIENT = """
import signal
from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor
signal.signal(signal.SIGINT, signal.default_int_handler)
Executor.next_seconds_between_status_checks = property(lambda self: 1, lambda self, seconds: None)
main()
"""

Record = dict[str, str]


def command(*words: str) -> str:
    """What one of SLURM's commands answers."""
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout


class Submission:
    """Snakemake with the cluster's profile, in the background."""

    def __init__(self, sandbox: Sandbox, *arguments: str) -> None:
        self.sandbox, self.terminal = sandbox, sandbox.folder / "terminal.txt"
        (sandbox.folder / "overlay.yaml").write_text(yaml.safe_dump(sandbox.overlay), encoding="utf-8")
        words = (*arguments, "--workflow-profile", "profiles/slurm", "--configfile", "overlay.yaml")
        with self.terminal.open("w", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                (sys.executable, "-c", IMPATIENT, *words, "--max-threads", "1", "--latency-wait", "5"),
                cwd=sandbox.folder,
                env=sandbox.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> "Submission":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind, however a test ends."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        jobs = [one["JobId"] for one in records(self.sandbox) if one["JobState"] in ("PENDING", "RUNNING")]
        subprocess.run(["scancel", *jobs], check=False)

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for something while Snakemake runs; what the terminal shows is told if it does not come."""
        end = time.monotonic() + PATIENCE_S
        while not true():
            late = time.monotonic() > end or self.process.poll() is not None
            assert not late, f"expected {what}; the terminal shows:\n{self.terminal.read_text(encoding='utf-8')}"
            time.sleep(0.2)

    def wait(self) -> tuple[int, str]:
        """Exit code and all that the terminal showed."""
        self.until(lambda: self.process.poll() is not None, "an end")
        return self.process.returncode, self.terminal.read_text(encoding="utf-8")


def records(sandbox: Sandbox) -> list[Record]:
    """What SLURM knows of every job submitted from the sandbox, in order; not from a folder of that name before it."""
    begun = datetime.fromtimestamp((sandbox.folder / "Snakefile").stat().st_ctime).isoformat(timespec="seconds")
    found = [
        dict(word.split("=", 1) for word in line.split() if "=" in word)
        for line in command("scontrol", "show", "job", "--oneliner").splitlines()
    ]
    mine = [one for one in found if one.get("WorkDir") == str(sandbox.folder) and one["SubmitTime"] >= begun]
    return sorted(mine, key=lambda one: int(one["JobId"]))


def left(sandbox: Sandbox) -> list[str]:
    """Jobs of the sandbox that SLURM has not done with, and processes that work in its folder."""
    jobs = [
        f"job {one['JobId']}" for one in records(sandbox) if one["JobState"] in ("PENDING", "RUNNING", "COMPLETING")
    ]
    return jobs + [f"process {one.parent.name}" for one in Path("/proc").glob("[0-9]*/cwd") if inside(one, sandbox)]


def inside(link: Path, sandbox: Sandbox) -> bool:
    """Whether a link of /proc leads into the sandbox; False for that of a process that has ended since."""
    try:
        return link.readlink().is_relative_to(sandbox.folder)
    except OSError:
        return False
