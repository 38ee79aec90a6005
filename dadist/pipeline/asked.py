"""What Snakemake was asked for: by its own Snakefile, or as a module of another workflow."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dadist.config.files import CONFIG, SHIPPED, base
from dadist.config.load import load
from dadist.config.records import ConfigError
from dadist.config.schema import Study
from dadist.pipeline import targets
from dadist.pipeline.paths import RESULTS

GIVEN = "config of the module"  # what stands for its file in messages
REMEDY = "; a workflow with files of its own gives this module its settings by `config:` (docs/extend.md)"


class Asked:
    """One planning.

    Args:
        workflow: Snakemake's object of that name.
        config: Its configuration; of a module that is given one by ``config:``, that.
        warn: Takes a line for whoever plans.

    Attributes:
        config_file: The file that config/ is followed by.
        missing: Takes a line on what the user has to bring. As a module we have no ``onstart`` that could refuse, so
            there the first one ends the planning.
    """

    def __init__(self, workflow: Any, config: Mapping[str, Any], warn: Callable[[str], None]) -> None:
        self._workflow = workflow
        self._folder = Path(workflow.current_basedir).parents[1]  # of the Snakefile
        self._imported = not workflow.modifier.is_main_snakefile()
        self._given = config if self._imported and workflow.modifier.skip_configfile else None
        self.config_file = base(self._folder) if self._given is None else self._folder / CONFIG
        self.missing = self._refuse if self._imported else warn

    def study(self) -> Study:
        """Of files that are read here anew and strictly: Snakemake's own loader takes 010 for 8.

        Files and words of the command line belong to a workflow that gives us our configuration.

        Raises:
            ConfigError: For the first key that is unknown, missing or wrong, a target that no setting or method has,
                or paths that a module has changed.
        """
        if self._workflow.modifier.modify_path(RESULTS) != RESULTS:
            raise ConfigError(
                f"module: expected no prefix, got one; leave it out, stages find each other's files below {RESULTS}"
            )
        settings, shipped = self._workflow.config_settings, self._folder / SHIPPED
        if self._given is not None:
            return load(shipped, [self.config_file], given=(GIVEN, self._given))
        first = [] if settings.replace_workflow_config else [self.config_file]
        try:
            study = load(shipped, [*first, *self._workflow.overwrite_configfiles], settings.config_args or [])
        except ConfigError as error:
            raise ConfigError(f"{error}{REMEDY if self._imported else ''}") from None
        if not self._imported:
            targets.check(study, sys.argv[1:])  # while it reads rules, Snakemake itself does not know its targets yet
        return study

    @staticmethod
    def _refuse(line: str) -> None:
        raise ConfigError(line)
