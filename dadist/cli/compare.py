"""`dadist compare`: two tables of results side by side."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dadist.report.comparison import Comparison, Score


def compare(words: Sequence[str]) -> int:
    """What got better? Two metrics.csv, class by class, with the noise over the seeds."""
    parser = argparse.ArgumentParser("dadist compare", description=compare.__doc__)
    parser.add_argument("before", type=Path, help="a metrics.csv")
    parser.add_argument("after", type=Path, help="another")
    parser.add_argument("--anyway", action="store_true", help="compare even what was measured differently")
    parser.add_argument("--json", action="store_true", help="print one JSON object in place of a table")
    asked = parser.parse_args(words)

    from dadist.report import comparison

    found = comparison.compare(
        comparison.read(asked.before), comparison.read(asked.after), str(asked.before), str(asked.after)
    )
    if found.obstacles and not asked.anyway:
        raise ValueError(f"{found.obstacles[0]}; compare what was measured alike, or say --anyway")
    sys.stdout.write(json.dumps(found.record(), indent=1) + "\n" if asked.json else "\n".join(_lines(found)) + "\n")
    return 0


def _lines(found: "Comparison") -> list[str]:
    lines = [f"warning  {obstacle}" for obstacle in found.obstacles] + [f"note  {note}" for note in found.notes]
    for row in found.rows:
        lines += ["", f"{row.method} {row.round}, {row.seeds[0]} and {row.seeds[1]} seeds"]
        lines += [_line(score) for score in row.scores]
        if min(row.seeds) < 2:
            lines.append("the noise is unknown: it takes two seeds or more on each side")
    return lines


def _line(score: "Score") -> str:
    noise = "" if score.noise is None else f" ± {score.noise:.2f}"
    return (
        f"  {score.name:16} {score.before:8.2f} {score.after:8.2f}  {score.difference:+7.2f}{noise:9} {score.verdict}"
    )
