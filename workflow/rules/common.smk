# What the rules share: the checked config, the names in paths, and what the user has to bring.

import re
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from dadist.cli import terminal
from dadist.config.files import SHIPPED, base
from dadist.config.load import load
from dadist.config.records import ConfigError
from dadist.pipeline import inputs, page, params, prior_inputs, prior_pictures, resources, runs
from dadist.pipeline.runs import run_of
from dadist.pipeline.user_files import UserFiles
from dadist.registry import METHODS

# Files and --config are read anew and strictly: Snakemake's own loader takes 010 for 8 and drops a repeated key.
HERE = Path(workflow.current_basedir).parents[1]  # beside the Snakefile, also where another imports it as a module
CONFIG = base(HERE)
ASKED = workflow.config_settings
try:
    files = [*([] if ASKED.replace_workflow_config else [CONFIG]), *workflow.overwrite_configfiles]
    STUDY = load(HERE / SHIPPED, files, ASKED.config_args or [])
except ConfigError as error:
    raise WorkflowError(str(error)) from None

TERMINAL = terminal.take_over(logger, workflow.output_settings, main=workflow.is_main_process)
USER_FILES = UserFiles(STUDY, logger.warning)


wildcard_constraints:
    preset="|".join(map(re.escape, STUDY.render)),
    dataset="synthia|cityscapes",
    data="[^/]+",
    depth="[^/]+",
    setting=runs.pattern(STUDY),
    table="metrics|ablation|paper|prior",
    method="|".join(METHODS),
    seed=r"\d+",
    round=r"q\d+",


onstart:
    if USER_FILES.absent:
        raise WorkflowError(f"{USER_FILES.refusal()}; relative paths begin in {Path.cwd()}")


onsuccess:
    if TERMINAL:
        TERMINAL.end()
