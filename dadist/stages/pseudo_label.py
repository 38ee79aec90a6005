"""Label the target's training images with the classes that a network is sure of."""

from dataclasses import dataclass

from dadist.config.prior_sections import Prior
from dadist.config.records import Record
from dadist.config.training_sections import PseudoLabel
from dadist.data.prepared import Prepared
from dadist.model.checkpoint import Checkpoint
from dadist.model.inference import device
from dadist.prior.use import PriorOf
from dadist.runtime.progress import Progress
from dadist.selftraining import label
from dadist.stages import Batch, In, Ins, Own, stage
from dadist.storage.digest import key


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    code: str  # digest
    pseudo_label: PseudoLabel
    prior: Prior | None  # what the mixtures have to say; None: nothing


def run(params: Params, *, batch: Batch, target: In, model: In, prior: Ins, labels: Own) -> None:
    """Predict the images that the round trains on; keep class and confidence."""
    checkpoint, images = Checkpoint.load(model), Prepared(target)
    first = min(params.pseudo_label.images or len(images), len(images))
    label.label(
        checkpoint.predicting(device()),
        images,
        labels,
        first=first,
        classes=len(checkpoint.architecture.classes),
        confidence=params.pseudo_label.confidence,
        prior=PriorOf(prior, images, device(), of_head=_of_head(params.prior)) if prior else None,
        weights=params.prior,
        batch=batch,
        key=key(params, [target, model, *prior]),
        progress=Progress("image", first),
    )


def _of_head(prior: Prior | None) -> bool:
    return prior is not None and prior.depth_from == "head"


if __name__ == "__main__":
    stage(run)
