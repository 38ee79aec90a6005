"""Find the camera of the target, the scale of its depth files, and how noisy they are, without a label."""

from dataclasses import dataclass
from functools import partial
from typing import Literal

from dadist.config.prior_sections import AlignDepth, Camera
from dadist.config.records import Record
from dadist.data.joining import opened
from dadist.data.prepared import Prepared
from dadist.model.checkpoint import Checkpoint
from dadist.model.inference import device
from dadist.prior import alignment, camera
from dadist.prior.mixtures import Mixtures
from dadist.report.likelihood_curves import plot
from dadist.runtime.progress import Progress
from dadist.stages import Batch, In, Out, stage

Given = Camera | Literal["files"] | None


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    align_depth: AlignDepth
    source_camera: Given
    target_camera: Given


def run(
    params: Params, *, batch: Batch, source: In, target: In, model: In, mixtures: In, aligned: Out, curves: Out
) -> None:
    """Look at cells with what a network makes of them, find what fits the mixtures best, save and draw it."""
    known, data, prior, asked = opened(source), Prepared(target), Mixtures.load(mixtures), params.align_depth
    own, other = _camera(params.source_camera, known), _camera(params.target_camera, data)
    view, lens = camera.SAME, None
    if asked.camera == "found":
        lens = partial(camera.through, data.working, own or camera.MIDDLE, known.working)
    elif own and other:
        view = camera.view(other, data.working, own, known.working)
    seen = alignment.look(
        Checkpoint.load(model).predicting(device()),
        data,
        prior,
        asked,
        batch=batch,
        progress=Progress("image", min(asked.images, len(data))),
    )
    kind = data.depth_kind if data.has_depth and "z" in prior.features else "none"
    found = alignment.align(prior, seen, kind, known.pixels, view=view, lens=lens)
    found.save(aligned)
    plot(found, curves)


def _camera(given: Given, data: Prepared) -> Camera | None:
    return data.camera if given == "files" else given


if __name__ == "__main__":
    stage(run)
