"""How time and memory of every stage grow with the number of images, and with their pixels.

A short study runs at one, four and sixteen times its images, and at one, four and sixteen times their pixels, each
stage in a process of its own on one core. A stage is taken to need a + b n^k: a is its start, which drops out of the
differences between sizes, and k = log((t16 - t4) / (t4 - t1)) / log 4 is the exponent. Runs of one size differ, so the
exponent is a range: what it is if each difference is off by as much as the runs of one size differ.
"""

import argparse
import csv
import math
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.timing import machine
from benchmarks.workflow_run import Usage, run_measured, snakemake
from dadist.report.charts import PALETTE, WIDE, style
from dadist.report.charts import save as save_chart
from dadist.storage.atomic import atomic

FACTORS = (1, 4, 16)
AXES = ("images", "pixels")
VARIANT = "scaling"  # of the demo: one method alone, on a start of its own
# What grows by less than this from one to sixteen times the size counts as flat; relative to the first.
FLAT = {"seconds": 0.2, "peak_mb": 0.05}


@dataclass(frozen=True)
class StudySize:
    """How many images a study has, and how large they are."""

    images: int  # of each split
    width: int  # pixels
    height: int


@dataclass(frozen=True)
class Growth:
    """One quantity of a stage at the three sizes."""

    stage: str
    axis: str  # images or pixels
    quantity: str  # a field of Usage
    sizes: tuple[int, ...]  # number of images, or pixels of an image
    values: tuple[float, ...]  # the least of the runs at each size
    spread: float  # largest difference between runs of one size

    @property
    def exponents(self) -> tuple[float, float] | None:
        """Least and largest exponent; None if the quantity is flat."""
        return exponents(self.values, FLAT[self.quantity], self.spread)


def exponents(values: Sequence[float], flat: float, spread: float) -> tuple[float, float] | None:
    """The range of k of a + b n^k through values at n = 1, 4 and 16.

    Args:
        values: The three.
        flat: What grows by less than this share of the first value is flat.
        spread: What each of the two differences may be off by. What grows by less than twice this is flat, too.

    Returns:
        The least k and the largest, which is infinite if all may have grown between the last two; None if flat.
    """
    first, second, third = values
    if third - first < max(flat * first, 2 * spread):
        return None
    early, late = second - first, third - second
    least = math.log(max(late - spread, 1e-9) / max(early + spread, 1e-9)) / math.log(4)
    largest = math.log((late + spread) / (early - spread)) / math.log(4) if early > spread else math.inf
    return max(least, 0.0), max(largest, 0.0)


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("--images", type=int, default=80, help="of each split, at the smallest (%(default)s)")
    parser.add_argument("--width", type=int, default=192, help="at the smallest; twice the height (%(default)s)")
    parser.add_argument("--repeats", type=int, default=2, help="of each size; the least counts (%(default)s)")
    parser.add_argument("--steps", type=int, default=8, help="of each training (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Run a short study at five sizes; table and chart say how each stage grows."""
    rows = measure(asked, sizes(asked.images, asked.width))
    save(rows, asked.out)
    with style():
        save_chart(chart(rows), asked.out.parent, asked.out.stem, dpi=90)
    sys.stdout.write(text(rows))


def sizes(images: int, width: int) -> dict[tuple[str, int], StudySize]:
    """(axis, factor) → the study's size."""
    of_images = {("images", factor): StudySize(images * factor, width, width // 2) for factor in FACTORS}
    sides = {factor: width * math.isqrt(factor) for factor in FACTORS}
    return {
        **of_images,
        **{("pixels", factor): StudySize(images, sides[factor], sides[factor] // 2) for factor in FACTORS},
    }


def measure(asked: argparse.Namespace, cases: dict[tuple[str, int], StudySize]) -> list[Growth]:
    """Run the study ``asked.repeats`` times at every size; one `Growth` per axis, quantity and stage."""
    usage: dict[StudySize, list[dict[str, Usage]]] = {size: [] for size in cases.values()}
    for _ in range(asked.repeats):
        for size, runs in usage.items():
            sys.stderr.write(f"{size.images} images of {size.width}x{size.height}\n")
            with tempfile.TemporaryDirectory(dir=asked.out.parent) as scratch:
                runs.append(summed(study(Path(scratch), asked, size)))
    rows = []
    for axis in AXES:
        mine = [cases[axis, factor] for factor in FACTORS]
        counts = tuple(size.images if axis == "images" else size.width * size.height for size in mine)
        for quantity in Usage._fields:
            for stage in usage[mine[0]][0]:
                every = [[float(getattr(one[stage], quantity)) for one in usage[size]] for size in mine]
                spread = max(max(runs) - min(runs) for runs in every)
                rows.append(Growth(stage, axis, quantity, counts, tuple(map(min, every)), spread))
    return rows


def study(folder: Path, asked: argparse.Namespace, size: StudySize) -> Iterator[tuple[str, Usage]]:
    """Run every job of the study in a folder, in the order that Snakemake plans; its stage and what it needed."""
    base = f"{asked.made}demo-{VARIANT}/"
    targets = [f"{base}{one}" for one in ("metrics.csv", "report/index.html", "prior/patches.npz")]
    words = [*targets, f"{asked.made}demo/prior/components.csv", "--dry-run", "--printshellcmds", "--cores", "1"]
    command = snakemake(folder, asked, *words, over=overlay(size, asked.steps))
    plan = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if plan.returncode:
        raise ValueError(f"{' '.join(command)}: expected a plan, got:\n{plan.stdout[-2000:]}")
    for line in re.findall(r"^Shell command: exec python (-m .*) 2> ", plan.stdout, re.M):
        words = shlex.split(line)
        yield words[1].rpartition(".")[2], run_measured([sys.executable, *words], folder)


def overlay(size: StudySize, steps: int) -> dict[str, Any]:
    """Overrides that make a short study of the demo: every stage, one method, one round, trainings of ``steps``."""
    view = {"width": size.width, "height": size.height}
    training = {"statistics_images": 8}
    variant = {
        "start": "random",
        "source": view,
        "target": view,
        "fit_gmm": {"points": 0},  # all there are
        "adapt": {"iterations": steps, **training},
        "pseudo_label": {"confidence": 0.1},  # after a few steps a network is sure of nothing
        "selftrain": {"methods": ["depth_distribution"], "rounds": [steps], "training": training},
        "draw": {"methods": ["depth_distribution"]},
    }
    return {
        "render": {"demo": {**view, "source": size.images, "train": size.images, "val": size.images}},
        "settings": {
            "demo": {
                **{key: variant[key] for key in ("source", "target")},
                "compare_components": {"components": [1, 2], "points": 2000},
            }
        },
        "presets": {VARIANT: variant},
        "ablation": {"method": "depth_distribution", "variants": [VARIANT]},
    }


def summed(jobs: Iterator[tuple[str, Usage]]) -> dict[str, Usage]:
    """By stage: seconds of all its jobs together, and their largest peak."""
    stages: dict[str, Usage] = {}
    for stage, job in jobs:
        before = stages.get(stage, Usage(0.0, 0.0))
        stages[stage] = Usage(before.seconds + job.seconds, max(before.peak_mb, job.peak_mb))
    return stages


def save(rows: Sequence[Growth], out: Path) -> None:
    """Write a CSV with one row per stage, axis and quantity."""
    with atomic(out) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(
            ["stage", "axis", "quantity", *(f"at_{factor}x" for factor in FACTORS), "spread", "exponent", "machine"]
        )
        for one in rows:
            values = (f"{value:.3f}" for value in (*one.values, one.spread))
            table.writerow([one.stage, one.axis, one.quantity, *values, format_exponents(one.exponents), machine()])


def text(rows: Sequence[Growth]) -> str:
    """A table in Markdown with one row per stage and axis."""
    columns = ["s", "exponent", "MB", "exponent"]
    lines = [f"| {' | '.join(['stage', 'grows with', *columns])} |", "|---|---|--:|--:|--:|--:|"]
    for stage in dict.fromkeys(one.stage for one in rows):
        for axis in AXES:
            cells = []
            for quantity, digits in (("seconds", 1), ("peak_mb", 0)):
                (mine,) = (one for one in rows if (one.stage, one.axis, one.quantity) == (stage, axis, quantity))
                cells += [" → ".join(f"{value:.{digits}f}" for value in mine.values), format_exponents(mine.exponents)]
            lines.append(f"| {stage} | {axis} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def format_exponents(limits: tuple[float, float] | None) -> str:
    """A range of exponents in words."""
    if limits is None:
        return "flat"
    least, largest = (f"{one:.1f}" for one in limits)
    return least if least == largest else f"{least} to {largest}" if math.isfinite(limits[1]) else f"{least} or more"


def chart(rows: Sequence[Growth]) -> Figure:
    """Seconds above, memory below; images left, pixels right; one line per stage, its exponent in the legend."""
    figure = Figure(figsize=(WIDE * 1.3, 8))
    names = {"seconds": "processor time, s", "peak_mb": "peak memory, MB"}
    for plots, quantity in zip(figure.subplots(2, 2).tolist(), Usage._fields, strict=True):
        for axes, axis in zip(plots, AXES, strict=True):
            for index, one in enumerate(one for one in rows if (one.axis, one.quantity) == (axis, quantity)):
                look = {"color": PALETTE[index % len(PALETTE)], "linestyle": ("-", "--", ":")[index // len(PALETTE)]}
                label = f"{one.stage} {format_exponents(one.exponents)}"
                axes.plot(one.sizes, one.values, marker="o", markersize=3, linewidth=1, label=label, **look)
            axes.set(xscale="log", yscale="log", ylabel=names[quantity])
            axes.set_xticks(one.sizes, [f"{size:,}" for size in one.sizes])
            axes.set_xticks([], minor=True)
            axes.set_xlabel("images per split" if axis == "images" else "pixels per image")
            axes.grid()
            axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), title="stage, exponent")
    return figure
