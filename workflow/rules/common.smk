# What the rules share: the checked config, the settings of a stage as JSON, and which file comes from which.

import dataclasses
import json

from snakemake.exceptions import WorkflowError

from dadist import config as sections
from dadist.data.registry import DATASETS
from dadist.methods.registry import METHODS, RECIPES
from dadist.provenance import digest

try:
    STUDY = sections.study(config)
except sections.ConfigError as error:
    raise WorkflowError(f"config.yaml: {error}") from None


wildcard_constraints:
    preset="|".join(STUDY.render),
    dataset="synthia|cityscapes",
    data="[^/]+",
    setting="|".join(STUDY.settings),
    method="|".join(METHODS),
    seed=r"\d+",
    round=r"q\d+",


def spec(**values):
    """The --params of a stage: exactly the settings it reads, so that editing another key re-runs nothing."""
    return json.dumps(values, default=dataclasses.asdict, sort_keys=True)


def setting_spec(setting, *keys):
    """Those of a stage that reads nothing but sections of its setting."""
    return spec(**{key: getattr(STUDY.settings[setting], key) for key in keys})


def data(setting, part):
    """Folder of a prepared split, 'source', 'train' or 'val'; settings that prepare alike share it."""
    chosen = STUDY.settings[setting]
    view, split = (chosen.source, "all") if part == "source" else (chosen.target, part)
    name = f"{view.domain}-{split}-{view.width}x{view.height}-{chosen.classes}"
    # Labels and depth: the source has both, the target's validation split labels alone, its training split neither.
    PREPARED[name] = {
        "reader": DATASETS[STUDY.domains[view.domain].dataset],
        "split": split,
        "width": view.width,
        "height": view.height,
        "classes": chosen.classes,
        "labels": part != "train",
        "depth": part == "source",
        "prepare": chosen.prepare,
    }
    ROOTS[name] = STUDY.domains[view.domain].root
    return f"results/data/{name}"


PREPARED, ROOTS = {}, {}
DATA = {name: {part: data(name, part) for part in ("source", "train", "val")} for name in STUDY.settings}


def model(setting, method, seed, round):
    return f"results/{setting}/{method}/seed{seed}/{round}/model.pt"


def start(setting, method):
    """Where a method's weights come from: 'random', another method, or a file."""
    chosen = STUDY.settings[setting]
    return chosen.objectives[method].start or chosen.start


def before(round):
    """The round that a round goes on from."""
    return f"q{int(round[1:]) - 1}"


def rounds(setting, method):
    """q0, and q1, q2, ... for a method that goes through self-training."""
    plan = STUDY.settings[setting].selftrain
    return ["q0"] + [f"q{i + 1}" for i in range(len(plan.rounds)) if method in plan.methods]
