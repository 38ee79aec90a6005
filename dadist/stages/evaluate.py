"""Compare a model's predictions with the target's validation labels, from which no stage before has learnt."""

from dataclasses import dataclass

from dadist.config.prior_sections import Prior
from dadist.evaluation.measure import Measuring, measure
from dadist.stages import Batch, In, Ins, Out, stage
from dadist.storage.digest import key
from dadist.storage.workspace import notes


@dataclass(frozen=True)
class Params(Measuring):
    """Settings of this stage."""

    prior: Prior | None  # what the mixtures have to say; None: nothing


def run(params: Params, *, batch: Batch, val: In, model: In, prior: Ins, metrics: Out) -> None:
    """Count, image by image, and write the sums."""
    with notes(metrics, key(params, [val, model, *prior])) as journal:
        (found,) = measure(params, journal, val=val, model=model, prior=prior, sections=[params.prior], batch=batch)
        found.save(metrics)


if __name__ == "__main__":
    stage(run)
