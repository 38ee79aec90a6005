import io
import logging
import sys

import pytest

from dadist.runtime import progress
from dadist.runtime.progress import Progress


class Clock:
    """Time that a test sets."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(progress, "time", clock := Clock())
    return clock


def test_a_log_gets_step_rate_time_left_and_the_terms(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    report = Progress("step", 1000, begin=100)
    clock.now = 10.0
    report(150, "segmentation 0.5")
    assert caplog.messages == ["step 150/1000 (15 %)  5/s  3 min left  segmentation 0.5"]


def test_a_log_gets_fewer_lines_the_longer_it_takes_and_always_the_last(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    report = Progress("step", 200_000)
    for step in range(1, 200_001, 20):
        clock.now = step / 2.0
        report(step)
    report(200_000)
    assert 1500 < len(caplog.messages) < 1800  # 100 000 s: one line per minute
    assert caplog.messages[-1].startswith("step 200000/200000 (100 %)")


def test_a_terminal_gets_one_line_that_changes(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    report = Progress("image", 3)
    for done in (1, 2, 3):
        clock.now += 1.0
        report(done)
    shown = terminal.getvalue()
    assert shown.count("\r") == 3
    assert shown.endswith("\n")
    assert shown.count("\n") == 1
    assert "image 3/3 (100 %)  1/s  0 s left" in shown
    assert caplog.messages == []


def test_nothing_to_do_is_no_division_by_zero(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    Progress("image", 0)(0)
    assert caplog.messages[0].startswith("image 0/0 (0 %)")
