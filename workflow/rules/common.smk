# What the rules share: the checked config, the names in paths, and what the user has to bring.

from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from dadist.config.load import load
from dadist.config.records import ConfigError
from dadist.pipeline import inputs, page, params, resources, runs
from dadist.pipeline.runs import run_of
from dadist.pipeline.user_files import UserFiles
from dadist.registry import METHODS

try:
    # The files are told so that messages can name the one that holds a mistake.
    STUDY = load(Path(workflow.basedir) / "config", config, map(Path, ["config.yaml", *workflow.overwrite_configfiles]))
except ConfigError as error:
    raise WorkflowError(str(error)) from None

USER_FILES = UserFiles(STUDY, logger.warning)


wildcard_constraints:
    preset="|".join(STUDY.render),
    dataset="synthia|cityscapes",
    data="[^/]+",
    setting=runs.pattern(STUDY),
    table="metrics|ablation|paper",
    method="|".join(METHODS),
    seed=r"\d+",
    round=r"q\d+",


onstart:
    if USER_FILES.absent:
        raise WorkflowError(USER_FILES.refusal())
