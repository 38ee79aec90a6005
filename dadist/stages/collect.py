"""Gather every metric of a setting into one table."""

from dataclasses import dataclass

from dadist.classes import ClassSet
from dadist.config.records import Record
from dadist.evaluation.confusion import Metrics
from dadist.report.tables import over_seeds, save, table
from dadist.stages import Ins, Out, stage


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    classes: ClassSet


def run(params: Params, *, metrics: Ins, results: Out, summary: Out) -> None:
    """One row a (method, seed, round) and weights of the prior, in the order of the inputs; a summary beside it."""
    rows = table([one for path in metrics for one in Metrics.load_all(path)], params.classes)
    save(rows, results)
    save(over_seeds(rows), summary)


if __name__ == "__main__":
    stage(run)
