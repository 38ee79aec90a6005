# What the rules share: the checked config, and the settings of each stage as JSON.

import dataclasses
import functools
import json
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from dadist.config.schema import SOURCE_APPEARANCE
from dadist.config.methods import requirements
from dadist.data.inventory import Inventory, SplitPlan
from dadist.registry import DATASETS
from dadist.registry import ARTEFACTS, METHODS, RECIPES
from dadist.config.records import ConfigError
from dadist.config.splits import TRAIN_WITH_DEPTH, SPLITS, listed, prepared_split, place, reader, training_split
from dadist.storage.digest import content, digest
from dadist.config.load import FLOORS, PAPER, load

try:
    STUDY = load(
        Path(workflow.basedir) / "config", config, [Path("config.yaml"), *map(Path, workflow.overwrite_configfiles)]
    )
except ConfigError as error:
    raise WorkflowError(str(error)) from None


def papers(setting):
    """Method → variant of a setting that trains it as it was published, if config.yaml says how."""
    return {name: f"{PAPER}{name}" for name, over in STUDY.settings[setting].published.items() if over}


def variants(setting):
    """Names of what a setting is varied to, for the ablation and for its papers."""
    return [*STUDY.ablation.variants, *papers(setting).values()]


wildcard_constraints:
    preset="|".join(STUDY.render),
    dataset="synthia|cityscapes",
    data="[^/]+",
    setting="|".join(f"{name}(?:-(?:{'|'.join(variants(name))}))?" for name in STUDY.settings),
    table="metrics|ablation|paper",
    method="|".join(METHODS),
    seed=r"\d+",
    round=r"q\d+",


def spec(**values):
    """The --params of a stage: exactly the settings it reads, so that editing another key re-runs nothing."""
    return json.dumps(values, default=dataclasses.asdict, sort_keys=True)


# For whoever looks on while a stage runs; a resource, since editing it must re-run nothing.
MONITOR = spec(**dataclasses.asdict(STUDY.monitor))


def data_modules(setting):
    """The modules that make a setting's arrays."""
    chosen = STUDY.settings[setting]
    names = {DATASETS[STUDY.domains[view.domain].dataset] for view in (chosen.source, chosen.target)}
    return ["dadist.stages.prepare", *sorted(names)]


def setting_spec(setting, *keys):
    """Those of a stage that reads nothing but sections of its setting."""
    return spec(**{key: getattr(STUDY.settings[setting], key) for key in keys})


def prepare_spec(data):
    """What `prepare` makes of one split."""
    found = PREPARED[data]
    return spec(reader=found.reader, options=found.options, plan=found.plan)


def render_spec(preset, dataset):
    """One domain's share: the source has no look of its own, the target no number of source images."""
    render = STUDY.render[preset]
    if dataset == "synthia":
        return spec(domain=dataset, render=dataclasses.replace(render, appearance=SOURCE_APPEARANCE, train=0, val=0))
    return spec(domain=dataset, render=dataclasses.replace(render, source=0))


def compare_spec(setting):
    """`compare_components` fits as `fit_gmm` does, but for what its own section says."""
    chosen = STUDY.settings[setting]
    own = chosen.compare_components
    return spec(
        grid=chosen.grid,
        inverse_depth=chosen.inverse_depth,
        components=own.components,
        fit_gmm=dataclasses.replace(chosen.fit_gmm, components=1, points=own.points, held_out=own.held_out),
    )


def adapt_spec(setting, method, seed):
    """What `adapt` trains one model with."""
    chosen, file = STUDY.settings[setting], METHODS[method]
    objective = chosen.objectives[method]
    iterations = chosen.adapt.iterations if objective.iterations is None else objective.iterations
    artefacts = [ARTEFACTS[need][2] for need in requirements(method).artefacts]
    training = dict(
        setting=setting,
        method=method,
        round="q0",
        seed=int(seed),
        implementation=file,
        code=digest("dadist.stages.adapt", file, *artefacts, *data_modules(setting)),
        start=start(setting, method),
        protocol=chosen.protocol,
        inverse_depth=chosen.inverse_depth,
        iterations=iterations,
        class_weight_power=chosen.adapt.class_weight_power,
        class_weight_cap=chosen.adapt.class_weight_cap,
    )
    return spec(
        training=training,
        grid=chosen.grid,
        objective=dataclasses.replace(objective, iterations=None),
        adapt=dataclasses.replace(chosen.adapt, iterations=iterations),
    )


def selftrain_spec(setting, method, seed, round):
    """What `selftrain` trains one round with."""
    chosen = STUDY.settings[setting]
    shared, file = chosen.selftrain.training, RECIPES[chosen.selftrain.training.recipe]
    training = dict(
        setting=setting,
        method=method,
        round=round,
        seed=int(seed),
        implementation=file,
        code=digest("dadist.stages.selftrain", file, "dadist.stages.pseudo_label", "dadist.stages.refine_labels"),
        start=start(setting, method),
        protocol=chosen.protocol,
        inverse_depth=chosen.inverse_depth,
        iterations=chosen.selftrain.rounds[int(round[1:]) - 1],
        class_weight_power=chosen.adapt.class_weight_power,
        class_weight_cap=chosen.adapt.class_weight_cap,
    )
    return spec(training=training, shared=shared)


def pseudo_label_spec(setting):
    """What `pseudo_label` is sure by; images at once are a resource, since another number must not re-run it."""
    chosen = dataclasses.replace(STUDY.settings[setting].pseudo_label, batch=1)
    return spec(code=digest("dadist.stages.pseudo_label"), pseudo_label=chosen)


def refine_labels_spec(setting):
    """What `refine_labels` erases by."""
    return spec(code=digest("dadist.stages.refine_labels"), refine_labels=STUDY.settings[setting].refine_labels)


def evaluate_spec(setting):
    """What `evaluate` measures with; the digest goes into the table. Images at once are a resource here, too."""
    chosen = STUDY.settings[setting]
    return spec(
        code=digest("dadist.stages.evaluate"),
        inverse_depth=chosen.inverse_depth,
        evaluate=dataclasses.replace(chosen.evaluate, batch=1),
    )


@functools.cache
def fingerprint(name):
    """Names, sizes and times of the files of a data set that the user brings, which Snakemake sees but the root of.

    What `render` makes has its own triggers. What cannot be read is left to the stage, which says what is wrong.
    """
    folder = root(name)
    if not folder or folder.startswith("results/"):
        return None
    found, lists = PREPARED[name], names(name)
    try:
        inventory = Inventory(
            reader(STUDY, found.domain), Path(folder), SplitPlan(**found.plan), Path(lists) if lists else None
        )
        return inventory.fingerprint()
    except (ValueError, OSError) as error:
        logger.warning(f"{name}: {error}")
        return None
