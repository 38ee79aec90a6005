"""Turn a split of a data set into arrays that training reads: resized, classes mapped, depth in centimetres."""

import importlib
from dataclasses import dataclass

from dadist.config import Prepare
from dadist.data import prepared
from dadist.progress import Progress
from dadist.stages import Count, In, Out, stage


@dataclass(frozen=True)
class Params:
    """Settings of this stage."""

    reader: str  # module of the data set
    split: str
    width: int
    height: int
    classes: str
    labels: bool  # whether to read labels; never for the target's training split
    depth: bool
    native: bool  # whether labels keep the size of their files
    prepare: Prepare


def run(params: Params, *, workers: Count, root: In, data: Out) -> None:
    """Read, check, resize and pack every image of the split."""
    reader = importlib.import_module(params.reader).READER
    images = len(reader.files(root, params.split, labels=params.labels, depth=params.depth))
    prepared.write(
        reader,
        root,
        data,
        split=params.split,
        width=params.width,
        height=params.height,
        classes=params.classes,
        labels=params.labels,
        depth=params.depth,
        native=params.native,
        images=params.prepare.images,
        workers=workers,
        progress=Progress("image", min(images, params.prepare.images or images)),
    )


if __name__ == "__main__":
    stage(run)
