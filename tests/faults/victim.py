"""A small study that is killed again and again, and must end as if nobody had touched it."""

import contextlib
import dataclasses
import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sandbox import TINY, Sandbox, merged

from dadist.config.methods import hyperparameters

ROUNDS = ("q0", "q1")
METHOD = "depth_distribution"
Q0, Q1 = (f"results/demo/{METHOD}/seed1/{number}" for number in ROUNDS)
SURE = {"confidence": 0.2}  # of a teacher: or none of its labels counted, so early in a training


def study(length: int, method: str) -> dict[str, object]:
    """Trainings of a few seconds, or so many times longer, each of which saves itself many times."""
    has_teacher = "confidence" in {field.name for field in dataclasses.fields(hyperparameters(method))}
    own = {method: SURE} if has_teacher else {}
    lengths = {
        "methods": [method],
        "adapt": {"iterations": 40 * length},
        "objectives": {"warm_up": {"iterations": 30 * length}, **own},
        "selftrain": {"methods": [method], "rounds": [20 * length]},
    }
    return merged(TINY, {"settings": {"demo": lengths}})


KINDS = ("a job", "snakemake", "all")
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)
PATIENCE_S = 600.0


class Victim(Sandbox):
    """The study up to a round; its copy of the package saves the state of a training as often as it can."""

    def __init__(self, folder: Path, length: int = 1, rounds: tuple[str, ...] = ROUNDS, method: str = METHOD) -> None:
        super().__init__(folder, study(length, method))
        self.rounds, self.method, self.trained = rounds, method, folder / f"results/demo/{method}"
        self.tables = [f"results/demo/{method}/seed1/{number}/metrics.json" for number in rounds]
        state = folder / "dadist/training/resume.py"
        text = state.read_text(encoding="utf-8")
        often = re.sub(
            r"^(LEAST_S|SAVE_SHARE) = [\d.]+", lambda found: f"{found[1]} = {FAST[found[1]]}", text, flags=re.M
        )
        assert often != text
        state.write_text(often, encoding="utf-8")
        self.transcript = folder / "transcript.txt"

    def start(self, overlay: dict[str, object] | None = None) -> subprocess.Popen[bytes]:
        """Snakemake, in a process group of its own; with another ``overlay`` in place of the folder's own."""
        with self.transcript.open("ab") as file:
            return subprocess.Popen(
                self.command(*self.tables, overlay=overlay),
                cwd=self.folder,
                env=self.environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def unlock(self) -> None:
        """What the README says to do after a kill -9 of Snakemake itself."""
        if any((self.folder / ".snakemake/locks").glob("*")):
            assert self.snakemake("--unlock").returncode == 0

    def jobs(self) -> list[int]:
        """Stages at work in this folder, whoever started them; not the shells around them."""
        return [pid for pid, words in _processes(self.folder) if any(one.startswith("dadist.stages.") for one in words)]

    def products(self, rounds: tuple[str, ...] = ROUNDS) -> dict[str, bytes]:
        """What must come out the same of some rounds: networks, histories, tables."""
        found = self.folder / "results/demo"
        names = ("model.pt", "losses.csv", "metrics.json")
        paths = [path for path in found.rglob("*") if path.name in names and path.parent.name in rounds]
        return {str(path.relative_to(found)): path.read_bytes() for path in paths}

    def rest(self) -> list[str]:
        """Hidden files and folders that a finished study should have none of.

        Locks stay, Snakemake's notes, and beside each output what is kept of it.
        """
        paths = (self.folder / "results").rglob(".*")
        return [str(path) for path in paths if not path.name.endswith((".lock", ".kept", ".snakemake_timestamp"))]


FAST = {"LEAST_S": 0.2, "SAVE_SHARE": 1.0}


def _processes(folder: Path) -> Iterator[tuple[int, list[str]]]:
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if (path / "cwd").resolve() == folder.resolve():
                yield int(path.name), (path / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue


def strike(victim: Victim, process: subprocess.Popen[bytes], kind: str, number: int) -> bool:
    """Send a signal to a random job, to Snakemake alone, or to all of it; whether there was anything to hit."""
    try:
        if kind == "a job":
            os.kill(random.choice(victim.jobs()), number)
        elif kind == "snakemake":
            process.send_signal(number)
        else:
            os.killpg(process.pid, number)
    except (ProcessLookupError, IndexError):
        return False
    return True


def harried(victim: Victim, kills: int, seed: int, span_s: float) -> Counter[str]:
    """Run the same command until it succeeds, killed up to ``kills`` times at random moments; what hit, and how often.

    Args:
        victim: Whose study.
        kills: At most so many.
        seed: Of moments and kinds; where they fall depends on the machine as well.
        span_s: The longest wait, from the start of Snakemake or from a blow that hit nothing.
    """
    draw, hits = random.Random(seed), Counter[str]()
    end = time.monotonic() + PATIENCE_S * (1 + kills / 5)
    while time.monotonic() < end:
        victim.unlock()
        process = victim.start()
        hit = hits.total() >= kills
        while not hit and process.poll() is None:
            kind, number = draw.choice(KINDS), draw.choice(SIGNALS)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(draw.uniform(1.0, span_s))
                break
            if hit := strike(victim, process, kind, number):
                hits[f"{signal.Signals(number).name} to {kind}"] += 1
        if process.wait(PATIENCE_S) == 0:
            return hits
    raise AssertionError(f"not done after {hits}: {victim.transcript.read_text(encoding='utf-8')[-3000:]}")
