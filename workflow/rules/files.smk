# Which file comes from which.

import os

from snakemake.exceptions import WorkflowError


def data(setting, part):
    """Folder of a prepared split, 'source', 'train' or 'val'; settings that prepare alike share it."""
    chosen = STUDY.settings[setting]
    view, split = (chosen.source, "all") if part == "source" else (chosen.target, part)
    name = f"{view.domain}-{split}-{view.width}x{view.height}-{chosen.classes}"
    if chosen.prepare.images:
        name += f"-first{chosen.prepare.images}"
    # Labels and depth: the source has both, the target's validation split labels alone, its training split neither.
    PREPARED[name] = {
        "reader": DATASETS[STUDY.domains[view.domain].dataset],
        "split": split,
        "width": view.width,
        "height": view.height,
        "classes": chosen.classes,
        "labels": part != "train",
        "depth": part == "source",
        "native": part == "val",  # the metric is counted on the labels as they are
        "prepare": chosen.prepare,
    }
    ROOTS[name] = (view.domain, STUDY.domains[view.domain].root)
    return f"results/data/{name}"


PREPARED, ROOTS = {}, {}
DATA = {name: {part: data(name, part) for part in ("source", "train", "val")} for name in STUDY.settings}


def root(name):
    """Folder of a data set: one that `render` makes, or one that has to be there."""
    domain, folder = ROOTS[name]
    if not folder.startswith("results/") and not os.path.isdir(folder):
        what = STUDY.domains[domain].dataset
        raise WorkflowError(
            f"domains.{domain}.root: expected a folder with {what}, found no {folder}; put it there or set the key"
        )
    return folder


def model(setting, method, seed, round):
    """The weights of a round."""
    return f"results/{setting}/{method}/seed{seed}/{round}/model.pt"


def start(setting, method):
    """Where a method's weights come from: 'random', 'pretrained', another method, or a file."""
    chosen = STUDY.settings[setting]
    return chosen.objectives[method].start or chosen.start


def before(round):
    """The round that a round goes on from."""
    return f"q{int(round[1:]) - 1}"


def rounds(setting, method):
    """q0, and q1, q2, ... for a method that goes through self-training."""
    plan = STUDY.settings[setting].selftrain
    return ["q0"] + [f"q{i + 1}" for i in range(len(plan.rounds)) if method in plan.methods]


def init(setting, method, seed):
    """The model a method starts from, if any."""
    name = start(setting, method)
    if name in ("random", "pretrained"):
        return []
    if name in METHODS:
        return [model(setting, name, seed, "q0")]
    if not os.path.isfile(name):
        raise WorkflowError(
            f"settings.{setting}: start of {method}: expected random, pretrained, a method or a file of weights, "
            f"found no {name}; put the file there or set the key"
        )
    return [name]


def needs(setting, method):
    """The offline artefacts that a method is built from."""
    return [f"results/{setting}/prior/{need}.npz" for need in declared_needs(METHODS[method])]


def models(setting):
    """Every model of a setting's table, in its order."""
    chosen = STUDY.settings[setting]
    return [
        model(setting, method, seed, round)
        for method in chosen.methods
        for seed in chosen.seeds
        for round in rounds(setting, method)
    ]


def shown(setting):
    """Titles and models of the panel: source-only, then a method's first and last round, of the first seed."""
    chosen = STUDY.settings[setting]
    method, seed = chosen.draw.method, chosen.seeds[0]
    ends = dict.fromkeys((rounds(setting, method)[0], rounds(setting, method)[-1]))
    pairs = [("source_only", "q0"), *((method, round) for round in ends)]
    return [(f"{name} {round}", model(setting, name, seed, round)) for name, round in pairs]
