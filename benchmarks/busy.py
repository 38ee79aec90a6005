"""A training step beside busy neighbours, by threads and by how long these spin for one another before they sleep."""

import argparse
import contextlib
import csv
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.subprocesses import Worker, start_workers, time_workers
from benchmarks.timing import columns, machine
from dadist.config.schema import Setting
from dadist.cost.timing import measure
from dadist.runtime.cores import SPINS

STEPS = 6  # of one answer, the first of which is not timed
OURS = "ours"
WAITING: dict[str, dict[str, str]] = {
    OURS: {"GOMP_SPINCOUNT": str(SPINS)},
    "as OpenMP has it": {},
    "asleep at once": {"OMP_WAIT_POLICY": "PASSIVE"},
}
NEIGHBOUR = "while True: pass"


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("setting", help="a name in `settings` of config.yaml: its network, sizes and batch")
    parser.add_argument("--method", default="source_only", help="to train (%(default)s)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="(1 2)")
    parser.add_argument("--neighbours", type=int, nargs="+", default=[0, 1, 2], help="that keep a core busy (0 1 2)")
    parser.add_argument("--spins", nargs="*", default=[], metavar="COUNT", help="other numbers, to choose one by")
    parser.add_argument("--repeats", type=int, default=5, help="answers of each way, in turns (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Seconds of a step: medians of answers, each of which is a median of steps."""
    found: dict[str, dict[str, float]] = {}
    with contextlib.ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for name, variables in ways(asked.threads, asked.spins).items():
            with _environment(variables):  # libraries read it once, when they are loaded
                given = {name: (asked.setting, asked.method)}
                workers |= stack.enter_context(start_workers(step_worker, given))
        for count in asked.neighbours:
            with neighbours(count):
                found[f"{count} neighbours"] = time_workers(workers, repeats=asked.repeats)
    with asked.out.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["way", "neighbours", "seconds"])
        rows.writerows([way, name.split()[0], value] for name, of in found.items() for way, value in of.items())
    sys.stdout.write(f"{machine()}, medians of {asked.repeats}\n\n{columns('seconds of a step', found, '{:.3f}')}")


def ways(threads: list[int], spins: list[str]) -> dict[str, dict[str, str]]:
    """What the environment of each way says; one thread waits for nobody."""
    waiting = WAITING | {f"{count} times": {"GOMP_SPINCOUNT": count} for count in spins}
    return {
        f"{count} threads, {name}": {"OMP_NUM_THREADS": str(count), **variables}
        for count in threads
        for name, variables in waiting.items()
        if count > 1 or name == OURS
    }


def step_worker(setting: Setting, method: str) -> Worker:
    """A worker that answers "time" by the seconds of a step, by the clock."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

    def answer(request: str) -> Any:
        return measure(setting, method, steps=STEPS, device="cpu").seconds

    return answer


@contextlib.contextmanager
def neighbours(count: int) -> Iterator[None]:
    """That many processes that do nothing but work."""
    started = [subprocess.Popen([sys.executable, "-c", NEIGHBOUR]) for _ in range(count)]
    try:
        yield
    finally:
        for one in started:
            one.kill()
            one.wait()


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables, and none that says how threads wait."""
    with patch.dict(os.environ, variables):
        for name in {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} - variables.keys():
            os.environ.pop(name, None)
        yield
