"""Train on refined pseudo-labels: one round of self-training."""

from dataclasses import dataclass

from dadist.config.records import Record
from dadist.config.sections import RoundTraining
from dadist.data.loader import Sampling, SourceLoader, TargetLoader
from dadist.data.prepared import Prepared
from dadist.model.inference import device, seeded
from dadist.runtime import distributed
from dadist.selftraining.pseudo_labels import PseudoLabels
from dadist.stages import In, Ins, Monitored, Out, stage
from dadist.storage.digest import key
from dadist.training import build
from dadist.training.loop import to_device, train
from dadist.training.resume import State


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    setting: str
    method: str
    implementation: str  # module of the recipe
    round: str
    seed: int
    code: str  # digest
    start: str  # where the adapted network's weights came from, for the table
    protocol: str  # the same
    inverse_depth: float
    class_weight_power: float
    class_weight_cap: float | None
    iterations: int
    training: RoundTraining


def run(
    params: Params, *, monitor: Monitored, source: In, target: In, labels: In, init: Ins, model: Out, losses: Out
) -> None:
    """Go on from the model of the round before, with a fresh optimiser."""
    training = params.training
    labelled, unlabelled = Prepared(source), Prepared(target)
    seeded(params.seed, deterministic=training.deterministic)
    segmenter, before = build.resume(init[0])
    seed = build.draws(params.seed, before)
    context = build.context(
        labelled,
        power=params.class_weight_power,
        cap=params.class_weight_cap,
        artefacts=[],
        seed=seed,
        numerator=params.inverse_depth,
        horizon=training.optimiser.poly_iterations or params.iterations,
        device=device(),
    )
    method = to_device(build.method_type(params.implementation)(segmenter, training, context), device())
    pseudo = PseudoLabels(labels).labels  # of all of the target's images, or of its first
    sampling = Sampling(training.batch, seed, training.flip, device())
    state = State.beside(model, key(params, [source, target, labels, *init]))
    with state.held():
        train(
            method,
            SourceLoader(labelled, sampling, numerator=params.inverse_depth, zero_depth="keep"),
            TargetLoader(unlabelled, sampling, pseudo),
            training,
            iterations=params.iterations,
            state=state,
            observer=monitor.training(model),
        )
        if not distributed.first():
            return
        made = build.protocol(
            params, labelled, unlabelled, before, round_name=params.round, iterations=params.iterations
        )
        made["pseudo_labels"] = f"{len(pseudo)} images"
        build.finish(method, unlabelled, training.statistics, training.statistics_images, made, params).save(model)
        state.finish(losses)


if __name__ == "__main__":
    stage(run)
