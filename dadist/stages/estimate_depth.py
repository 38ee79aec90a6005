"""Estimate the depth of a split's images with a monocular depth network of the user's."""

import importlib
import json
from dataclasses import dataclass
from functools import partial
from typing import Any

from dadist.config.depth_sections import DepthNetwork
from dadist.config.records import Record, parse
from dadist.data import depth_estimation
from dadist.data.depth_estimator import DepthEstimator
from dadist.data.readers.listing import chosen
from dadist.data.snapshot import Snapshot
from dadist.data.streets import listing
from dadist.runtime.progress import Progress
from dadist.stages import Batch, Count, In, Ins, Own, stage
from dadist.storage.digest import digest


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    reader: str  # module of the data set
    options: dict[str, Any]  # of its reader
    split: str
    skip_bad: bool
    name: str  # of the network in depth_networks
    network: DepthNetwork


def run(params: Params, *, workers: Count, batch: Batch, root: In, names: Ins, network: In, depth: Own) -> None:
    """Read every image of the split, ask the network, and write what it says as files of 16 bits."""
    module = importlib.import_module(params.reader)
    reader = module.reader(parse(module.Options, params.options, "options"))
    listing.check(root, params.split, cameras=False)
    scenes = reader.files(root, params.split, labels=False, depth=False)
    depth_estimation.write(
        Snapshot(chosen(scenes, names[0], root) if names else scenes, root),
        depth,
        network,
        params.network,
        partial(DepthEstimator, network, params.network, params.name, batch=batch, threads=workers),
        skip_bad=params.skip_bad,
        workers=workers,
        code=json.dumps([digest("dadist.stages.estimate_depth", params.reader), params.options]),
        progress=partial(Progress, "image"),
    )


if __name__ == "__main__":
    stage(run)
