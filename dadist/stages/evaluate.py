"""Compare a model's predictions with the target's validation labels: the only stage that learns from target labels."""

from dataclasses import dataclass

import numpy as np
import torch

from dadist.config import Evaluate
from dadist.data.prepared import Prepared
from dadist.depth_metrics import depth_errors
from dadist.evaluate import Metrics, confusion
from dadist.inference import batches, device, most_probable, outputs
from dadist.model.checkpoint import Checkpoint
from dadist.model.segmenter import upsample
from dadist.progress import Progress
from dadist.stages import Batch, In, Out, stage


@dataclass(frozen=True)
class Params:
    """Settings of this stage."""

    code: str  # digest
    inverse_depth: float
    evaluate: Evaluate


@torch.no_grad()
def run(params: Params, *, batch: Batch, val: In, model: In, metrics: Out) -> None:
    """One confusion matrix over the whole split, and depth errors where network and data set have depth."""
    checkpoint, data, cap_m = Checkpoint.load(model), Prepared(val), params.evaluate.depth_cap_m
    segmenter = checkpoint.segmenter().to(device())
    classes = len(data.classes)
    total, errors = np.zeros((classes, classes), np.uint64), None
    progress = Progress("image", len(data))
    for rows in batches(len(data), batch):
        found = outputs(segmenter, data.images[rows])
        for index, logits in enumerate(found.logits, rows.start):
            truth, (width, height) = data.truth(index), data.frame(index)
            predicted = most_probable(logits, (height, width))[: truth.shape[0], : truth.shape[1]]
            total += confusion(truth, predicted, classes)
        if found.depth is not None and data.has_depth:
            depth = upsample(found.depth, (data.height, data.width))[:, 0].double().cpu().numpy()
            for one, measured_cm in zip(depth, data.depth[rows], strict=True):
                record = depth_errors(one, measured_cm, numerator=params.inverse_depth, cap_m=cap_m)
                errors = record if errors is None else errors + record
        progress(rows.stop)
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
