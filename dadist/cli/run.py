"""`dadist run`: the whole study of a setting, by Snakemake."""

import argparse
import math
import shlex
import sys
from collections.abc import Sequence

from dadist.cli.study import as_snakemake, config_parser, read_study
from dadist.config.schema import Study
from dadist.pipeline import inputs, paths, runs
from dadist.runtime import cores, gpus, processes

SITE = ("--profile", "--workflow-profile", "--executor", "-e")  # of Snakemake: the jobs may run on other machines


def run(words: Sequence[str]) -> int:
    """Run a study: its table and its page, by the Snakemake command that it prints."""
    mine, theirs = _halves(words)
    asked, others = _parser().parse_known_args(mine)
    if others:
        remedy = f"options of snakemake come after --: -- {shlex.join(others)}"
        if others[0].endswith((".yaml", ".yml")):
            remedy = f"write --configfile {shlex.quote(others[0])}"
        raise ValueError(f"expected no {others[0]}; {remedy}")
    study = read_study(asked.configfile, asked.config, asked.setting)
    wanted = targets(study, asked.setting, asked.table)
    command = [*as_snakemake(wanted, asked, _limits(asked, theirs)), *theirs]
    folder = processes.folder_to_add(command[0])
    variables = f'PATH={shlex.quote(folder)}:"$PATH" ' if folder else ""
    sys.stderr.write(f"{variables}{shlex.join(command)}\n")
    sys.stderr.flush()
    processes.become(command, folder)


def targets(study: Study, setting: str, table: str) -> list[str]:
    """What a study of a setting ends with: a table, and with that of all its methods the page.

    Of a target without labels it is the models, the picture of what they see, and the page.

    Raises:
        ConfigError: The table needs labels that the target lacks, or has no row.
    """
    if table == "metrics" and not inputs.has_labels(study, setting):
        models = [paths.model(one) for one in runs.of_setting(study, setting)]
        return [*models, paths.panel(setting), paths.page(setting)]
    inputs.labelled(study, setting, "val")
    inputs.collected(study, setting, table)
    return [paths.table(setting, table), *([paths.page(setting)] if table == "metrics" else [])]


def _halves(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The words before the first `--`, and those after it, which are Snakemake's."""
    end = words.index("--") if "--" in words else len(words)
    return words[:end], words[end + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = config_parser("run", run)
    parser.add_argument("setting", help="name of a setting, such as demo, or of a variant")
    parser.add_argument("--table", choices=paths.TABLES, default=paths.TABLES[0], help="which table (%(default)s)")
    parser.add_argument("--cores", type=_positive, help="that it may use; without it, all that this process may")
    parser.add_argument(
        "--gpus", type=_positive, help="trainings at once, one GPU each; without it, the GPUs that are found"
    )
    parser.usage = f"{parser.format_usage().removeprefix('usage: ').rstrip()} [-- options of snakemake]"
    parser.epilog = "After -- come options of Snakemake, such as -n, which plans and runs nothing."
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text}")
    return int(text)


def _limits(asked: argparse.Namespace, theirs: Sequence[str]) -> list[str]:
    """Snakemake's options for what may be in use at once; none of this machine's where a profile says it."""
    count, found = asked.cores, asked.gpus
    if not any(word.partition("=")[0] in SITE for word in theirs):
        count = count or math.floor(max(cores.usable(), 1))
        found = found or gpus.count()
    return [*(["--cores", str(count)] if count else []), *(["--resources", f"gpu={found}"] if found else [])]
