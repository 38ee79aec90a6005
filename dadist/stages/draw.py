"""Draw the panel: a few target images with their truth, if they have any, and what each model sees in them."""

from dataclasses import dataclass

from dadist.config.records import Record
from dadist.config.sections import Draw
from dadist.data.prepared import Prepared
from dadist.model.checkpoint import Checkpoint
from dadist.model.inference import device
from dadist.report.figures import panel
from dadist.report.image_grid import wrapped
from dadist.stages import In, Ins, Out, stage


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    titles: tuple[str, ...]  # of the models
    truth: bool  # whether the target's images have labels to show
    inverse_depth: float
    draw: Draw


def run(params: Params, *, target: In, models: Ins, picture: Out, drawing: Out) -> None:
    """Predict the chosen images with every model."""
    segmenters = [Checkpoint.load(path).predicting(device()) for path in models]
    draw = params.draw
    panel(
        Prepared(target),
        segmenters,
        params.titles,
        picture,
        truth=params.truth,
        images=draw.images,
        scale=draw.scale,
        maps=draw.maps,
        numerator=params.inverse_depth,
    )
    wrapped(picture, drawing)


if __name__ == "__main__":
    stage(run)
