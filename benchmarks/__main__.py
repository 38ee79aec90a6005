"""`python -m benchmarks PART`: how fast this project is beside named references, and what a source is worth."""

import argparse
import functools
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.parts import PARTS
from dadist.cli.study import config_parser, count_images, read_study
from dadist.config.files import CONFIG
from dadist.pipeline import paths


def main(words: Sequence[str] | None = None) -> int:
    """Runs a part; 0 if it succeeds, 2 if it cannot run."""
    try:
        _run(words)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"benchmarks: error: {error}\n")
        return 2
    return 0


def _run(words: Sequence[str] | None) -> None:
    listing = "\n".join(f"  {name:12} {question}" for name, (_, question) in PARTS.items())
    parser = argparse.ArgumentParser(
        "python -m benchmarks",
        description=__doc__,
        epilog=f"parts:\n{listing}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="…", help="`PART --help` tells which")
    first = parser.parse_args(words)
    part = importlib.import_module(PARTS[first.part][0])
    parser = config_parser("", part.run)
    parser.prog = f"python -m benchmarks {first.part}"
    parser.add_argument("--out", type=Path, default=Path(paths.timings(first.part)), help="(%(default)s)")
    part.options(parser)
    parser.set_defaults(settings=CONFIG, made=paths.RESULTS)  # for parts that run the workflow
    asked = parser.parse_args(first.words)
    if "setting" in asked:
        study = read_study(asked.configfile, asked.config, asked.setting)
        asked.counts = functools.partial(count_images, study, asked.setting)
        asked.setting = study.settings[asked.setting]
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    part.run(asked)


if __name__ == "__main__":
    sys.exit(main())
