# Which file comes from which.

import os

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger


def data(setting, which):
    """Folder of a prepared split, 'source', 'train' or 'val'; settings that prepare alike share it.

    None for what the domain cannot be: a source, or a target to validate on, without labels.
    """
    found = part(STUDY, setting, which)
    if found is None:
        return None
    PREPARED[found.name] = found
    return f"results/data/{found.name}"


class Data(dict):
    """Setting → part → folder; those of a variant when they are first asked for."""

    def __missing__(self, setting):
        self[setting] = {which: data(setting, which) for which in (*PARTS, MEASURED)}
        return self[setting]


class Prepared(dict):
    """Folder's name → the split; one that only variants have, when a job of a cluster asks for nothing else."""

    def __missing__(self, name):
        for setting in SETTINGS:
            for variant in variants(setting):
                DATA[f"{setting}-{variant}"]
        if name not in self:
            raise WorkflowError(f"results/data/{name}: expected a split that a setting asks for; config.yaml has none")
        return self[name]


SETTINGS, PREPARED, DATA = list(STUDY.settings), Prepared(), Data()
for setting in SETTINGS:
    DATA[setting]


def labelled(setting, part):
    """The prepared source, or the target's validation split; without labels, which keys would give it some."""
    if folder := DATA[setting][part]:
        return folder
    view, use, split, instead = {
        "source": ("source", "learn from", "", "take another source"),
        "val": (
            "target",
            "compare with",
            " of a split val",
            "ask for models (…/model.pt) and the panel, which need none",
        ),
    }[part]
    domain = getattr(STUDY.settings[setting], view).domain
    raise WorkflowError(
        f"settings.{setting}.{view}: expected labels to {use}, got none{split} in domains.{domain}; "
        f"a folder of your own gets them by its keys images, labels and ids; or {instead}"
    )


def unlabelled(setting, method):
    """The target's training images, with depth for a method that learns from it; the others stay as they are."""
    try:
        return DATA[setting][training_part(STUDY, setting, method)]
    except parsing.ConfigError as error:
        raise WorkflowError(f"config.yaml: {error}") from None


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


def prior(method):
    """The offline artefacts that a method is built from, and the section of config.yaml that each is made by."""
    return {need: ARTEFACTS[need][2].rpartition(".")[2] for need in declared(METHODS[method], "NEEDS", ())}


def home(setting, keys, method=None):
    """The setting that a file of a variant stands under: its base, where the two agree on all that makes the file."""
    base = setting.rpartition("-")[0]
    if base not in STUDY.settings:
        return setting
    mine, bases = STUDY.settings[setting], STUDY.settings[base]
    if mine.protocol != bases.protocol and method in mine.methods:
        return setting  # a row that says another protocol, be all its numbers the same
    alike = all(getattr(mine, key) == getattr(bases, key) for key in keys)
    while alike and method in METHODS:
        alike = mine.objectives[method] == bases.objectives[method]
        alike = alike and all(getattr(mine, made) == getattr(bases, made) for made in prior(method).values())
        method = start(setting, method)
    return base if alike else setting


MADE_OF = ["classes", "source", "target", "grid", "inverse_depth", "prepare", "start"]


def model(setting, method, seed, round):
    """The weights of a round."""
    keys = ["adapt"] if round == "q0" else ["adapt", "pseudo_label", "refine_labels", "selftrain"]
    return f"results/{home(setting, MADE_OF + keys, method)}/{method}/seed{seed}/{round}/model.pt"


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
    file = local(name)
    if os.path.isfile(file):
        return [file]
    return absent(
        file, "weights to start from; or set the key to random, pretrained or a method", f"settings.{setting}.start"
    )


def needs(setting, method):
    """The files of the offline artefacts that a method is built from."""
    return [f"results/{home(setting, [*MADE_OF, made])}/prior/{need}.npz" for need, made in prior(method).items()]


def models(setting, methods=METHODS):
    """Every model of a setting's table, in its order, or those of some methods."""
    chosen = STUDY.settings[setting]
    return [
        model(setting, method, seed, round)
        for method in chosen.methods
        if method in methods
        for seed in chosen.seeds
        for round in rounds(setting, method)
    ]


def rows(setting, table):
    """Every model of a table: all of the setting, one method in all variants, or each method as it was published."""
    if table == "metrics":
        return models(setting)
    if table == "paper":
        own, others = models(setting, FLOORS), published(setting)
    else:
        own, others = models(setting, [STUDY.ablation.method]), STUDY.ablation.variants
    return list(dict.fromkeys([*own, *(path for variant in others for path in models(f"{setting}-{variant}"))]))


def published(setting):
    """Variants of a setting in which its methods are trained as they were published, in their order."""
    methods, known = STUDY.settings[setting].methods, papers(setting)
    if found := [known[name] for name in methods if name in known]:
        return found
    raise WorkflowError(
        f"settings.{setting}.papers: expected what one of its methods was published with, got none of "
        f"{', '.join(methods)}; say so there, or name other methods"
    )


def shown(setting):
    """Titles and models of the panel: source-only, then a method's first and last round, of the first seed."""
    chosen = STUDY.settings[setting]
    method, seed = chosen.draw.method, chosen.seeds[0]
    ends = dict.fromkeys((rounds(setting, method)[0], rounds(setting, method)[-1]))
    pairs = [("source_only", "q0"), *((method, round) for round in ends)]
    return [(f"{name} {round}", model(setting, name, seed, round)) for name, round in pairs]


def draw_spec(setting):
    """Columns of the panel; the truth is one where the target has labels to validate on."""
    chosen = STUDY.settings[setting]
    return spec(titles=[title for title, _ in shown(setting)], truth=bool(DATA[setting]["val"]), draw=chosen.draw)
