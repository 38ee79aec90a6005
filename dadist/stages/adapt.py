"""Train one method on source and target; round q0."""

from dataclasses import dataclass

from dadist import assembly, parallel
from dadist.config import Adapt, Objective
from dadist.data.loader import Sampling, SourceLoader, TargetLoader
from dadist.data.prepared import Prepared
from dadist.inference import device, seeded
from dadist.model.segmenter import Architecture
from dadist.provenance import key
from dadist.stages import In, Ins, Out, Watched, stage
from dadist.state import State
from dadist.train import to_device, train


@dataclass(frozen=True)
class Params:
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
    objective: Objective
    adapt: Adapt


def run(
    params: Params, *, watch: Watched, source: In, target: In, init: Ins, artefacts: Ins, model: Out, losses: Out
) -> None:
    """Build the network, start it from ``init``, train, take the statistics, save."""
    adapt, objective = params.adapt, params.objective
    labelled, unlabelled = Prepared(source), Prepared(target)
    seeded(params.seed, deterministic=adapt.deterministic)
    method_type = assembly.method_type(params.implementation)
    knobs = assembly.knobs(params.implementation, objective.knobs)
    architecture = Architecture(
        classes=labelled.classes, heads=method_type.heads(knobs), layout=method_type.LAYOUT, **vars(adapt.network)
    )
    size, length = (labelled.width, labelled.height), adapt.iterations
    segmenter, before = assembly.start(architecture, params.start, init, grid=params.grid, size=size, iterations=length)
    seed = assembly.draws(params.seed, before)
    ingredients = assembly.ingredients(
        labelled,
        power=adapt.class_weight_power,
        cap=adapt.class_weight_cap,
        artefacts=artefacts,
        seed=seed,
        numerator=params.inverse_depth,
        horizon=adapt.optimiser.poly_iterations or length,
        device=device(),
    )
    method = to_device(method_type(segmenter, knobs, ingredients), device())
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
            observer=watch.training(model),
        )
        if not parallel.first():
            return
        protocol = assembly.protocol(params, labelled, unlabelled, before, round_name="q0", iterations=length)
        assembly.finish(method, unlabelled, objective.statistics, adapt.statistics_images, protocol, params).save(model)
        state.finish(losses)


if __name__ == "__main__":
    stage(run)
