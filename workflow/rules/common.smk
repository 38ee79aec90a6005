# What the rules share: the checked config, and the settings of each stage as JSON.

import dataclasses
import json

from snakemake.exceptions import WorkflowError

from dadist.data.registry import DATASETS
from dadist.methods.registry import METHODS, RECIPES
from dadist.parsing import ConfigError
from dadist.provenance import digest
from dadist.study import declared_needs, study

try:
    STUDY = study(config)
except ConfigError as error:
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


def adapt_spec(setting, method, seed):
    """What `adapt` trains one model with."""
    chosen, file = STUDY.settings[setting], METHODS[method]
    return spec(
        setting=setting,
        method=method,
        implementation=file,
        seed=int(seed),
        code=digest("dadist.stages.adapt", file),
        start=start(setting, method),
        grid=chosen.grid,
        inverse_depth=chosen.inverse_depth,
        objective=chosen.objectives[method],
        adapt=chosen.adapt,
    )


def selftrain_spec(setting, method, seed, round):
    """What `selftrain` trains one round with."""
    chosen = STUDY.settings[setting]
    training, file = chosen.selftrain.training, RECIPES[chosen.selftrain.training.recipe]
    return spec(
        setting=setting,
        method=method,
        implementation=file,
        round=round,
        seed=int(seed),
        code=digest("dadist.stages.selftrain", file),
        start=start(setting, method),
        inverse_depth=chosen.inverse_depth,
        class_weight_power=chosen.adapt.class_weight_power,
        class_weight_cap=chosen.adapt.class_weight_cap,
        iterations=chosen.selftrain.rounds[int(round[1:]) - 1],
        training=training,
    )
