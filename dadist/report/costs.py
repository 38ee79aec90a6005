"""What each method of a setting took: time and memory of its stages, as Snakemake measured them."""

import csv
import math
import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from dadist.registry import METHODS

# Stages of a method in the order that they run in.
STAGES = ("pseudo_label", "refine_labels", "adapt", "selftrain", "evaluate")
ALL = "all"


class JobCost(NamedTuple):
    """What a job took; nan where Snakemake could not tell, as of one of less than a second."""

    seconds: float
    peak_mb: float  # resident, with its children


def costs(setting: Path, benchmarks: Path) -> pd.DataFrame:
    """One row per method, round and stage, in the order of METHODS and of the pipeline; one per method for all stages.

    A job that was stopped and went on counts from where it went on: only its last run is measured. GPU memory is not.

    Args:
        setting: Folder of the setting, whose name the benchmarks bear; "demo-paper_dada" is another than "demo".
        benchmarks: Folder with one folder per rule.

    Returns:
        Columns: method, round and stage ("all" for the sum), seeds (how many), seconds (mean over the seeds) and
        peak_mb (greatest memory of a job with its children, mean over the seeds; of all stages the greatest mean; nan
        where the jobs were over too soon to be looked at).

    Raises:
        FileNotFoundError: when no job of the setting has been measured there.
    """
    pattern = re.compile(rf"{re.escape(setting.name)}-({'|'.join(METHODS)})-seed(\d+)(?:-(q\d+))?")
    rows = []
    for path in benchmarks.glob("*/*.tsv"):
        if (found := pattern.fullmatch(path.stem)) and path.parent.name in STAGES:
            method, seed, round_name = found.groups(default="q0")
            if took := read(path):
                rows.append((method, round_name, path.parent.name, seed, *took))
    if not rows:
        raise FileNotFoundError(
            f"{benchmarks}: expected what methods of {setting.name} took, found none; "
            "name the folder of a setting whose metrics.csv was made"
        )
    jobs = pd.DataFrame(rows, columns=["method", "round", "stage", "seed", *JobCost._fields])
    means = jobs.groupby(["method", "round", "stage"], as_index=False).agg(
        seeds=("seed", "nunique"), **{name: (name, "mean") for name in JobCost._fields}
    )
    parts = []
    for name in METHODS:
        own = means[means["method"] == name]
        order = sorted(own.index, key=lambda row: (int(own["round"][row][1:]), STAGES.index(own["stage"][row])))
        total = {"seeds": own["seeds"].max(), "seconds": own["seconds"].sum(), "peak_mb": own["peak_mb"].max()}
        if len(own):
            parts += [own.loc[order], pd.DataFrame([{"method": name, "round": ALL, "stage": ALL, **total}])]
    return pd.concat(parts, ignore_index=True)


def text(rows: pd.DataFrame) -> str:
    """What `costs` found, as lines of columns: seconds to the tenth, whole megabytes."""
    lines = [f"{'method':20}  {'round':5}  {'stage':13}  {'seeds':>5}  {'seconds':>9}  {'peak MB':>7}"]
    for method, round_name, stage, seeds, seconds, peak_mb in rows.itertuples(index=False):
        peak = "" if pd.isna(peak_mb) else f"{peak_mb:.0f}"
        lines.append(f"{method:20}  {round_name:5}  {stage:13}  {seeds:5}  {seconds:9.1f}  {peak:>7}".rstrip())
    return "\n".join(lines) + "\n"


def read(path: Path) -> JobCost | None:
    """What a benchmark file says of its last run; None if there is no such file or it is another kind of file."""
    if not path.is_file():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    if not rows or "s" not in rows[-1]:
        return None
    return JobCost(*(_number(rows[-1].get(column)) for column in ("s", "max_rss")))


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:  # "NA" or "-"
        return math.nan
