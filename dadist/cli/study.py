"""What the commands share that read config.yaml, as the rules do: its flags, the study, and where its data lie."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dadist.config.files import SHIPPED, base, workflow_folder
from dadist.config.load import load
from dadist.config.records import ConfigError
from dadist.config.schema import Study
from dadist.pipeline.targets import setting_named

if TYPE_CHECKING:
    from dadist.cost.plan import Counts


def config_parser(name: str, command: Callable[..., int]) -> argparse.ArgumentParser:
    """With the flags that every command has which reads config.yaml; they mean what they mean to Snakemake."""
    parser = argparse.ArgumentParser(f"dadist {name}", description=command.__doc__)
    parser.add_argument(
        "--configfile",
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="files of settings, laid over config.yaml",
    )
    parser.add_argument(
        "--config", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="settings, laid over all files"
    )
    return parser


def as_snakemake(
    targets: Sequence[str], asked: argparse.Namespace, limits: Sequence[str] = ("--cores", "2")
) -> list[str]:
    """The command that makes targets with the files and entries of a command; they come first, before every option."""
    words, folder = ["snakemake", *targets, *limits], workflow_folder()
    words += ["--configfile", *asked.configfile] if asked.configfile else []
    words += ["--config", *asked.config] if asked.config else []
    return words if folder == Path() else [*words, "--snakefile", str(folder / "Snakefile")]


def read_study(files: Sequence[str], entries: Sequence[str], setting: str) -> Study:
    """The study of the current folder under the given files and entries, as the rules read it.

    Raises:
        ConfigError: Something in it is wrong, or it has no such setting and no variant of that name.
    """
    folder = workflow_folder()
    found = load(folder / SHIPPED, [base(folder), *map(Path, files)], entries)
    try:
        setting_named(found, setting)
    except ConfigError as error:
        own = f"{setting}.yaml"
        meant = f"; {own} may have it: --configfile {own}" if Path(own).is_file() and own not in files else ""
        raise ConfigError(f"{error}{meant}") from None
    return found


def count_images(study: Study, setting: str) -> "Counts":
    """Images of a setting's parts: as `render` says, as they lie there, or as they are shipped."""
    from dadist.cost.plan import Counts
    from dadist.data.inventory import Inventory
    from dadist.data.readers.base import read_size
    from dadist.pipeline import estimates, paths, splits

    view, images = study.settings[setting].target, {}
    size = (view.width, view.height)
    for which, split in splits.prepared_splits(study, setting).items():
        if split is None:
            images[which] = 0
            continue
        reader, root = splits.reader(study, split.domain), paths.place(study, study.domains[split.domain].root)
        names = paths.names(study, split.domain, split.plan["split"])
        if paths.is_output(root):
            render = study.render[paths.preset(root)]
            images[which] = {"source": render.source, "train": render.train, "val": render.val}[which.partition(" ")[0]]
        elif Path(root).is_dir():
            plan = estimates.of_the_user(study, split)
            scenes = Inventory(reader, Path(root), plan, Path(names) if names else None).scenes
            images[which] = len(scenes)
            if which == "val" and split.plan["native"] and scenes[0].labels:
                size = read_size(scenes[0].labels)
        else:
            images[which] = reader.counts.get(split.plan["split"], 0)
            if not images[which]:
                raise FileNotFoundError(f"{root}: expected a data set whose images can be counted, found none")
    source = sum(count for which, count in images.items() if which.startswith("source"))
    return Counts(source, images["train"], images["val"], *size)
