"""`dadist costs`: what the methods of a study took."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def costs(words: Sequence[str]) -> int:
    """What did it take? Seconds and peak memory of each method's stages, as Snakemake measured them."""
    parser = argparse.ArgumentParser("dadist costs", description=costs.__doc__)
    parser.add_argument(
        "setting", metavar="FOLDER", type=Path, help="folder of a setting that was run, benchmarks/ beside it"
    )
    folder = Path(os.path.abspath(parser.parse_args(words).setting))  # noqa: PTH100 - . has a name, too

    from dadist.report.costs import costs as measured
    from dadist.report.costs import text

    sys.stdout.write(text(measured(folder, folder.parent / "benchmarks")))
    return 0
