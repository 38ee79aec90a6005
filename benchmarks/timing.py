"""Ways to do one thing, timed in turns, and the table that their times are kept in."""

import csv
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dadist.storage.atomic import atomic

REPEATS = 5  # at least so many; the median counts


@dataclass(frozen=True)
class Line:
    """One way to do one thing."""

    part: str  # such as "refinement"
    case: str  # what was done, and how large it was
    way: str
    seconds: float  # the median
    ours: float  # seconds of our own way, in the same run
    repeats: int

    @property
    def ratio(self) -> float:
        """How many times our own way's time this one takes."""
        return self.seconds / self.ours


def race(
    ways: Mapping[str, Callable[[], object]], *, repeats: int, clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    """Median seconds of each way. All are called once before, unmeasured; then they take turns.

    Args:
        ways: By name; all get the same input.
        repeats: Of each.
        clock: Processor time of this process, by default, so that neighbours on the machine count less.
    """
    for way in ways.values():
        way()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            begun = clock()
            way()
            times[name].append(clock() - begun)
    return {name: statistics.median(each) for name, each in times.items()}


def lines(part: str, case: str, seconds: Mapping[str, float], *, ours: str, repeats: int) -> list[Line]:
    """What `race` found, the way named ``ours`` being the one that the others are compared with."""
    return [Line(part, case, way, each, seconds[ours], repeats) for way, each in seconds.items()]


def machine() -> str:
    """Processor, as its maker calls it where that can be read, and Python."""
    listing = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (listing.read_text(encoding="utf-8").splitlines() if listing.is_file() else [])
        if line.startswith("model name")
    ]
    return f"{names[0] if names else platform.processor() or platform.machine()}, Python {platform.python_version()}"


def save(found: Iterable[Line], out: Path, device: str) -> None:
    """Write a CSV, a row a line; ``device`` is what it was measured on."""
    with atomic(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["part", "case", "way", "seconds", "times_ours", "repeats", "machine"])
        for one in found:
            rows.writerow([one.part, one.case, one.way, f"{one.seconds:.6g}", f"{one.ratio:.3g}", one.repeats, device])


def text(found: Sequence[Line]) -> str:
    """A table in Markdown: a row a way, the cases one after the other."""
    rows = ["| case | way | seconds | a second | times ours |", "|---|---|--:|--:|--:|"]
    rows += [
        f"| {one.case} | {one.way} | {one.seconds:.3g} | {1 / one.seconds:.3g} | {one.ratio:.3g} |" for one in found
    ]
    return "\n".join(rows) + "\n"
