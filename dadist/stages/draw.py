"""Draw the panel: a few target images with their truth and what each model sees in them."""

from dataclasses import dataclass

from dadist.config import Draw
from dadist.data.prepared import Prepared
from dadist.inference import device
from dadist.model.checkpoint import Checkpoint
from dadist.report.figures import panel
from dadist.stages import In, Ins, Out, stage


@dataclass(frozen=True)
class Params:
    """Settings of this stage."""

    titles: tuple[str, ...]  # of the models
    draw: Draw


def run(params: Params, *, val: In, models: Ins, picture: Out) -> None:
    """Predict the chosen images with every model."""
    segmenters = [Checkpoint.load(path).segmenter().to(device()) for path in models]
    panel(Prepared(val), segmenters, params.titles, picture, images=params.draw.images, scale=params.draw.scale)


if __name__ == "__main__":
    stage(run)
