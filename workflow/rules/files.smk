# Which file comes from which.

import os

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger


def data(setting, which):
    """Folder of a prepared split, 'source', 'train' or 'val'; settings that prepare alike share it.

    None for what the domain cannot be: a source, or a target to validate on, without labels.
    """
    found = prepared_split(STUDY, setting, which)
    if found is None:
        return None
    PREPARED[found.name] = found
    return f"results/data/{found.name}"


class Data(dict):
    """Setting → split → folder; those of a variant when they are first asked for."""

    def __missing__(self, setting):
        self[setting] = {which: data(setting, which) for which in (*SPLITS, TRAIN_WITH_DEPTH)}
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


def labelled(setting, split):
    """The prepared source, or the target's validation split; without labels, which keys would give it some."""
    if folder := DATA[setting][split]:
        return folder
    view, use, split, instead = {
        "source": ("source", "learn from", "", "take another source"),
        "val": (
            "target",
            "compare with",
            " of a split val",
            "ask for models (…/model.pt) and the panel, which need none",
        ),
    }[split]
    domain = getattr(STUDY.settings[setting], view).domain
    raise WorkflowError(
        f"settings.{setting}.{view}: expected labels to {use}, got none{split} in domains.{domain}; "
        f"a folder of your own gets them by its keys images, labels and ids; or {instead}"
    )


def unlabelled(setting, method):
    """The target's training images, with depth for a method that learns from it; the others stay as they are."""
    try:
        return DATA[setting][training_split(STUDY, setting, method)]
    except ConfigError as error:
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
    return {need: ARTEFACTS[need][2].rpartition(".")[2] for need in requirements(method).artefacts}


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
        f"settings.{setting}.published: expected what one of its methods was published with, got none of "
        f"{', '.join(methods)}; say so there, or name other methods"
    )


def shown(setting):
    """Titles and models of the panel: the first and the last round of each method, of the first seed."""
    chosen = STUDY.settings[setting]
    ends = {method: rounds(setting, method) for method in chosen.draw.methods}
    return [
        (f"{method} {round}", model(setting, method, chosen.seeds[0], round))
        for method, found in ends.items()
        for round in dict.fromkeys((found[0], found[-1]) if chosen.draw.rounds == "ends" else found[-1:])
    ]


def draw_spec(setting):
    """Columns of the panel; the truth is one where the target has labels to validate on."""
    chosen = STUDY.settings[setting]
    return spec(
        titles=[title for title, _ in shown(setting)],
        truth=bool(DATA[setting]["val"]),
        inverse_depth=chosen.inverse_depth,
        draw=chosen.draw,
    )


def measured(setting):
    """The metrics of every model of a setting; none where the target has no labels to compare with."""
    return [path.replace("model.pt", "metrics.json") for path in models(setting)] if DATA[setting]["val"] else []


def trainings(setting):
    """Method, round and seed of each of `models`."""
    parts = [Path(path).parts for path in models(setting)]
    return [{"method": part[2], "round": part[4], "seed": int(part[3].removeprefix("seed"))} for part in parts]


def labelling(setting):
    """Method and round of what the first seed labelled for itself, in the order of `models`."""
    first = STUDY.settings[setting].seeds[0]
    mine = [one for one in trainings(setting) if one["seed"] == first and one["round"] != "q0"]
    return [{"method": one["method"], "round": one["round"]} for one in mine]


def beside_rounds(setting, folder):
    """A folder of each of `labelling`: pseudo or refined."""
    first = STUDY.settings[setting].seeds[0]
    return [str(Path(model(setting, seed=first, **one)).with_name(folder)) for one in labelling(setting)]


def embedded(setting):
    """The network that `embed` looks into."""
    chosen = STUDY.settings[setting]
    return model(setting, chosen.embed.method, chosen.seeds[0], "q0")


def embeddings(setting):
    """What `embed` makes of a setting that has its method."""
    chosen = STUDY.settings[setting]
    return [f"results/{setting}/report/embedding.csv"] if chosen.embed.method in chosen.methods else []


def artefacts(setting):
    """Name, rule and setting of each offline artefact that a setting's methods are built from."""
    found = dict.fromkeys(
        (need, made, Path(path).parts[1])
        for method in STUDY.settings[setting].methods
        for (need, made), path in zip(prior(method).items(), needs(setting, method), strict=True)
    )
    return list(found)


def mixtures(setting):
    """The mixtures of a setting, if one of its methods is built on some."""
    return [f"results/{home}/prior/{need}.npz" for need, _, home in artefacts(setting) if need == "mixtures"]


def costs(setting):
    """Stage, what it was done for, and its benchmark file, of all that the first page of a setting had to run.

    Side products: they are read where they are there, and nothing runs again for them.
    """
    chosen, rows = STUDY.settings[setting], []
    for which, folder in DATA[setting].items():
        if folder:
            rows.append(("prepare", which, f"{Path(folder).name}"))
    rows += [(made, need, home) for need, made, home in artefacts(setting)]
    started = [path for method in chosen.methods for seed in chosen.seeds for path in init(setting, method, seed)]
    paths = dict.fromkeys([*(path for path in started if path.startswith("results/")), *models(setting)])
    for home, method, seed, round in (Path(path).parts[1:5] for path in paths):
        who, name = f"{method} {round}, {seed.replace('seed', 'seed ')}", f"{home}-{method}-{seed}"
        if round == "q0":
            rows.append(("adapt", who, name))
        else:
            rows += [(stage, who, f"{name}-{round}") for stage in ("pseudo_label", "refine_labels", "selftrain")]
        if DATA[setting]["val"] and method in chosen.methods:
            rows.append(("evaluate", who, f"{name}-{round}"))
    rows += [(stage, "report", setting) for stage in ("draw", "embed", "draw_figures")]
    return [
        {"stage": stage, "what": what, "file": f"results/benchmarks/{stage}/{name}.tsv"} for stage, what, name in rows
    ]


def draw_figures_spec(setting):
    """What the charts are of."""
    chosen = STUDY.settings[setting]
    return spec(
        classes=chosen.classes,
        trainings=trainings(setting),
        rounds=labelling(setting),
        embedded=chosen.embed.method,
        draw_figures=chosen.draw_figures,
    )


def write_page_spec(setting):
    """What the page says of the setting; what changes no number is left out, so that it writes no page."""
    chosen = STUDY.settings[setting]
    source, target = (STUDY.domains[view.domain] for view in (chosen.source, chosen.target))
    told = dataclasses.asdict(chosen)
    told["classes"] = chosen.classes.name
    told["objectives"] = {method: told["objectives"][method] for method in chosen.methods}
    for section, key in (("pseudo_label", "batch"), ("evaluate", "batch")):
        del told[section][key]
    task = {
        "setting": setting,
        "classes": chosen.classes,
        "source": source.dataset,
        "target": target.dataset,
        "size": (chosen.target.width, chosen.target.height),
        "rendered": any(domain.root.startswith("results/") for domain in (source, target)),
        "trainings": trainings(setting),
        "rounds": labelling(setting),
        "costs": costs(setting),
        "config": json.dumps(told),
    }
    return spec(task=task, monitor=dataclasses.replace(STUDY.monitor, tensorboard=False), write_page=chosen.write_page)
