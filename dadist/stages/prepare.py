"""Turn a split of a data set into arrays that training reads: resized, classes mapped, depth in centimetres."""

import importlib
import json
import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

from dadist import doctor
from dadist.config.records import Record, parse
from dadist.data import preparation
from dadist.data.inventory import SplitPlan
from dadist.data.readers.estimated import Estimated
from dadist.data.streets import listing
from dadist.runtime.progress import Progress
from dadist.stages import Count, In, Ins, Own, stage
from dadist.storage.digest import digest


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    reader: str  # module of the data set
    options: dict[str, Any]  # of its reader
    plan: SplitPlan


def run(params: Params, *, workers: Count, root: In, names: Ins, depth: Ins, data: Own) -> None:
    """Read, check, resize and pack every image of the split."""
    module = importlib.import_module(params.reader)
    reader = module.reader(parse(module.Options, params.options, "options"))
    plan = params.plan
    listing.check(root, plan.split, cameras=plan.cameras or (plan.depth and not depth))
    if depth:
        reader = Estimated(reader, depth[0])
    for note in params.plan.classes.asymmetries([reader.dataset]):
        logging.info(note)
    doctor.before_prepare(reader, root, params.plan, names[0] if names else None, data, workers=workers)
    preparation.write(
        reader,
        root,
        data,
        params.plan,
        names=names[0] if names else None,
        workers=workers,
        code=json.dumps([digest("dadist.stages.prepare", params.reader), params.options]),
        progress=partial(Progress, "image"),
    )


if __name__ == "__main__":
    stage(run)
