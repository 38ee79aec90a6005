"""Compare a model's predictions with the target's validation labels: the only stage that learns from target labels."""

from dataclasses import dataclass

from dadist.config.prior_sections import UNWEIGHED, Prior
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
    prior: Prior | None  # what the mixtures have to say; None: nothing


def run(params: Params, *, batch: Batch, val: In, model: In, prior: Ins, metrics: Out) -> None:
    """Count, image by image, and write the sums."""
    checkpoint, data = Checkpoint.load(model), Prepared(val)
    fused = PriorOf(prior, params.prior, data, device()) if params.prior else None
    with notes(metrics, key(params, [val, model, *prior])) as journal:
        (total,), errors = score(
            checkpoint.segmenter().to(device()),
            data,
            journal,
            batch=batch,
            numerator=params.inverse_depth,
            cap_m=params.evaluate.depth_cap_m,
            prior=fused,
            ways=[fused.fusion() if fused else None],
            progress=Progress("image", len(data)),
        )
        weights = params.prior.told if params.prior else UNWEIGHED
        protocol = {**checkpoint.protocol, "evaluate": params.code, "labels": params.evaluate.labels, "prior": weights}
        Metrics.of(protocol, data.classes, total, errors, len(data)).save(metrics)


if __name__ == "__main__":
    stage(run)
