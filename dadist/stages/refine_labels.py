"""Erase regions of pseudo-labels that are smaller than their class's regions tend to be (Algorithm 1)."""

from dataclasses import dataclass

from dadist.config.records import Record
from dadist.config.training_sections import RefineLabels
from dadist.data.joining import opened
from dadist.runtime.progress import Progress
from dadist.selftraining.pseudo_labels import PseudoLabels
from dadist.selftraining.refine import refine
from dadist.stages import In, Monitored, Own, stage
from dadist.storage.digest import key


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    code: str  # digest
    refine_labels: RefineLabels


def run(params: Params, *, monitor: Monitored, source: In, labels: In, refined: Own) -> None:
    """Thresholds from the source's class sizes, then every map by itself."""
    settings = params.refine_labels
    data = opened(source)
    refine(
        labels,
        refined,
        data.pixels,
        enabled=settings.enabled,
        base=settings.base,
        span=settings.span,
        unit=settings.unit,
        floor=settings.floor,
        key=key(params, [source, labels]),
        progress=Progress("image", len(PseudoLabels(labels).labels)),
    )
    monitor.labels(PseudoLabels(refined).counts["kept"], data.pixels.tolist(), data.classes.names)


if __name__ == "__main__":
    stage(run)
