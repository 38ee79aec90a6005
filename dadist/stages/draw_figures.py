"""Draw the charts of a setting, and its pseudo-labels before and after refinement."""

from dataclasses import dataclass

from dadist.classes import ClassSet
from dadist.config.records import Record
from dadist.config.sections import DrawFigures
from dadist.data.prepared import Prepared
from dadist.evaluation.confusion import Metrics
from dadist.prior.mixtures import Mixtures
from dadist.report import score_chart
from dadist.report.charts import style
from dadist.report.figure_index import LabelledRound, TrainedModel
from dadist.report.figure_set import FigureSet, add_curves, add_embedding, add_mixtures, add_rates, read_embedding
from dadist.report.refinement_figure import before_and_after, described
from dadist.selftraining.pseudo_labels import PseudoLabels
from dadist.stages import In, Ins, Out, stage


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    classes: ClassSet
    trainings: tuple[TrainedModel, ...]  # of the losses
    rounds: tuple[LabelledRound, ...]  # of the labels
    embedded: str  # the method that was looked into
    draw_figures: DrawFigures


def run(
    params: Params,
    *,
    metrics: Ins,
    losses: Ins,
    mixtures: Ins,
    embedding: Ins,
    target: In,
    labels: Ins,
    refined: Ins,
    figures: Out,
) -> None:
    """Every figure that there is something for."""
    drawn = FigureSet(figures, params.draw_figures.dpi)
    with style():
        measured = [Metrics.load(path) for path in metrics]
        score_chart.add(drawn, measured)
        add_rates(drawn, measured, params.classes)
        add_curves(drawn, params.trainings, losses)
        for path in mixtures:
            add_mixtures(drawn, Mixtures.load(path))
        for path in embedding:
            add_embedding(drawn, read_embedding(path), params.classes, params.embedded)
    for made, given, kept in zip(params.rounds, labels, refined, strict=True):
        before, after = PseudoLabels(given), PseudoLabels(kept)
        path = drawn.picture(described(made, after))
        before_and_after(Prepared(target), before, after, path, images=params.draw_figures.images)
    drawn.close()


if __name__ == "__main__":
    stage(run)
