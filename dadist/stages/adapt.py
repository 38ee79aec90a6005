"""Train one method on source and target; round q0."""

from dataclasses import dataclass
from typing import Any

from dadist.config.records import Record
from dadist.config.sections import Adapt
from dadist.data.loader import Sampling, SourceLoader, TargetLoader
from dadist.data.prepared import Prepared
from dadist.model.inference import device, seeded
from dadist.model.segmenter import Architecture
from dadist.runtime import distributed
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
    implementation: str  # module of the method
    seed: int
    code: str  # digest
    start: str  # where the weights come from, for the table
    protocol: str  # the same
    grid: tuple[int, int]  # cells
    inverse_depth: float
    objective: dict[str, Any]  # the section of the method
    adapt: Adapt


def run(
    params: Params, *, monitor: Monitored, source: In, target: In, init: Ins, artefacts: Ins, model: Out, losses: Out
) -> None:
    """Build the network, start it from ``init``, train, take the statistics, save."""
    adapt = params.adapt
    labelled, unlabelled = Prepared(source), Prepared(target)
    seeded(params.seed, deterministic=adapt.deterministic)
    method_type = build.method_type(params.implementation)
    hyperparameters = build.hyperparameters(params.method, params.objective)
    architecture = Architecture(
        classes=labelled.classes,
        heads=method_type.heads(hyperparameters),
        layout=method_type.LAYOUT,
        **vars(adapt.network),
    )
    size, length = (labelled.width, labelled.height), adapt.iterations
    segmenter, before = build.start(architecture, params.start, init, grid=params.grid, size=size, iterations=length)
    seed = build.draws(params.seed, before)
    context = build.context(
        labelled,
        power=adapt.class_weight_power,
        cap=adapt.class_weight_cap,
        artefacts=artefacts,
        seed=seed,
        numerator=params.inverse_depth,
        horizon=adapt.optimiser.poly_iterations or length,
        device=device(),
    )
    method = to_device(method_type(segmenter, hyperparameters, context), device())
    sampling = Sampling(adapt.batch, seed, adapt.flip, device(), adapt.crop)
    state = State.beside(model, key(params, [source, target, *init, *artefacts]))
    with state.held():
        train(
            method,
            SourceLoader(labelled, sampling, numerator=params.inverse_depth, zero_depth=adapt.zero_depth),
            TargetLoader(unlabelled, sampling, numerator=params.inverse_depth),
            adapt,
            iterations=length,
            state=state,
            observer=monitor.training(model),
        )
        if not distributed.first():
            return
        protocol = build.protocol(params, labelled, unlabelled, before, round_name="q0", iterations=length)
        build.finish(method, unlabelled, hyperparameters.statistics, adapt.statistics_images, protocol, params).save(
            model
        )
        state.finish(losses)


if __name__ == "__main__":
    stage(run)
