"""Turn a split of a data set into arrays that training reads: resized, classes mapped, depth in centimetres."""

import importlib
from dataclasses import dataclass
from typing import Any

from dadist import doctor
from dadist.data import prepared
from dadist.parsing import parse
from dadist.progress import Progress
from dadist.stages import Count, In, Ins, Out, stage


@dataclass(frozen=True)
class Params:
    """Settings of this stage."""

    reader: str  # module of the data set
    options: dict[str, Any]  # of its reader
    plan: prepared.Plan


def run(params: Params, *, workers: Count, root: In, names: Ins, data: Out) -> None:
    """Read, check, resize and pack every image of the split."""
    module, plan = importlib.import_module(params.reader), params.plan
    reader = module.reader(parse(module.Options, params.options, "options"))
    scenes = doctor.before_prepare(reader, root, plan, names[0] if names else None, data, workers=workers)
    prepared.write(
        reader,
        root,
        data,
        plan,
        names=names[0] if names else None,
        workers=workers,
        progress=Progress("image", len(scenes)),
    )


if __name__ == "__main__":
    stage(run)
