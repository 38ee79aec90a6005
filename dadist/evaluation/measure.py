"""A model's file against a labelled split, with the prior in one or several weights: the records of its metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
from dadist.storage.journal import Journal


@dataclass(frozen=True)
class Measuring(Record):
    """What the stages that measure are told."""

    code: str  # digest
    inverse_depth: float
    evaluate: Evaluate


def measure(
    asked: Measuring,
    journal: Journal,
    *,
    val: Path,
    model: Path,
    prior: Sequence[Path],
    sections: Sequence[Prior | None],
    batch: int,
) -> list[Metrics]:
    """Predict once, fuse by every section, count.

    Args:
        asked: How to measure.
        journal: Of the images that are done.
        val: Prepared split with labels.
        model: Of the project.
        prior: The mixtures and, where depth has a say, what align_depth wrote; nothing where the prior has none.
        sections: One for each of the records that come back; None: the network alone.
        batch: Images at once; changes no number.
    """
    checkpoint, data = Checkpoint.load(model), Prepared(val)
    of_head = any(one.depth_from == "head" for one in sections if one)
    weighed = PriorOf(prior, data, device(), of_head=of_head) if prior else None
    totals, errors = score(
        checkpoint.predicting(device()),
        data,
        journal,
        batch=batch,
        numerator=asked.inverse_depth,
        cap_m=asked.evaluate.depth_cap_m,
        prior=weighed,
        ways=[weighed.fusion(one) if weighed and one and one.asked else None for one in sections],
        progress=Progress("image", len(data)),
    )
    protocol = {**checkpoint.protocol, "evaluate": asked.code, "labels": asked.evaluate.labels}
    return [
        Metrics.of(
            {**protocol, "prior": weighed.label(one) if weighed and one else UNWEIGHED},
            data.classes,
            total,
            errors,
            len(data),
        )
        for one, total in zip(sections, totals, strict=True)
    ]
