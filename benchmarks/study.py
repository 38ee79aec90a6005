"""How long training, labelling and evaluation of a study take, ours and by a plain loop.

Seconds of one step or image are multiplied by how many there are, for one seed of our method and its rounds. This
leaves out what all ways share, or what takes minutes: rendering and preparing data, the mixtures, a warm-up,
refinement, reading batches, loading and saving.
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
from benchmarks.fixtures import evaluation_passes, labelling_passes, prepare_validation
from benchmarks.step import METHOD, OF_OURS, OURS, PLAIN, now, resized, step_worker
from benchmarks.subprocesses import MakeWorker, Worker, start_workers, time_workers
from benchmarks.timing import REPEATS, Timing, machine, save, timings
from dadist.config.schema import Setting
from dadist.cost.plan import Counts, iterations, limited
from dadist.cost.step import method_of
from dadist.data.prepared import Prepared
from dadist.model.inference import device, device_name
from dadist.runtime.memory import keep_freed_memory

HOUR = 3600.0
PASSES = {"pseudo_label": labelling_passes, "evaluate": evaluation_passes}


@dataclass(frozen=True)
class TimedWork:
    """One kind of work, and how long one step or image of it takes."""

    name: str
    times: int  # steps, or images
    seconds: Mapping[str, float]  # of one, by way

    def hours(self, way: str) -> float:
        """All steps or images, by one way."""
        return self.times * self.seconds[way] / HOUR


class PlannedWork(NamedTuple):
    """One kind of work, before it is timed."""

    name: str
    times: int  # steps, or images
    make: MakeWorker  # of a worker that answers "time"
    what: str  # method, recipe or pass, for the worker


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("setting", help="a name in `settings` of config.yaml")
    parser.add_argument("--size", nargs=2, type=int, metavar=("W", "H"), help="of both domains; the setting's without")
    sizes = "of an evaluation; without, of the files that are there, or else the network's own"
    parser.add_argument("--labels", nargs=2, type=int, metavar=("W", "H"), help=sizes)
    ways = [*OF_OURS, PLAIN]
    needs = f"some of {', '.join(map(repr, ways))}: the memory of so many trainings is needed"
    parser.add_argument("--ways", nargs="+", choices=ways, default=ways, metavar="WAY", help=needs)
    parser.add_argument("--steps", type=int, default=20, help="of a training that are timed together (%(default)s)")
    parser.add_argument("--images", type=int, default=24, help="that are labelled and evaluated (%(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of these, in turns (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Steps on noise and passes over rendered streets, ours and a plain loop's in turns, each in a subprocess."""
    setting, counts = asked.setting, limited(asked.setting, asked.counts())
    if asked.size is not None:
        setting = resized(setting, *asked.size)
    shown = setting.target.width, setting.target.height
    width, height = asked.labels or asked.size or (counts.label_width, counts.label_height)
    works, rows = list[TimedWork](), list[Timing]()
    with tempfile.TemporaryDirectory(dir=asked.out.parent) as scratch:
        split = prepare_validation(
            Path(scratch), asked.images, (height, width), shown=shown, classes=setting.classes
        ).folder
        for work in planned(setting, counts):
            seconds = _timed(work, setting, asked, split)
            works.append(TimedWork(work.name, work.times, seconds))
            size = f"labels of {width}x{height}" if work.what == "evaluate" else f"{shown[0]}x{shown[1]}"
            case, first = f"{work.name}, {size}, {work.times} times", next(iter(seconds))
            rows += timings("study", case, seconds, ours=first, repeats=asked.repeats)
    clock = "the clock's" if device() == "cuda" else "processor time"
    on = f"{machine()}, {device_name()}, {asked.threads} threads, torch {torch.__version__}"
    save(rows, asked.out, on)
    sys.stdout.write(f"{on}; seconds and hours are {clock}\n\n{text(works)}")


def text(works: Sequence[TimedWork]) -> str:
    """Seconds of one and hours of all, with two columns per way, in Markdown."""
    ways = list(works[0].seconds)
    head = " | ".join(f"{way}: s each | h" for way in ways)
    rows = [f"| what | times | {head} |", "|---|" + "--:|" * (1 + 2 * len(ways))]
    for one in works:
        cells = (f"{one.seconds[way]:.3g} | {one.hours(way):.3g}" for way in ways)
        rows.append(f"| {one.name} | {one.times} | " + " | ".join(cells) + " |")
    total = {way: sum(one.hours(way) for one in works) for way in ways}
    rows.append("| all | | " + " | ".join(f" | {total[way]:.3g}" for way in ways) + " |")
    ratios = [f"{way} takes {total[way] / total[ways[0]]:.2f} times as long as {ways[0]}.\n" for way in ways[1:]]
    return "\n".join(rows) + "\n\n" + "".join(ratios)


def planned(setting: Setting, counts: Counts) -> Iterator[PlannedWork]:
    """The kinds of work, in the order of a study."""
    rounds = setting.selftrain.rounds if METHOD in setting.selftrain.methods else ()
    yield PlannedWork("step of adapt", iterations(setting, METHOD), step_worker, METHOD)
    if rounds:
        recipe = setting.selftrain.training.recipe
        # The authors' loop has one recipe: where ours is another, it does less.
        yield PlannedWork(f"step of selftrain, {recipe} (the plain loop's: plain)", sum(rounds), step_worker, recipe)
        labelled = min(setting.pseudo_label.images or counts.train, counts.train)
        yield PlannedWork("image of pseudo_label", labelled * len(rounds), pass_worker, "pseudo_label")
    yield PlannedWork("image of evaluate", counts.val * (1 + len(rounds)), pass_worker, "evaluate")


def _timed(work: PlannedWork, setting: Setting, asked: argparse.Namespace, split: Path) -> dict[str, float]:
    """Seconds of one, by way; stages predict in float32, so that one pass counts for both of ours."""
    ways = dict.fromkeys(asked.ways)
    rest = (asked.threads, split) if work.make is pass_worker else (asked.steps, asked.threads)
    timed_as = {way: OURS if work.make is pass_worker and way in OF_OURS else way for way in ways}
    arguments = {way: (setting, work.what, way, device(), *rest) for way in timed_as.values()}
    with start_workers(work.make, arguments) as workers:
        seconds = time_workers(workers, repeats=asked.repeats)
    return {way: seconds[timed_as[way]] for way in ways}


def pass_worker(setting: Setting, what: str, way: str, where: str, threads: int, split: Path) -> Worker:
    """A worker that answers "time" by the seconds of one image that is labelled, or evaluated."""
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

    def answer(_: str) -> Any:
        begin = now(where)
        work()
        return (now(where) - begin) / len(data)

    return answer
