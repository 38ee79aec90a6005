"""A model's predictions with the prior's terms in several weights, against the target's validation labels."""

from dataclasses import dataclass, replace

from dadist.config.prior_sections import Prior, WeighPrior
from dadist.config.records import Record
from dadist.config.sections import Evaluate
from dadist.data.prepared import Prepared
from dadist.evaluation.confusion import Metrics
from dadist.evaluation.evaluate import score
from dadist.model.checkpoint import Checkpoint
from dadist.model.inference import device
from dadist.prior.use import PriorOf
from dadist.runtime.progress import Progress
from dadist.stages import Batch, In, Ins, Out, stage
from dadist.storage.digest import key
from dadist.storage.workspace import notes


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    code: str  # digest
    inverse_depth: float
    evaluate: Evaluate
    prior: Prior
    weigh_prior: WeighPrior


def run(params: Params, *, batch: Batch, val: In, model: In, prior: Ins, metrics: Out) -> None:
    """Predict once, fuse in every pair of weights, count."""
    checkpoint, data = Checkpoint.load(model), Prepared(val)
    fused = PriorOf(prior, params.prior, data, device())
    pairs = [replace(params.prior, depth=depth, place=place) for depth, place in params.weigh_prior.weights]
    with notes(metrics, key(params, [val, model, *prior])) as journal:
        totals, errors = score(
            checkpoint.segmenter().to(device()),
            data,
            journal,
            batch=batch,
            numerator=params.inverse_depth,
            cap_m=params.evaluate.depth_cap_m,
            prior=fused,
            ways=[fused.fusion(pair.depth, pair.place) if pair.asked else None for pair in pairs],
            progress=Progress("image", len(data)),
        )
        measured = {"evaluate": params.code, "labels": params.evaluate.labels}
        Metrics.save_all(
            [
                Metrics.of(
                    checkpoint.protocol | measured | {"prior": pair.told}, data.classes, total, errors, len(data)
                )
                for pair, total in zip(pairs, totals, strict=True)
            ],
            metrics,
        )


if __name__ == "__main__":
    stage(run)
