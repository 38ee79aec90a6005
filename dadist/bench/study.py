"""What a study takes on this machine, and a plain loop: each kind of work, measured, times how often it is done."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from dadist.accounting import Counts, iterations
from dadist.allocation import keep_freed_memory
from dadist.bench.apart import Answer, Maker, apart, race_apart
from dadist.bench.passes import evaluations, labellings, prepared
from dadist.bench.race import REPEATS, Line, lines, machine, save
from dadist.bench.step import METHOD, OF_OURS, PLAIN, answerer, now, resized
from dadist.config import Setting
from dadist.data.prepared import Prepared
from dadist.inference import device, device_name
from dadist.step_cost import method_of

IMAGES = 4  # that are labelled and evaluated for a measurement
HOUR = 3600.0


@dataclass(frozen=True)
class Kind:
    """One kind of work, and what was measured of it."""

    name: str
    times: int  # steps, or images
    seconds: Mapping[str, float]  # each, by way

    def hours(self, way: str) -> float:
        """All of it."""
        return self.times * self.seconds[way] / HOUR


class _Work(NamedTuple):
    name: str
    times: int
    make: Maker  # of an answer to "time", by way
    given: Callable[[str], tuple[Any, ...]]  # to it, for a way


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("setting", help="a name in `settings` of config.yaml, as it is for one seed of our method")
    parser.add_argument("--size", nargs=2, type=int, metavar=("W", "H"), help="of both domains; the setting's without")
    ways = [*OF_OURS, PLAIN]
    told = f"some of {', '.join(map(repr, ways))}: the memory of so many trainings is needed"
    parser.add_argument("--ways", nargs="+", choices=ways, default=ways, metavar="WAY", help=told)
    parser.add_argument("--steps", type=int, default=4, help="of a training that are timed together (%(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of these, in turns (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Steps on noise and passes over rendered streets, ours and a plain loop's in turns, in processes of their own."""
    setting, where, counts = asked.setting, device(), asked.counts()
    found, measured = list[Kind](), list[Line]()
    if asked.size is not None:
        setting = resized(setting, *asked.size)
    with tempfile.TemporaryDirectory(dir=asked.out.parent) as scratch:
        shown = setting.target.width, setting.target.height
        labels = counts.label_height, counts.label_width
        split = prepared(Path(scratch), IMAGES, labels, shown=shown, classes=setting.classes).folder
        for work in _works(setting, where, counts, asked, split):
            with apart(work.make, {way: work.given(way) for way in asked.ways}) as ways:
                seconds = race_apart(ways, repeats=asked.repeats)
            found.append(Kind(work.name, work.times, seconds))
            case = f"{work.name}, {work.times} times"
            measured += lines("study", case, seconds, ours=asked.ways[0], repeats=asked.repeats)
    on = f"{machine()}, {device_name()}, {asked.threads} threads, torch {torch.__version__}"
    save(measured, asked.out, on)
    sys.stdout.write(f"{on}\n\n{text(found)}")


def text(found: list[Kind]) -> str:
    """Seconds of each and hours of all, a column a way, in Markdown."""
    ways = list(found[0].seconds)
    head = " | ".join(f"{way}: s each | h" for way in ways)
    rows = [f"| what | times | {head} |", "|---|" + "--:|" * (1 + 2 * len(ways))]
    for one in found:
        cells = (f"{one.seconds[way]:.3g} | {one.hours(way):.3g}" for way in ways)
        rows.append(f"| {one.name} | {one.times} | " + " | ".join(cells) + " |")
    total = {way: sum(one.hours(way) for one in found) for way in ways}
    rows.append("| all | | " + " | ".join(f" | {total[way]:.3g}" for way in ways) + " |")
    told = [f"{way} takes {total[way] / total[ways[0]]:.2f} times as long as {ways[0]}.\n" for way in ways[1:]]
    return "\n".join(rows) + "\n\n" + "".join(told)


def _works(setting: Setting, where: str, counts: Counts, asked: argparse.Namespace, split: Path) -> Iterator[_Work]:
    """The kinds of work of one seed, in their order."""
    rounds, recipe, again = setting.selftrain.rounds, setting.selftrain.training.recipe, setting.pseudo_label

    def trains(name: str) -> Callable[[str], tuple[Any, ...]]:
        return lambda way: (setting, name, way, where, asked.steps, asked.threads)

    def passes(what: str, batch: int) -> Callable[[str], tuple[Any, ...]]:
        return lambda way: (setting, what, way, where, asked.threads, split, batch)

    yield _Work("step of adapt", iterations(setting, METHOD), answerer, trains(METHOD))
    if rounds:
        yield _Work(f"step of selftrain, {recipe}", sum(rounds), answerer, trains(recipe))
        labelled = min(again.images or counts.train, counts.train) * len(rounds)
        yield _Work("image of pseudo_label", labelled, passing, passes("pseudo_label", again.batch))
    evaluated = counts.val * (1 + len(rounds))
    yield _Work("image of evaluate", evaluated, passing, passes("evaluate", setting.evaluate.batch))


def passing(setting: Setting, what: str, way: str, where: str, threads: int, split: Path, batch: int) -> Answer:
    """For a process of its own: "time" is answered by the seconds of an image that is labelled, or evaluated."""
    torch.set_num_threads(threads)
    if way in OF_OURS:
        keep_freed_memory()  # as every stage does
    torch.manual_seed(0)
    data, segmenter = Prepared(split), method_of(setting, METHOD).segmenter.eval().to(where)
    make = {"pseudo_label": labellings, "evaluate": evaluations}[what]
    ours, plain = make(segmenter, data, Path(tempfile.mkdtemp(dir=split.parent)), batch)
    work = ours if way in OF_OURS else plain

    def answer(question: str) -> float:
        begun = now(where)
        work()
        return (now(where) - begun) / len(data)

    return answer
