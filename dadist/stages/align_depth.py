"""Find the scale of the target's depth files, and how noisy they are, without a label."""

from dataclasses import dataclass

from dadist.config.prior_sections import AlignDepth
from dadist.config.records import Record
from dadist.data.prepared import Prepared
from dadist.model.checkpoint import Checkpoint
from dadist.model.inference import device
from dadist.prior import alignment
from dadist.prior.mixtures import Mixtures
from dadist.report.likelihood_curves import plot
from dadist.runtime.progress import Progress
from dadist.stages import Batch, In, Out, stage


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    align_depth: AlignDepth


def run(params: Params, *, batch: Batch, target: In, model: In, mixtures: In, aligned: Out, curves: Out) -> None:
    """Look at cells with what a network makes of them, find what fits the mixtures best, save and draw it."""
    data, prior, asked = Prepared(target), Mixtures.load(mixtures), params.align_depth
    seen = alignment.look(
        Checkpoint.load(model).segmenter().to(device()),
        data,
        prior,
        asked,
        batch=batch,
        progress=Progress("image", min(asked.images, len(data))),
    )
    found = alignment.align(prior, seen, data.depth_kind)
    found.save(aligned)
    plot(found, curves)


if __name__ == "__main__":
    stage(run)
