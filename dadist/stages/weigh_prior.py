"""Compare a model's predictions, with the prior in several weights, with the target's validation labels."""

from dataclasses import dataclass, replace

from dadist.config.prior_sections import Prior, WeighPrior
from dadist.evaluation.confusion import Metrics
from dadist.evaluation.measure import Measuring, measure
from dadist.stages import Batch, In, Ins, Out, stage
from dadist.storage.digest import key
from dadist.storage.workspace import notes


@dataclass(frozen=True)
class Params(Measuring):
    """Settings of this stage."""

    prior: Prior
    weigh_prior: WeighPrior


def run(params: Params, *, batch: Batch, val: In, model: In, prior: Ins, metrics: Out) -> None:
    """Count, image by image, in every pair of weights, and write the sums."""
    pairs = [replace(params.prior, depth=depth, place=place) for depth, place in params.weigh_prior.weights]
    with notes(metrics, key(params, [val, model, *prior])) as journal:
        found = measure(params, journal, val=val, model=model, prior=prior, sections=pairs, batch=batch)
        Metrics.save_all(found, metrics)


if __name__ == "__main__":
    stage(run)
