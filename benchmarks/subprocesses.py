"""Ways in processes of their own, where what one does to its process, as to its memory, must not help the others."""

import contextlib
import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.timing import race

Answer = Callable[[str], Any]  # "time" → seconds of one call; further questions are the maker's
Maker = Callable[..., Answer]  # a function of a module


@contextlib.contextmanager
def apart(make: Maker, given: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Answer]]:
    """Start a process a way, which calls ``make`` with what is given for it; then each answers questions from here.

    A process has its answerer before the next one starts, and only one of them works at a time.
    """
    context = multiprocessing.get_context("spawn")
    with contextlib.ExitStack() as stack:
        found = {}
        for way, arguments in given.items():
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, make, arguments), daemon=True)
            process.start()
            there.close()
            stack.callback(process.join)
            stack.callback(here.close)  # the process ends then
            found[way] = _asking(here, way)
            found[way]("")
        yield found


def race_apart(ways: Mapping[str, Answer], *, repeats: int) -> dict[str, float]:
    """As `race`; the clock is each process's own."""
    spent = 0.0

    def timed(way: Answer) -> Callable[[], None]:
        def call() -> None:
            nonlocal spent
            spent += way("time")

        return call

    return race({name: timed(way) for name, way in ways.items()}, repeats=repeats, clock=lambda: spent)


def _asking(pipe: "Connection[Any, Any]", way: str) -> Answer:
    def ask(question: str) -> Any:
        try:
            pipe.send(question)
            return pipe.recv()
        except (EOFError, OSError):
            raise ChildProcessError(f"{way}: its process ended; see what it said above; memory may be short") from None

    return ask


def _serve(pipe: "Connection[Any, Any]", make: Maker, arguments: tuple[Any, ...]) -> None:
    answer = make(*arguments)
    with contextlib.suppress(EOFError):
        while True:
            question = pipe.recv()
            pipe.send(answer(question) if question else None)
