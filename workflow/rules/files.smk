# Which file comes from which.

import os

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger


def data(setting, which):
    """Folder of a prepared split, 'source', 'train' or 'val'; settings that prepare alike share it."""
    found = part(STUDY, setting, which)
    PREPARED[found.name] = found
    return f"results/data/{found.name}"


PREPARED = {}
DATA = {name: {which: data(name, which) for which in PARTS} for name in STUDY.settings}


def local(path):
    """A path of config.yaml: what the workflow makes, or else a place from data_root on."""
    return place(STUDY, path, "results/")


def root(name):
    """Folder of a data set: one that `render` makes, or one that has to be there."""
    domain = PREPARED[name].domain
    folder = local(STUDY.domains[domain].root)
    if folder.startswith("results/") or os.path.isdir(folder):
        return folder
    return absent(folder, reader(STUDY, domain).shipped, f"domains.{domain}.root")


def names(name):
    """The text file that names the images of a split, if the domain has one."""
    return listed(STUDY, PREPARED[name], "results/") or []


def absent(path, expected, key):
    """Note that the user has to bring something; planning goes on without it, so that all of it is told at once."""
    if path not in ABSENT:
        ABSENT.append(path)
        logger.warning(f"{path}: not there ({key} in config.yaml, from data_root on); expected there: {expected}")
    return []


ABSENT = []


onstart:
    if ABSENT:
        raise WorkflowError(f"not there: {', '.join(sorted(ABSENT))}; what is expected there stands above")


def model(setting, method, seed, round):
    """The weights of a round."""
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


def init(setting, method, seed):
    """The model a method starts from, if any."""
    name = start(setting, method)
    if name == "random":
        return []
    if name in METHODS:
        return [model(setting, name, seed, "q0")]
    file = local(name)
    if os.path.isfile(file):
        return [file]
    return absent(file, "weights to start from; or set the key to random or a method", f"settings.{setting}.start")


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
