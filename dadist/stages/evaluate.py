"""Compare a model's predictions with the target's validation labels: the only stage that learns from target labels."""

from dataclasses import dataclass

from dadist.config.records import Record
from dadist.config.sections import Evaluate
from dadist.data.prepared import Prepared
from dadist.evaluation.confusion import Metrics
from dadist.evaluation.evaluate import score
from dadist.model.checkpoint import Checkpoint
from dadist.model.inference import device
from dadist.runtime.progress import Progress
from dadist.stages import Batch, In, Out, stage
from dadist.storage.digest import key
from dadist.storage.workspace import notes


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    code: str  # digest
    inverse_depth: float
    evaluate: Evaluate


def run(params: Params, *, batch: Batch, val: In, model: In, metrics: Out) -> None:
    """Count, image by image, and write the sums."""
    checkpoint, data = Checkpoint.load(model), Prepared(val)
    with notes(metrics, key(params, [val, model])) as journal:
        total, errors = score(
            checkpoint.segmenter().to(device()),
            data,
            journal,
            batch=batch,
            numerator=params.inverse_depth,
            cap_m=params.evaluate.depth_cap_m,
            progress=Progress("image", len(data)),
        )
        made = checkpoint.protocol
        Metrics(
            setting=str(made["setting"]),
            method=str(made["method"]),
            seed=int(made["seed"]),
            round=str(made["round"]),
            classes=data.classes,
            confusion=total.tolist(),
            depth=errors,
            images=len(data),
            protocol={**made, "evaluate": params.code, "labels": params.evaluate.labels},
        ).save(metrics)


if __name__ == "__main__":
    stage(run)
