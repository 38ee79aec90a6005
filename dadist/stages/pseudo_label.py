"""Label the target's training images with the classes that a network is sure of."""

from dataclasses import dataclass

from dadist import pseudo
from dadist.config import PseudoLabel
from dadist.data.prepared import Prepared
from dadist.inference import device
from dadist.model.checkpoint import Checkpoint
from dadist.progress import Progress
from dadist.stages import Batch, In, Out, stage


@dataclass(frozen=True)
class Params:
    """Settings of this stage."""

    pseudo_label: PseudoLabel


def run(params: Params, *, batch: Batch, target: In, model: In, labels: Out) -> None:
    """Predict every image; keep class and confidence."""
    checkpoint, images = Checkpoint.load(model), Prepared(target)
    pseudo.label(
        checkpoint.segmenter().to(device()),
        images,
        labels,
        classes=len(checkpoint.architecture.classes),
        confidence=params.pseudo_label.confidence,
        batch=batch,
        progress=Progress("image", len(images)),
    )


if __name__ == "__main__":
    stage(run)
