"""A whole page of made-up results, without a network: two methods, one of them self-trained, two seeds, 7 classes."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import builders
import numpy as np
import pandas as pd
from PIL import Image

from dadist.classes import ClassSet
from dadist.config.sections import Monitor
from dadist.evaluation.confusion import Metrics
from dadist.evaluation.depth import depth_errors
from dadist.prior.mixtures import Mixtures
from dadist.report import figure_set as figures
from dadist.report import score_chart
from dadist.report.charts import style
from dadist.report.cost_table import Cost
from dadist.report.embedding import SPACES
from dadist.report.figure_index import LabelledRound, ShownFigure, TrainedModel
from dadist.report.figure_set import FigureSet
from dadist.report.image_grid import draw
from dadist.report.page import write
from dadist.report.sections import Domain, Task, lead, sections, warnings
from dadist.storage.seal import sealed

LIMITS = Monitor(
    tensorboard=False,
    windows=2,
    critic_won_below=0.35,
    critic_lost_within=0.01,
    adversarial_above=3.0,
    scarce_below=0.05,
    flooded_above=4.0,
    halt=(),
)
TRAINED = tuple(
    TrainedModel(method, name, seed)
    for method, name in (("source_only", "q0"), ("ours", "q0"), ("ours", "q1"))
    for seed in (1, 2)
)
LOSSES = "step,lr,segmentation,critic_source,critic_target\n20,1e-3,1.5,0.3,0.3\n40,5e-4,0.9,0.3,0.3\n"
COUNTS = {
    "labelled": [900, 50, 40, 30, 20, 10, 0],
    "kept": [900, 40, 30, 30, 0, 10, 0],
    "thresholds": [9, 8, 7, 6, 5, 4, 3],
}


def metrics(one: TrainedModel) -> Metrics:
    """Better with each round and worse with seed 2; the last class occurs nowhere."""
    good = {"source_only q0": 40, "ours q0": 60, "ours q1": 80}[f"{one.method} {one.round}"] - one.seed
    confusion = np.zeros((builders.CLASSES,) * 2, int)
    for label in range(builders.CLASSES - 1):
        confusion[label, label], confusion[label, (label + 1) % (builders.CLASSES - 1)] = good, 100 - good
    measured = depth_errors(np.full((1, 1), 5.0), np.array([[99]], np.uint16), numerator=1000.0, cap_m=80.0)
    protocol = {
        "iterations": 900,
        "selection": "last",
        "init": "warm_up",
        "labels": "native",
        "source": "9 images 1280x760",
        "target": "8 images 1280x760",
        "protocol": "unified",
        "code": "0e11",
        "statistics": "target",
        "torch": "2.15.0",
        "device": "cpu",
    }
    return Metrics(
        setting="made_up",
        method=one.method,
        seed=one.seed,
        round=one.round,
        classes=builders.SEVEN,
        confusion=confusion.tolist(),
        depth=measured if one.method == "ours" else None,
        images=12,
        protocol=protocol,
    )


def task(folder: Path, **changes: Any) -> Task:
    """What the page is told of the setting."""
    benchmark = folder / "adapt.tsv"
    benchmark.write_text("s\th:m:s\tmax_rss\tcpu_time\n61.5\t0:01:01\t900.1\t59.0\n", encoding="utf-8")
    plain = Task(
        setting="made_up",
        classes=builders.SEVEN,
        source=Domain("synthia_x", "synthia", rendered=False),
        target=Domain("cityscapes_x", "cityscapes", rendered=False),
        size=(1280, 760),
        trainings=TRAINED,
        rounds=(LabelledRound("ours", "q1"),),
        costs=(Cost("adapt", "ours q0, seed 1", str(benchmark)),),
        config=json.dumps({"seeds": [1, 2], "note": "<script>alert(1)</script>"}),
    )
    return dataclasses.replace(plain, **changes)


def losses(folder: Path) -> list[Path]:
    """A losses.csv each; the first one's training had no step."""
    paths = [folder / f"{index}.csv" for index in range(len(TRAINED))]
    for path in paths:
        path.write_text(sealed("step,lr\n" if path == paths[0] else LOSSES), encoding="utf-8")
    return paths


def drawn(folder: Path, scores: list[Metrics], mixtures: Mixtures | None, classes: ClassSet = builders.SEVEN) -> Path:
    """The folder of figures."""
    made = FigureSet(folder / "figures", 60)
    with style():
        score_chart.add(made, scores)
        figures.add_rates(made, scores, classes)
        figures.add_curves(made, TRAINED, losses(folder))
        if mixtures:
            figures.add_mixtures(made, mixtures)
        random = np.random.default_rng(0)
        points = pd.DataFrame({"x": random.normal(size=80), "y": random.normal(size=80)})
        points["space"], points["domain"] = np.repeat(SPACES, 40), np.tile(["source", "target"], 40)
        points["label"] = np.arange(80) % builders.CLASSES
        figures.add_embedding(made, points, classes, "ours")
    about = ShownFigure("labels-ours-q1", "labels", "ours q1", "Labels before and after.", "Two columns.")
    cells = np.arange(2)[:, None, None] * np.ones((1, 60, 100), int)
    columns = [(name, classes.colours[cells + at].astype(np.uint8)) for at, name in enumerate(("before", "after"))]
    draw(columns, made.picture(about), scale=1, classes=classes)
    made.close()
    return folder / "figures"


def page(
    folder: Path,
    *,
    labelled: bool = True,
    mixtures: Mixtures | None = None,
    shown: Path | None = None,
    prior: Sequence[Path] = (),
    **changes: Any,
) -> Path:
    """The page, with ``changes`` of its task; the path of its HTML. ``shown`` are figures that were drawn before."""
    told = task(folder, **changes)
    scores = [dataclasses.replace(metrics(one), classes=told.classes) for one in TRAINED] if labelled else []
    shown = shown or drawn(folder, scores, mixtures, told.classes)
    Image.effect_noise((900, 300), 80).convert("RGB").save(folder / "panel.png")
    counts = [COUNTS for _ in told.rounds]
    raised = warnings(told, scores, losses(folder), counts, [900, 50, 40, 30, 20, 10, 5], LIMITS)
    parts = sections(told, scores, counts, raised, [shown, *prior], folder / "panel.png", 800)
    write(folder / "index.html", f"dadist: {told.setting}", lead(told, scores, raised), parts, "The end.")
    return folder / "index.html"
