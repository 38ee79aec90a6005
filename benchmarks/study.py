"""How long training, labelling and evaluation of a study take, ours and a plain loop's: seconds, times how often.

One seed of our method and its rounds. Left out is what all ways would share, or what takes minutes: rendering and
preparing data, the mixtures, a warm-up, refinement, reading batches, loading and saving.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.baseline_step import Changes, changed
from benchmarks.fixtures import evaluations, labellings, prepared
from benchmarks.step import METHOD, OF_OURS, OURS, PLAIN, answerer, now, resized
from benchmarks.subprocesses import Answer, Maker, apart, race_apart
from benchmarks.timing import REPEATS, Line, lines, machine, save
from dadist.config.schema import Setting
from dadist.cost.plan import Counts, iterations, limited
from dadist.cost.step import method_of
from dadist.data.prepared import Prepared
from dadist.model.inference import device, device_name
from dadist.runtime.memory import keep_freed_memory

HOUR = 3600.0
PASSES = {"pseudo_label": labellings, "evaluate": evaluations}


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
    make: Maker  # of an answer to "time"
    what: str  # that it is asked to make


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("setting", help="a name in `settings` of config.yaml")
    parser.add_argument("--size", nargs=2, type=int, metavar=("W", "H"), help="of both domains; the setting's without")
    sizes = "of an evaluation; without, those that lie there, or else the network's own"
    parser.add_argument("--labels", nargs=2, type=int, metavar=("W", "H"), help=sizes)
    ways = [*OF_OURS, PLAIN]
    told = f"some of {', '.join(map(repr, ways))}: the memory of so many trainings is needed"
    parser.add_argument("--ways", nargs="+", choices=ways, default=ways, metavar="WAY", help=told)
    parser.add_argument("--steps", type=int, default=20, help="of a training that are timed together (%(default)s)")
    parser.add_argument("--images", type=int, default=24, help="that are labelled and evaluated (%(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of these, in turns (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Steps on noise and passes over rendered streets, ours and a plain loop's in turns, in processes of their own."""
    setting, counts = asked.setting, limited(asked.setting, asked.counts())
    if asked.size is not None:
        setting = resized(setting, *asked.size)
    shown = setting.target.width, setting.target.height
    width, height = asked.labels or asked.size or (counts.label_width, counts.label_height)
    found, measured = list[Kind](), list[Line]()
    with tempfile.TemporaryDirectory(dir=asked.out.parent) as scratch:
        split = prepared(Path(scratch), asked.images, (height, width), shown=shown, classes=setting.classes).folder
        for work in _works(setting, counts):
            seconds = _measured(work, setting, asked, split)
            found.append(Kind(work.name, work.times, seconds))
            size = f"labels of {width}x{height}" if work.what == "evaluate" else f"{shown[0]}x{shown[1]}"
            case, first = f"{work.name}, {size}, {work.times} times", next(iter(seconds))
            measured += lines("study", case, seconds, ours=first, repeats=asked.repeats)
    clock = "the clock's" if device() == "cuda" else "processor time"
    on = f"{machine()}, {device_name()}, {asked.threads} threads, torch {torch.__version__}"
    save(measured, asked.out, on)
    sys.stdout.write(f"{on}; seconds and hours are {clock}\n\n{text(found)}")


def text(found: Sequence[Kind]) -> str:
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


def _works(setting: Setting, counts: Counts) -> Iterator[_Work]:
    """The kinds of work, in their order."""
    rounds = setting.selftrain.rounds if METHOD in setting.selftrain.methods else ()
    yield _Work("step of adapt", iterations(setting, METHOD), answerer, METHOD)
    if rounds:
        recipe = setting.selftrain.training.recipe
        # The authors' loop has one recipe: where ours is another, it does less.
        yield _Work(f"step of selftrain, {recipe} (the plain loop's: plain)", sum(rounds), answerer, recipe)
        labelled = min(setting.pseudo_label.images or counts.train, counts.train)
        yield _Work("image of pseudo_label", labelled * len(rounds), passing, "pseudo_label")
    yield _Work("image of evaluate", counts.val * (1 + len(rounds)), passing, "evaluate")


def _measured(work: _Work, setting: Setting, asked: argparse.Namespace, split: Path) -> dict[str, float]:
    """Seconds of one, by way; a pass in float32 stands for both of ours, as stages predict in float32."""
    ways = dict.fromkeys(asked.ways)
    rest = (asked.threads, split) if work.make is passing else (asked.steps, asked.threads)
    told = {way: OURS if work.make is passing and way in OF_OURS else way for way in ways}
    given = {way: (setting, work.what, way, device(), *rest) for way in told.values()}
    with apart(work.make, given) as answers:
        seconds = race_apart(answers, repeats=asked.repeats)
    return {way: seconds[told[way]] for way in ways}


def passing(setting: Setting, what: str, way: str, where: str, threads: int, split: Path) -> Answer:
    """For a process of its own: "time" is answered by the seconds of an image that is labelled, or evaluated."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    data, segmenter = Prepared(split), method_of(setting, METHOD).segmenter.eval().to(where)
    if way in OF_OURS:
        keep_freed_memory()  # as every stage does
    else:
        changed(segmenter, Changes())
    batch = {"pseudo_label": setting.pseudo_label.batch, "evaluate": setting.evaluate.batch}[what]
    ours, plain = PASSES[what](segmenter, data, Path(tempfile.mkdtemp(dir=split.parent)), batch)
    work = ours if way in OF_OURS else plain

    def answer(question: str) -> Any:
        begun = now(where)
        work()
        return (now(where) - begun) / len(data)

    return answer
