import dataclasses
import json
import logging
import sys
from pathlib import Path

import pytest
from pages import LIMITS
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dadist.config.records import ConfigError
from dadist.training.monitor import EVENTS, TrainingMonitor

WON = {"segmentation": 1.0, "critic_source": 0.1, "critic_target": 0.1}


def monitor(**changes: object) -> TrainingMonitor:
    return TrainingMonitor(json.dumps(dataclasses.asdict(dataclasses.replace(LIMITS, **changes))))  # type: ignore[arg-type]


def test_an_alarm_is_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    observe = monitor().training(tmp_path / "model.pt")
    for step in range(20, 200, 20):
        observe(step, WON)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("alarm critic_won: critic was below 0.35 nats (0.1 at step 40)")
    assert not list(tmp_path.iterdir())


def test_vanished_classes_are_told_by_name(caplog: pytest.LogCaptureFixture) -> None:
    monitor().labels([10, 0], [10, 10], ["road", "bus"])
    assert ["class_vanished" in message and "bus" in message for message in caplog.messages] == [True]


def test_a_round_is_not_trained_on_labels_with_an_alarm_that_halt_names(caplog: pytest.LogCaptureFixture) -> None:
    flooded = ([50, 50], [90, 10], ["road", "bus"])
    monitor(halt=("class_scarce",)).labels(*flooded)
    with pytest.raises(ValueError, match=r"class_flooded: .* bus \(50%, 10\.0% on the source\).* monitor\.halt"):
        monitor(halt=("class_scarce", "class_flooded")).labels(*flooded)
    assert ["class_flooded" in message for message in caplog.messages] == [True, True]


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="windws"):
        TrainingMonitor('{"windws": 3}')


def test_without_the_package_event_files_are_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ValueError, match=r"pip install 'dadist\[tensorboard\]'"):
        monitor(tensorboard=True).training(tmp_path / "model.pt")


def test_event_files_hold_every_term(tmp_path: Path) -> None:
    observe = monitor(tensorboard=True).training(tmp_path / "model.pt")
    logging.disable()
    for step in (20, 40):
        observe(step, WON)
    logging.disable(logging.NOTSET)
    events = EventAccumulator(str(tmp_path / EVENTS)).Reload()
    assert events.Tags()["scalars"] == list(WON)
    for name, expected in WON.items():
        assert [(one.step, round(one.value, 5)) for one in events.Scalars(name)] == [(20, expected), (40, expected)]
