"""Draw what the prior changes of a model's labels, how its mixtures see depth, and how the depth files were aligned."""

from dataclasses import dataclass

from dadist.config.prior_sections import DrawPrior, Prior
from dadist.config.records import Record
from dadist.data.prepared import Prepared
from dadist.model.checkpoint import Checkpoint
from dadist.model.inference import device
from dadist.prior.alignment import Alignment
from dadist.prior.mixtures import Mixtures
from dadist.prior.use import PriorOf, found, noise_of
from dadist.report import likelihood_curves, prior_changes
from dadist.report.charts import style
from dadist.report.depth_given_place import add_column
from dadist.report.figure_set import FigureSet
from dadist.runtime.progress import Progress
from dadist.stages import Batch, In, Out, stage


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    model: str  # what pictures call it
    truth: bool  # whether the target's images have labels to show
    prior: Prior
    draw_prior: DrawPrior
    dpi: int


def run(params: Params, *, batch: Batch, target: In, model: In, mixtures: In, aligned: In, figures: Out) -> None:
    """Label every image with and without the prior, then draw."""
    data, asked = Prepared(target), params.draw_prior
    fitted, alignment = Mixtures.load(mixtures), Alignment.load(aligned)
    prior = found(params.prior, alignment)
    moves, shown = prior_changes.look(
        Checkpoint.load(model).predicting(device()),
        data,
        PriorOf([mixtures, aligned], data, device()),
        prior,
        truth=params.truth,
        images=asked.images,
        batch=batch,
        progress=Progress("image", len(data)),
    )
    drawn = FigureSet(figures, params.dpi)
    with style():
        prior_changes.add(drawn, data, moves, shown, prior, model=params.model, truth=params.truth)
        noise = noise_of(prior, alignment, fitted.numerator)
        add_column(drawn, fitted, prior, noise, asked.column, alignment.view)
        if likelihood_curves.sought(alignment):
            drawn.add(likelihood_curves.chart(alignment), likelihood_curves.described(alignment))
    drawn.close()


if __name__ == "__main__":
    stage(run)
