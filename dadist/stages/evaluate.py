"""Compare a model's predictions with the target's validation labels: the only stage that learns from target labels."""

from dataclasses import dataclass

import numpy as np

from dadist.config import Evaluate
from dadist.data.prepared import Prepared
from dadist.evaluate import Metrics, confusion
from dadist.inference import batches, device, predict
from dadist.model.checkpoint import Checkpoint
from dadist.progress import Progress
from dadist.stages import In, Out, stage


@dataclass(frozen=True)
class Params:
    """Settings of this stage."""

    code: str  # digest
    evaluate: Evaluate


def run(params: Params, *, val: In, model: In, metrics: Out) -> None:
    """One confusion matrix over the whole split."""
    checkpoint, data = Checkpoint.load(model), Prepared(val)
    segmenter = checkpoint.segmenter().to(device())
    classes = len(data.classes)
    total = np.zeros((classes, classes), np.uint64)
    progress = Progress("image", len(data))
    for rows in batches(len(data), params.evaluate.batch):
        frames = {index: data.frame(index) for index in range(rows.start, rows.stop)}
        for width, height in set(frames.values()):
            alike = [index for index, frame in frames.items() if frame == (width, height)]
            predicted, _ = predict(segmenter, data.images[alike], (height, width))
            for index, one in zip(alike, predicted, strict=True):
                truth = data.truth(index)
                total += confusion(truth, one[: truth.shape[0], : truth.shape[1]], classes)
        progress(rows.stop)
    made = checkpoint.protocol
    Metrics(
        setting=str(made["setting"]),
        method=str(made["method"]),
        seed=int(made["seed"]),
        round=str(made["round"]),
        classes=data.classes,
        confusion=total.tolist(),
        images=len(data),
        protocol={**made, "evaluate": params.code},
    ).save(metrics)


if __name__ == "__main__":
    stage(run)
