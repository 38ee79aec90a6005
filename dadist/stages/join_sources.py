"""Make the sources of a setting that has several one, which later stages read where they lie."""

from dataclasses import dataclass

from dadist.config.records import Record
from dadist.data.joining import join
from dadist.stages import Ins, Own, stage


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    weights: tuple[float, ...]  # images of each source for one of the first


def run(params: Params, *, parts: Ins, source: Own) -> None:
    """Write the index that says where they lie, and how often each is drawn."""
    join(parts, params.weights, source)


if __name__ == "__main__":
    stage(run)
