"""What is told while something trains or is labelled: alarms in the log, and event files for TensorBoard.

No result depends on it, so it travels beside a stage's settings and not among them.
"""

import importlib
import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dadist.config import sections
from dadist.config.records import parse
from dadist.training.alarms import Alarm, LossAlarms, of_labels

logger = logging.getLogger(__name__)

Observer = Callable[[int, Mapping[str, float]], None]  # called with a step and the window means that end with it

EVENTS = "tensorboard"  # folder of the event files, beside the model


class TrainingMonitor:
    """The section ``monitor`` of the study, from JSON, as the rules hand it to a stage."""

    def __init__(self, text: str) -> None:
        self.settings = parse(sections.Monitor, json.loads(text), "monitor")

    def training(self, model: Path) -> Observer:
        """An observer of the training that makes ``model``: warns once when an alarm begins."""
        alarms, write = LossAlarms(self.settings), self._events(model.parent / EVENTS)

        def observe(step: int, means: Mapping[str, float]) -> None:
            for alarm in alarms(step, means):
                warn(alarm)
            write(step, means)

        return observe

    def labels(self, kept: list[int], source: list[int], classes: list[str]) -> None:
        """Warn of classes that refined pseudo-labels have lost or are full of; arguments as of `of_labels`.

        Raises:
            ValueError: `halt` names such an alarm.
        """
        for alarm in of_labels(kept, source, classes, self.settings):
            warn(alarm)
            if alarm.name in self.settings.halt:
                raise ValueError(
                    f"alarm {alarm.name}: {alarm.what}; expected labels without it, as monitor.halt names it; it helps "
                    f"to: {alarm.helps}; to train on these labels nevertheless, take it out of monitor.halt"
                )

    def _events(self, folder: Path) -> Observer:
        if not self.settings.tensorboard:
            return no_observer
        try:
            writer_type: Any = importlib.import_module("torch.utils.tensorboard").SummaryWriter
        except ImportError as error:
            raise ValueError(
                f"monitor.tensorboard: expected the package tensorboard, got {error}; "
                "pip install 'dadist[tensorboard]', or set the key to false"
            ) from error
        # One file per process; TensorBoard shows the files of a folder, those of an interrupted training too, as one.
        writer = writer_type(str(folder), flush_secs=10)

        def write(step: int, means: Mapping[str, float]) -> None:
            for name, value in means.items():
                writer.add_scalar(name, value, step)
            writer.flush()

        return write


def no_observer(step: int, means: Mapping[str, float]) -> None:
    """Nobody looks on."""


def warn(alarm: Alarm) -> None:
    """A line in the log."""
    logger.warning("alarm %s: %s; it helps to: %s", alarm.name, alarm.what, alarm.helps)
