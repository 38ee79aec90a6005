# What the rules share: the checked config, the names in paths, and what the user has to bring.

import re
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from dadist.cli import terminal
from dadist.config.records import ConfigError
from dadist.pipeline import inputs, page, params, paths, prior_inputs, prior_pictures, resources, runs
from dadist.pipeline.asked import Asked
from dadist.pipeline.runs import run_of
from dadist.pipeline.user_files import UserFiles
from dadist.registry import METHODS

ASKED = Asked(workflow, config, logger.warning)
try:
    STUDY = ASKED.study()
except ConfigError as error:
    raise WorkflowError(str(error)) from None

TERMINAL = terminal.take_over(logger, workflow.output_settings, main=workflow.is_main_process)
USER_FILES = UserFiles(STUDY, ASKED.missing)


wildcard_constraints:
    preset="|".join(map(re.escape, STUDY.render)),
    dataset="synthia|cityscapes",
    data="[^/]+",
    depth="[^/]+",
    setting=runs.pattern(STUDY),
    table="|".join(paths.TABLES),
    method="|".join(METHODS),
    seed=r"\d+",
    round=r"q\d+",


onstart:
    if USER_FILES.absent:
        raise WorkflowError(f"{USER_FILES.refusal()}; relative paths begin in {Path.cwd()}")


onsuccess:
    if TERMINAL:
        TERMINAL.end()
