"""`dadist COMMAND …`: what is not a stage of the workflow. Run it beside the Snakefile, as `snakemake` itself.

Here alone, beside the rules, paths of the workflow's folder are known and config.yaml is read.
"""

import argparse
import functools
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dadist.bench import PARTS
from dadist.commands.compare import compare
from dadist.commands.costs import costs
from dadist.commands.export import export
from dadist.commands.info import info
from dadist.commands.predict import predict
from dadist.config import Study
from dadist.parsing import ConfigError, hint

if TYPE_CHECKING:
    from dadist.accounting import Counts
    from dadist.doctor import Split

CONFIG = "config.yaml"
MADE = "results/"


def doctor(words: Sequence[str]) -> int:
    """Is my data all right? Checks every file of a setting's data sets, and reads a sample of them."""
    parser = _parser("doctor", doctor)
    parser.add_argument("setting", help="a name in `settings` of config.yaml")
    parser.add_argument("--sample", type=int, default=24, help="images a split to decode (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the choice of the sample (%(default)s)")
    parser.add_argument("--workers", type=int, default=8, help="threads (%(default)s)")
    parser.add_argument("--picture", type=Path, help=f"PNG to draw the sample on ({MADE}SETTING/doctor.png)")
    parser.add_argument("--rows", type=int, default=3, help="images a split to draw (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of lines")
    asked = parser.parse_args(words)
    study = _study(asked.configfile, asked.config, asked.setting)

    from dadist.doctor import examine
    from dadist.doctor.answer import as_json, as_lines
    from dadist.doctor.picture import draw

    splits, titles = _splits(study, asked.setting)
    report = examine(splits, sample=asked.sample, seed=asked.seed, workers=asked.workers)
    picture = asked.picture or Path(MADE, asked.setting, "doctor.png")
    classes = study.settings[asked.setting].classes
    draw({titles[part]: seen for part, seen in report.seen.items()}, classes, picture, asked.rows)
    notes = classes.asymmetries([split.reader.dataset for split in splits.values()])
    sys.stdout.write(as_json(report, notes, picture) if asked.json else as_lines(report, notes, picture, titles))
    return int(report.errors > 0)


def plan(words: Sequence[str]) -> int:
    """What will it cost? Steps, epochs, FLOPs, memory, disk and a floor for the time of a setting, before it runs."""
    parser = _parser("plan", plan)
    parser.add_argument("setting", help="a name in `settings` of config.yaml")
    parser.add_argument("--device", help="a device by name; without it, this machine, measured within seconds")
    parser.add_argument("--measure", type=int, metavar="STEPS", help="train on noise for so many steps, and compare")
    parser.add_argument("--method", default="depth_distribution", help="to measure (%(default)s)")
    asked = parser.parse_args(words)
    study = _study(asked.configfile, asked.config, asked.setting)

    from dadist import accounting
    from dadist.inference import device

    if asked.device not in (None, *accounting.DEVICES):
        raise ValueError(f"--device: unknown device{hint(asked.device, accounting.DEVICES)}")
    setting = study.settings[asked.setting]
    named = accounting.DEVICES[asked.device] if asked.device else accounting.this_machine(setting, device())
    sys.stdout.write(accounting.plan(setting, _counts(study, asked.setting), named).table() + "\n")
    if asked.measure:
        sys.stdout.write("\n" + accounting.check(setting, asked.method, steps=asked.measure, device=device()) + "\n")
    return 0


def bench(words: Sequence[str]) -> int:
    """How fast is it? Times this project's ways and others, side by side in one run."""
    listing = "\n".join(f"  {name:12} {question}" for name, (_, question) in PARTS.items())
    parser = argparse.ArgumentParser(
        "dadist bench",
        description=bench.__doc__,
        epilog=f"parts:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="…", help="`dadist bench PART --help` tells which")
    first = parser.parse_args(words)
    part = importlib.import_module(PARTS[first.part][0])
    parser = _parser(f"bench {first.part}", part.run)
    parser.add_argument("--out", type=Path, default=Path(MADE, "bench", f"{first.part}.csv"), help="(%(default)s)")
    part.options(parser)
    parser.set_defaults(settings=CONFIG, made=MADE)  # for parts that run the workflow
    asked = parser.parse_args(first.words)
    if "setting" in asked:
        study = _study(asked.configfile, asked.config, asked.setting)
        asked.counts = functools.partial(_counts, study, asked.setting)
        asked.setting = study.settings[asked.setting]
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    part.run(asked)
    return 0


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "doctor": doctor,
    "plan": plan,
    "bench": bench,
    "costs": costs,
    "info": info,
    "predict": predict,
    "export": export,
    "compare": compare,
}


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command; 0 if all is well, 1 if the command says that it is not, 2 if it could not be run."""
    listing = "\n".join(
        f"  {name:10} {(command.__doc__ or '').partition(chr(10))[0]}" for name, command in COMMANDS.items()
    )
    parser = argparse.ArgumentParser(
        "dadist", epilog=f"commands:\n{listing}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="…", help="`dadist COMMAND --help` tells which")
    asked = parser.parse_args(words)
    try:
        return COMMANDS[asked.command](asked.words)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"dadist {asked.command}: error: {error}\n")
        return 2


def _parser(name: str, command: Callable[..., int]) -> argparse.ArgumentParser:
    """With the flags that every command has which reads config.yaml; they mean what they mean to Snakemake."""
    parser = argparse.ArgumentParser(f"dadist {name}", description=command.__doc__)
    parser.add_argument("--configfile", nargs="+", action="extend", default=[], metavar="FILE", help="laid over it")
    parser.add_argument("--config", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help="laid over both")
    return parser


def _study(files: Sequence[str], entries: Sequence[str], setting: str) -> Study:
    """The current folder's config.yaml under the given files and entries, merged as Snakemake merges them."""
    from snakemake.common.configfile import load_configfile
    from snakemake.exceptions import WorkflowError
    from snakemake.utils import update_config

    from dadist.study import study

    config: dict[str, Any] = {}
    for file in (CONFIG, *files):
        if not Path(file).is_file():
            raise ConfigError(f"{file}: expected a file of settings, found none; run this beside the Snakefile")
        try:
            update_config(config, load_configfile(file))
        except WorkflowError as error:
            raise ConfigError(f"{file}: expected YAML or JSON, got none: {error}; correct it") from None
    if entries:
        from snakemake.cli import parse_config

        update_config(config, parse_config(entries))
    found = study(config)
    if setting not in found.settings:
        raise ConfigError(f"{setting}: unknown setting{hint(setting, found.settings)}")
    return found


def _counts(study: Study, setting: str) -> "Counts":
    """Images of a setting's parts: as config.yaml has them rendered, as they lie there, or as they are shipped."""
    from dadist import parts
    from dadist.accounting import Counts
    from dadist.data.base import read_size
    from dadist.data.origin import Origin, Plan

    view, images = study.settings[setting].target, {}
    size = (view.width, view.height)
    for which, part in parts.read(study, setting).items():
        if part is None:
            images[which] = 0
            continue
        reader, root = parts.reader(study, part.domain), parts.place(study, study.domains[part.domain].root, MADE)
        names = parts.listed(study, part, MADE)
        if root.startswith(MADE):
            render = study.render[Path(root).parts[-2]]
            images[which] = {"source": render.source, "train": render.train, "val": render.val}[which]
        elif Path(root).is_dir():
            scenes = Origin(reader, Path(root), Plan(**part.plan), Path(names) if names else None).scenes
            images[which] = len(scenes)
            if which == "val" and part.plan["native"] and scenes[0].labels:
                size = read_size(scenes[0].labels)
        else:
            images[which] = reader.counts.get(part.plan["split"], 0)
            if not images[which]:
                raise FileNotFoundError(f"{root}: expected a data set whose images can be counted, found none")
    return Counts(images["source"], images["train"], images["val"], *size)


def _splits(study: Study, setting: str) -> tuple[dict[str, "Split"], dict[str, str]]:
    """The parts of a setting as the doctor takes them, and their titles."""
    from dadist import parts
    from dadist.data.origin import Plan
    from dadist.doctor import Split

    splits, titles = {}, {}
    for which, part in parts.read(study, setting).items():
        if part is None:  # a target without labels: there is nothing to validate on
            continue
        reader = parts.reader(study, part.domain)
        root = parts.place(study, study.domains[part.domain].root, MADE)
        names = parts.listed(study, part, MADE)
        if root.startswith(MADE) and not Path(root).is_dir():
            raise FileNotFoundError(
                f"{root}: expected rendered streets, found none; `snakemake {root} --cores 2` first"
            )
        # Rendered streets are as many as config.yaml says, and a list takes what it names.
        shipped = None if root.startswith(MADE) else reader.counts.get(part.plan["split"])
        folder = Path(MADE, "data", part.name)
        splits[which] = Split(reader, Path(root), Plan(**part.plan), Path(names) if names else None, folder, shipped)
        titles[which] = f"{which}: {part.domain}, {part.plan['split']!r} in {root}"
    return splits, titles


if __name__ == "__main__":
    sys.exit(main())
