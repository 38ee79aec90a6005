"""A training from its first step to its model file: what the stages `adapt` and `selftrain` do alike."""

from pathlib import Path
from typing import Any, Protocol

from dadist.data.loader import SourceLoader, TargetLoader
from dadist.methods.base import Method
from dadist.runtime import distributed
from dadist.training import build
from dadist.training.build import Provenance, Training
from dadist.training.loop import TrainingSettings, train
from dadist.training.monitor import Observer
from dadist.training.resume import State


class SessionSettings(TrainingSettings, Protocol):
    """What the sections ``adapt`` and ``selftrain.training`` have in common."""

    @property
    def statistics_images(self) -> int:
        """Target images for `statistics: target`."""


def run(
    training: Training,
    settings: SessionSettings,
    method: Method,
    source: SourceLoader,
    target: TargetLoader,
    *,
    before: Provenance,
    statistics: str,
    state: State,
    observer: Observer,
    model: Path,
    losses: Path,
    params: Any,
) -> None:
    """Train from where the state stands, take the statistics, save. Of several processes the first saves for all.

    A model that was finished by the same key is put back, and nothing is trained.

    Args:
        training: Which.
        settings: Optimiser, precision and images for the statistics.
        method: What is trained, on the device of the batches.
        source: Batches of the source.
        target: Batches of the target.
        before: How the weights that it starts from were made.
        statistics: "target" or "running".
        state: Where it saves itself.
        observer: Told of the losses.
        model: File to write.
        losses: File to write.
        params: Of the stage, which the model carries.
    """
    with state.held(losses) as there:
        if there:
            return
        train(method, source, target, settings, iterations=training.iterations, state=state, observer=observer)
        if not distributed.first():
            return
        made = build.protocol(training, source.prepared, target.prepared, before)
        if target.pseudo is not None:
            made["pseudo_labels"] = f"{len(target.pseudo)} images"
        checkpoint = build.finish(
            method,
            target.prepared,
            statistics,
            settings.statistics_images,
            made,
            numerator=training.inverse_depth,
            settings=params,
        )
        state.require()
        checkpoint.save(model)
        state.finish(losses)
