"""Timing in subprocesses, one per way, where what a way does to its process, as to its memory, must not help others."""

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.timing import time_in_turns

Worker = Callable[[str], Any]  # "time" → seconds of one call; each kind of worker may answer further requests
MakeWorker = Callable[..., Worker]  # a function at the top of a module, so that it can be sent to a subprocess


@contextlib.contextmanager
def start_workers(make: MakeWorker, arguments: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Worker]]:
    """Start one subprocess per way, which calls ``make`` with that way's arguments and then answers requests.

    A subprocess has its worker before the next one starts, and only one of them computes at a time.
    """
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        workers = {}
        for way, given in arguments.items():
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, make, given), daemon=True)
            process.start()
            there.close()
            stack.callback(process.join)
            stack.callback(here.close)  # the subprocess ends then
            workers[way] = _remote(here, way)
            workers[way]("")
        yield workers


def time_workers(workers: Mapping[str, Worker], *, repeats: int) -> dict[str, float]:
    """As `time_in_turns`; each worker reads its own clock."""
    total = 0.0

    def call(worker: Worker) -> Callable[[], None]:
        def add() -> None:
            nonlocal total
            total += worker("time")

        return add

    ways = {name: call(worker) for name, worker in workers.items()}
    return time_in_turns(ways, repeats=repeats, clock=lambda: total)


def _remote(pipe: "Connection[Any, Any]", way: str) -> Worker:
    def ask(request: str) -> Any:
        try:
            pipe.send(request)
            return pipe.recv()
        except (EOFError, OSError):
            raise ChildProcessError(f"{way}: its process ended; see what it said above; memory may be short") from None

    return ask


def _serve(pipe: "Connection[Any, Any]", make: MakeWorker, arguments: tuple[Any, ...]) -> None:
    worker = make(*arguments)
    with contextlib.suppress(EOFError):
        while True:
            request = pipe.recv()
            pipe.send(worker(request) if request else None)
