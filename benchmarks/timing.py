"""Timing side by side: several ways to do one thing take turns in one run, and the table of their times."""

import contextlib
import csv
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dadist.storage.atomic import atomic

REPEATS = 5  # at least so many; the median counts


@dataclass(frozen=True)
class Timing:
    """How long one way to do one thing takes."""

    part: str  # such as "refinement"
    case: str  # what was done, and how large it was
    way: str
    seconds: float  # the median
    ours: float  # seconds of our own way, in the same run
    repeats: int

    @property
    def ratio(self) -> float:
        """This way's seconds divided by ours."""
        return self.seconds / self.ours


def time_in_turns(
    ways: Mapping[str, Callable[[], object]],
    *,
    repeats: int,
    clock: Callable[[], float] = time.process_time,
    before: Callable[[], object] = lambda: None,
) -> dict[str, float]:
    """Median seconds of each way. Each is called once unmeasured; then the ways take turns.

    Args:
        ways: By name; all get the same input.
        repeats: Of each.
        clock: Processor time of this process by default, so that other work on the machine counts less.
        before: Called before each timed call; its own time does not count.
    """
    for way in ways.values():
        way()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            before()
            begin = clock()
            way()
            times[name].append(clock() - begin)
    return {name: statistics.median(each) for name, each in times.items()}


def timings(part: str, case: str, seconds: Mapping[str, float], *, ours: str, repeats: int) -> list[Timing]:
    """One `Timing` per way; all are compared with the way named ``ours``."""
    return [Timing(part, case, way, each, seconds[ours], repeats) for way, each in seconds.items()]


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """torch and OpenCV compute on one thread; afterwards they have as many as before."""
    import cv2
    import torch

    threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads[0])
        cv2.setNumThreads(threads[1])


def machine() -> str:
    """Name of the processor, as its maker calls it where that can be read, and version of Python."""
    listing = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (listing.read_text(encoding="utf-8").splitlines() if listing.is_file() else [])
        if line.startswith("model name")
    ]
    return f"{names[0] if names else platform.processor() or platform.machine()}, Python {platform.python_version()}"


def save(rows: Iterable[Timing], out: Path, device: str) -> None:
    """Write a CSV with one row per timing; ``device`` is what it was measured on."""
    with atomic(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["part", "case", "way", "seconds", "times_ours", "repeats", "machine"])
        for one in rows:
            table.writerow([one.part, one.case, one.way, f"{one.seconds:.6g}", f"{one.ratio:.3g}", one.repeats, device])


def text(rows: Sequence[Timing]) -> str:
    """A table in Markdown with one row per timing."""
    head = ["| case | way | seconds | per second | times ours |", "|---|---|--:|--:|--:|"]
    body = [f"| {one.case} | {one.way} | {one.seconds:.3g} | {1 / one.seconds:.3g} | {one.ratio:.3g} |" for one in rows]
    return "\n".join([*head, *body]) + "\n"


def columns(what: str, values: Mapping[str, Mapping[str, float]], digits: str) -> str:
    """A table in Markdown with one column per way and one row per name."""
    head = [f"| {what} | " + " | ".join(values) + " |", "|---|" + "--:|" * len(values)]
    names = next(iter(values.values()))
    rows = [f"| {name} | " + " | ".join(digits.format(of[name]) for of in values.values()) + " |" for name in names]
    return "\n".join([*head, *rows]) + "\n"
