"""Train one method on source and target; round q0."""

from dataclasses import dataclass
from typing import Any

from dadist.config.records import Record
from dadist.config.training_sections import Adapt
from dadist.data import rare_classes
from dadist.data.joining import opened
from dadist.data.loader import Sampling, SourceLoader, TargetLoader
from dadist.data.prepared import Prepared
from dadist.model.inference import device, seeded
from dadist.model.segmenter import Architecture
from dadist.stages import In, Ins, Monitored, Own, stage
from dadist.storage.digest import key
from dadist.training import build, session
from dadist.training.build import Training
from dadist.training.loop import to_device
from dadist.training.resume import State


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    training: Training
    grid: tuple[int, int]  # cells
    objective: dict[str, Any]  # the section of the method
    adapt: Adapt


def run(
    params: Params, *, monitor: Monitored, source: In, target: In, init: Ins, artefacts: Ins, model: Own, losses: Own
) -> None:
    """Build the network, start it from ``init``, train, take the statistics, save."""
    training, adapt, where = params.training, params.adapt, device()
    labelled, unlabelled = opened(source), Prepared(target)
    seeded(training.seed, deterministic=adapt.deterministic)
    kind = build.method_type(training.implementation)
    hyperparameters = build.hyperparameters(training.method, params.objective)
    heads, layout = kind.heads(hyperparameters), kind.layout(hyperparameters)
    network = Architecture(classes=labelled.classes, heads=heads, layout=layout, **vars(adapt.network))
    size, length = (labelled.width, labelled.height), training.iterations
    segmenter, before = build.start(network, training.start, init, grid=params.grid, size=size, iterations=length)
    seed, horizon = build.draws(training.seed, before), adapt.optimiser.poly_iterations
    context = build.context(training, labelled, artefacts, seed=seed, size=adapt.crop, horizon=horizon, device=where)
    sampling, numerator = Sampling(adapt.batch, seed, adapt.flip, where, adapt.crop), training.inverse_depth
    order = rare_classes.order(labelled, sampling, hyperparameters.rare_classes)
    session.run(
        training,
        adapt,
        to_device(kind(segmenter, hyperparameters, context), where),
        SourceLoader(labelled, sampling, numerator=numerator, zero_depth=adapt.zero_depth, order=order),
        TargetLoader(unlabelled, sampling, numerator=numerator, margins=kind.margins(hyperparameters)),
        before=before,
        statistics=hyperparameters.statistics,
        state=State.beside(model, key(params, [source, target, *init, *artefacts])),
        observer=monitor.training(model),
        model=model,
        losses=losses,
        params=params,
    )


if __name__ == "__main__":
    stage(run)
