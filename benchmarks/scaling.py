"""How time and memory of every stage grow with the number of images, and with their pixels.

A short study is run at one, four and sixteen times its images, and at one, four and sixteen times their pixels, each
stage as a process of its own on one core. What a stage takes is a + b n^k: a is its start, which the differences of the
three sizes are free of, and k = log((t16 - t4) / (t4 - t1)) / log 4 is the exponent of what grows. Runs of one size
differ; so the exponent is told as a range: what it is if each difference is off by as much as these.
"""

import argparse
import csv
import json
import math
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from benchmarks import workflow_run
from benchmarks.timing import machine
from dadist.report.charts import PALETTE, WIDE, style
from dadist.report.charts import save as save_chart
from dadist.storage.atomic import atomic

FACTORS = (1, 4, 16)
AXES = ("images", "pixels")
VARIANT = "scaling"  # of the demo: one method alone, on a start of its own
# What grows from one to sixteen by less than this is taken for flat: a share of the first, of seconds and of MB.
FLAT = {"seconds": 0.2, "peak_mb": 0.05}
# Run by a small Python of its own: a process that is started takes over the memory of the one it was started by as its
# peak so far, and of all that ended only the largest is told.
GAUGE = """
import json, resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=sys.stderr)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


class Took(NamedTuple):
    """What a process took."""

    seconds: float  # of processor time
    peak_mb: float  # resident


@dataclass(frozen=True)
class Size:
    """How large the streets of a study are."""

    images: int  # of each split
    width: int  # pixels
    height: int


@dataclass(frozen=True)
class Growth:
    """One quantity of a stage over the three sizes."""

    stage: str
    axis: str  # images or pixels
    quantity: str  # a field of Took
    sizes: tuple[int, ...]  # images, or pixels of one
    values: tuple[float, ...]  # the least of the runs of each
    spread: float  # most that runs of one size differ by

    @property
    def exponents(self) -> tuple[float, float] | None:
        """Of what grows, from least to most; None if nothing does."""
        return exponents(self.values, FLAT[self.quantity], self.spread)


def exponents(values: Sequence[float], flat: float, spread: float) -> tuple[float, float] | None:
    """The range of k of a + b n^k through values at n = 1, 4 and 16.

    Args:
        values: The three.
        flat: What grows by less than this share of the first does not grow: None.
        spread: What each of the two differences may be off by; what grows by less than twice that does not, either.

    Returns:
        The least k and the most, infinite if all may have grown between the last two.
    """
    first, second, third = values
    if third - first < max(flat * first, 2 * spread):
        return None
    early, late = second - first, third - second
    least = math.log(max(late - spread, 1e-9) / max(early + spread, 1e-9)) / math.log(4)
    return max(least, 0.0), math.log((late + spread) / (early - spread)) / math.log(4) if early > spread else math.inf


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("--images", type=int, default=80, help="of each split, at the smallest (%(default)s)")
    parser.add_argument("--width", type=int, default=192, help="at the smallest; twice the height (%(default)s)")
    parser.add_argument("--repeats", type=int, default=2, help="of each size; the least counts (%(default)s)")
    parser.add_argument("--steps", type=int, default=8, help="of each training (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Runs a short study at five sizes, and says how each stage grows; draws it beside the table."""
    found = measured(asked, sizes(asked.images, asked.width))
    save(found, asked.out)
    with style():
        save_chart(chart(found), asked.out.parent, asked.out.stem, dpi=90)
    sys.stdout.write(text(found))


def sizes(images: int, width: int) -> dict[tuple[str, int], Size]:
    """(axis, factor) → the study's size."""
    of_images = {("images", factor): Size(images * factor, width, width // 2) for factor in FACTORS}
    sides = {factor: width * math.isqrt(factor) for factor in FACTORS}
    return {**of_images, **{("pixels", factor): Size(images, sides[factor], sides[factor] // 2) for factor in FACTORS}}


def measured(asked: argparse.Namespace, cases: dict[tuple[str, int], Size]) -> list[Growth]:
    """Run the study at every size, as often as asked, and sort what its stages took."""
    took: dict[Size, list[dict[str, Took]]] = {size: [] for size in cases.values()}
    for _ in range(asked.repeats):
        for size, runs in took.items():
            sys.stderr.write(f"{size.images} images of {size.width}x{size.height}\n")
            with tempfile.TemporaryDirectory(dir=asked.out.parent) as scratch:
                runs.append(summed(study(Path(scratch), asked, size)))
    found = []
    for axis in AXES:
        mine = [cases[axis, factor] for factor in FACTORS]
        counts = tuple(size.images if axis == "images" else size.width * size.height for size in mine)
        for quantity in Took._fields:
            for stage in took[mine[0]][0]:
                every = [[float(getattr(one[stage], quantity)) for one in took[size]] for size in mine]
                spread = max(max(runs) - min(runs) for runs in every)
                found.append(Growth(stage, axis, quantity, counts, tuple(map(min, every)), spread))
    return found


def study(folder: Path, asked: argparse.Namespace, size: Size) -> Iterator[tuple[str, Took]]:
    """Run every stage of the study in a folder, in the order that Snakemake plans; stage and what each job took."""
    base = f"{asked.made}demo-{VARIANT}/"
    targets = [f"{base}{one}" for one in ("metrics.csv", "report/index.html", "prior/patches.npz")]
    words = [*targets, f"{asked.made}demo/prior/components.csv", "--dry-run", "--printshellcmds", "--cores", "1"]
    command = workflow_run.snakemake(folder, asked, *words, over=overlay(size, asked.steps))
    plan = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if plan.returncode:
        raise ValueError(f"{' '.join(command)}: expected a plan, got:\n{plan.stdout[-2000:]}")
    for line in re.findall(r"^Shell command: exec python (-m .*) 2> ", plan.stdout, re.M):
        words = shlex.split(line)
        yield words[1].rpartition(".")[2], gauged([sys.executable, *words], folder)


def gauged(command: Sequence[str], folder: Path) -> Took:
    """Run a command in a folder on one thread."""
    words = ["env", "OMP_NUM_THREADS=1", sys.executable, "-I", "-S", "-c", GAUGE, *command]
    answer = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    code, seconds, kilobytes = json.loads(answer.stdout)
    if code:
        raise ValueError(f"{' '.join(command[:3])}: expected it to succeed, got:\n{answer.stderr[-2000:]}")
    return Took(seconds, kilobytes / 1024)


def overlay(size: Size, steps: int) -> dict[str, Any]:
    """What makes the study of config.yaml's demo: every stage, one method, one round, trainings of so many steps."""
    view = {"width": size.width, "height": size.height}
    training = {"statistics_images": 8}
    variant = {
        "start": "random",
        "source": view,
        "target": view,
        "grid": [size.width // 8, size.height // 8],
        "fit_gmm": {"points": 0},  # all there are
        "adapt": {"iterations": steps, **training},
        "pseudo_label": {"confidence": 0.1},  # a network of a few steps is sure of nothing
        "selftrain": {"methods": ["depth_distribution"], "rounds": [steps], "training": training},
        "draw": {"methods": ["depth_distribution"]},
    }
    return {
        "render": {"demo": {**view, "source": size.images, "train": size.images, "val": size.images}},
        "settings": {
            "demo": {
                **{key: variant[key] for key in ("source", "target", "grid")},
                "compare_components": {"components": [1, 2], "points": 2000},
            }
        },
        "ablation": {"method": "depth_distribution", "variants": {VARIANT: variant}},
    }


def summed(jobs: Iterator[tuple[str, Took]]) -> dict[str, Took]:
    """Seconds of all jobs of a stage together, and the greatest peak."""
    found: dict[str, Took] = {}
    for stage, took in jobs:
        before = found.get(stage, Took(0.0, 0.0))
        found[stage] = Took(before.seconds + took.seconds, max(before.peak_mb, took.peak_mb))
    return found


def save(found: Sequence[Growth], out: Path) -> None:
    """Write a CSV, a row a stage, axis and quantity."""
    with atomic(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(
            ["stage", "axis", "quantity", *(f"at_{factor}x" for factor in FACTORS), "spread", "exponent", "machine"]
        )
        for one in found:
            values = (f"{value:.3f}" for value in (*one.values, one.spread))
            table.writerow([one.stage, one.axis, one.quantity, *values, told(one.exponents), machine()])


def text(found: Sequence[Growth]) -> str:
    """A table in Markdown: a row a stage and axis."""
    columns = ["s", "exponent", "MB", "exponent"]
    rows = [f"| {' | '.join(['stage', 'grows with', *columns])} |", "|---|---|--:|--:|--:|--:|"]
    for stage in dict.fromkeys(one.stage for one in found):
        for axis in AXES:
            cells = []
            for quantity, digits in (("seconds", 1), ("peak_mb", 0)):
                (mine,) = (one for one in found if (one.stage, one.axis, one.quantity) == (stage, axis, quantity))
                cells += [" → ".join(f"{value:.{digits}f}" for value in mine.values), told(mine.exponents)]
            rows.append(f"| {stage} | {axis} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def told(found: tuple[float, float] | None) -> str:
    """An exponent for people."""
    if found is None:
        return "flat"
    least, most = (f"{one:.1f}" for one in found)
    return least if least == most else f"{least} to {most}" if math.isfinite(found[1]) else f"{least} or more"


def chart(found: Sequence[Growth]) -> Figure:
    """Seconds above, memory below; images on the left, pixels on the right; a line a stage, its exponent beside it."""
    figure = Figure(figsize=(WIDE * 1.3, 8))
    names = {"seconds": "processor time, s", "peak_mb": "peak memory, MB"}
    for row, quantity in zip(figure.subplots(2, 2).tolist(), Took._fields, strict=True):
        for axes, axis in zip(row, AXES, strict=True):
            for index, one in enumerate(one for one in found if (one.axis, one.quantity) == (axis, quantity)):
                look = {"color": PALETTE[index % len(PALETTE)], "linestyle": ("-", "--", ":")[index // len(PALETTE)]}
                label = f"{one.stage} {told(one.exponents)}"
                axes.plot(one.sizes, one.values, marker="o", markersize=3, linewidth=1, label=label, **look)
            axes.set(xscale="log", yscale="log", ylabel=names[quantity])
            axes.set_xticks(one.sizes, [f"{size:,}" for size in one.sizes])
            axes.set_xticks([], minor=True)
            axes.set_xlabel("images a split" if axis == "images" else "pixels an image")
            axes.grid()
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), title="stage, exponent")
    return figure
