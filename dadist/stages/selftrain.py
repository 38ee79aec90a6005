"""Train on refined pseudo-labels: one round of self-training."""

from dataclasses import dataclass

from dadist.config.records import Record
from dadist.config.training_sections import RoundTraining
from dadist.data import rare_classes
from dadist.data.joining import opened
from dadist.data.loader import Sampling, SourceLoader, TargetLoader
from dadist.data.prepared import Prepared
from dadist.model.inference import device, seeded
from dadist.selftraining.pseudo_labels import PseudoLabels
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
    shared: RoundTraining  # what every round has


def run(
    params: Params, *, monitor: Monitored, source: In, target: In, labels: In, init: Ins, model: Own, losses: Own
) -> None:
    """Go on from the model of the round before, with a fresh optimiser."""
    training, shared, where = params.training, params.shared, device()
    labelled, unlabelled = opened(source), Prepared(target)
    seeded(training.seed, deterministic=shared.deterministic)
    segmenter, before = build.resume(init[0])
    seed, horizon = build.draws(training.seed, before), shared.optimiser.poly_iterations
    context = build.context(training, labelled, [], seed=seed, horizon=horizon, device=where)
    sampling = Sampling(shared.batch, seed, shared.flip, where)
    order = rare_classes.order(labelled, sampling, shared.rare_classes)
    pseudo = PseudoLabels(labels).labels  # of all of the target's images, or of its first
    session.run(
        training,
        shared,
        to_device(build.method_type(training.implementation)(segmenter, shared, context), where),
        SourceLoader(labelled, sampling, numerator=training.inverse_depth, zero_depth="keep", order=order),
        TargetLoader(unlabelled, sampling, pseudo),
        before=before,
        statistics=shared.statistics,
        state=State.beside(model, key(params, [source, target, labels, *init])),
        observer=monitor.training(model),
        model=model,
        losses=losses,
        params=params,
    )


if __name__ == "__main__":
    stage(run)
