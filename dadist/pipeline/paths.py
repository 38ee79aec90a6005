"""Where the files of a study stand below results/: the one place in Python that puts such a path together or takes
it apart. What a rule makes stands in its output."""

import os
import re
from pathlib import PurePosixPath

from dadist.config.schema import Study
from dadist.pipeline.runs import Artefact, Run
from dadist.registry import ARTEFACTS, METHODS

RESULTS = "results/"

TABLES = ("metrics", "paper", "ablation", "prior")

_MODEL = re.compile(rf"{RESULTS}([^/]+)/({'|'.join(METHODS)})/seed(\d+)/(q\d+)/model\.pt")


# --- what the user brings, and what is made


def place(study: Study, path: str) -> str:
    """Where a path of the configuration lies: below results/ as it is, any other from data_root on.

    ``~`` stands for the home folder, and ``$NAME`` for a variable of the environment, if there is one of that name.
    """
    if is_output(path):
        return path
    root, rest = (os.path.expanduser(os.path.expandvars(one)) for one in (study.data_root, path))  # noqa: PTH111
    return os.path.join(root, rest)  # noqa: PTH118 - no . or .. is resolved


def names(study: Study, domain: str, split: str) -> str | None:
    """The text file that names the images of a domain's split (train, val or all), if it has one."""
    lists = study.domains[domain].lists
    return place(study, lists[split]) if split in lists else None


def is_output(path: str) -> bool:
    """Whether the workflow makes a file, as it does the rendered streets; the user brings the others."""
    return path.startswith(RESULTS)


def preset(root: str) -> str:
    """Which streets of `render` a rendered data set shows, from its folder."""
    return PurePosixPath(root).parts[-2]


def streets(preset: str) -> str:
    """Folder of rendered streets with labels and depth: a source."""
    return f"{RESULTS}streets/{preset}/synthia"


def data(split: str) -> str:
    """Folder of a prepared split, which settings that prepare alike share."""
    return f"{RESULTS}data/{split}"


def depth(estimate: str) -> str:
    """Folder of the depth files that a network makes of a split's images."""
    return f"{RESULTS}depth/{estimate}"


# --- of a run


def model(run: Run) -> str:
    """The trained network."""
    return _of_run(run, "model.pt")


def losses(run: Run) -> str:
    """The losses of its training."""
    return _of_run(run, "losses.csv")


def metrics(run: Run) -> str:
    """What its evaluation measured."""
    return _of_run(run, "metrics.json")


def weighed(run: Run) -> str:
    """The same with the prior in several weights."""
    return _of_run(run, "prior.json")


def pseudo(run: Run) -> str:
    """Folder of the labels that the network of the round before is sure of."""
    return _of_run(run, "pseudo")


def refined(run: Run) -> str:
    """Folder of the same labels without regions that are too small."""
    return _of_run(run, "refined")


def trained(path: str) -> Run | None:
    """The run that a model is of; None for weights from elsewhere."""
    found = _MODEL.fullmatch(path)
    return Run(found[1], found[2], int(found[3]), found[4]) if found else None


def _of_run(run: Run, name: str) -> str:
    return f"{RESULTS}{run.setting}/{run.method}/seed{run.seed}/{run.round}/{name}"


# --- of a setting


def table(setting: str, name: str) -> str:
    """One row per model: 'metrics', 'paper', 'ablation' or 'prior'."""
    return f"{RESULTS}{setting}/{name}.csv"


def page(setting: str) -> str:
    """All of a setting in one HTML file."""
    return f"{RESULTS}{setting}/report/index.html"


def panel(setting: str) -> str:
    """The picture of images and what the models see in them."""
    return f"{RESULTS}{setting}/report/panel.png"


def joined(setting: str) -> str:
    """Folder in which the sources of a setting that has several are one."""
    return f"{RESULTS}{setting}/sources"


def artefact(one: Artefact) -> str:
    """What methods are built from."""
    return f"{RESULTS}{one.setting}/prior/{one.name}{ARTEFACTS[one.name][3]}"


def prior_figures(setting: str) -> str:
    """Folder of the pictures of what the prior changes."""
    return f"{RESULTS}{setting}/prior/figures"


def embedding(setting: str) -> str:
    """Pixels of both domains in the plane."""
    return f"{RESULTS}{setting}/report/embedding.csv"


def doctor(setting: str) -> str:
    """The picture of `dadist doctor`."""
    return f"{RESULTS}{setting}/doctor.png"


# --- beside the results


def benchmark(stage: str, name: str) -> str:
    """What a job took, as Snakemake measured it."""
    return f"{RESULTS}benchmarks/{stage}/{name}.tsv"


def timings(part: str) -> str:
    """Table of a part of `python -m benchmarks`."""
    return f"{RESULTS}benchmarks/{part}.csv"
