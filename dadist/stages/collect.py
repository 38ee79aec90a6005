"""Gather every metric of a setting into one table."""

from dataclasses import dataclass

from dadist.classes import ClassSet
from dadist.evaluate import Metrics
from dadist.report.tables import table
from dadist.stages import Ins, Out, stage


@dataclass(frozen=True)
class Params:
    """Settings of this stage."""

    classes: ClassSet


def run(params: Params, *, metrics: Ins, results: Out) -> None:
    """One row a (method, seed, round), in the order of the inputs."""
    table([Metrics.load(path) for path in metrics], params.classes, results)


if __name__ == "__main__":
    stage(run)
