"""Render one domain of a pair of street data sets, in the layout of the data set that it stands in for."""

from dataclasses import dataclass

from dadist.config.records import Record
from dadist.config.schema import Render
from dadist.data.streets import listing
from dadist.data.streets.render import write_cityscapes, write_synthia
from dadist.runtime.progress import Progress
from dadist.stages import Count, Out, stage


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    domain: str  # "synthia": the source; "cityscapes": the target
    render: Render


def run(params: Params, *, workers: Count, root: Out) -> None:
    """Write the source in SYNTHIA's layout, or the target in that of Cityscapes."""
    render = params.render
    size = {"seed": render.seed, "width": render.width, "height": render.height, "workers": workers}
    if params.domain == "synthia":
        progress = Progress("image", render.source)
        write_synthia(root, render.appearance, images=render.source, progress=progress, **size)
    else:
        progress = Progress("image", render.train + render.val)
        write_cityscapes(root, render.appearance, train=render.train, val=render.val, progress=progress, **size)
    listing.save(root)


if __name__ == "__main__":
    stage(run)
