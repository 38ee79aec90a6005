"""A training that is stopped goes on as if nothing had happened; a state that cannot be trusted is refused."""

import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import builders
import pytest
import torch

from dadist.data.loader import Sampling, SourceLoader, TargetLoader
from dadist.registry import METHODS, RECIPES
from dadist.storage import seal
from dadist.training import loop
from dadist.training.resume import FILES, State

STEPS, WINDOW = 8, 6  # more steps than one window of losses has


class Stopped(State):
    """Asked to stop after some steps, by a real signal."""

    def __init__(self, folder: Path, after: int) -> None:
        super().__init__(folder, "key")
        self.left = after

    def due(self) -> bool:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().due()


def run(folder: Path, name: str, state: State) -> Any:
    """Train a method or recipe on two tiny splits."""
    torch.manual_seed(8)
    method = builders.method(name)
    if not (folder / "source").exists():
        builders.split(folder / "source")
        builders.unlabelled(folder / "target")
    source, target = (builders.Prepared(folder / part) for part in ("source", "target"))
    sampling = Sampling(2, 0, True, "cpu")
    with patch.object(loop, "WINDOW", WINDOW):
        loop.train(
            method,
            SourceLoader(source, sampling, numerator=1000.0, zero_depth="ignore"),
            TargetLoader(target, sampling, source.labels if name in RECIPES else None),
            builders.TrainingSettings(builders.DEMO.adapt.optimiser),
            iterations=STEPS,
            state=state,
        )
    return method


def state(folder: Path, step: int = 1, key: str = "key") -> State:
    """A state on disk."""
    folder.mkdir(exist_ok=True)
    made = State(folder, key)
    made.save({"step": step})
    return made


@pytest.mark.parametrize("name", [*METHODS, *RECIPES])
def test_a_stopped_training_ends_with_the_same_bits(tmp_path: Path, name: str) -> None:
    whole = run(tmp_path, name, State(tmp_path / "whole", "key"))
    for after in (3, 4):  # stopped at step 3, and again 4 later: within a window, and beyond one
        with pytest.raises(SystemExit) as ended:
            run(tmp_path, name, Stopped(tmp_path / "parts", after))
        assert ended.value.code == 128 + signal.SIGTERM
    parts = run(tmp_path, name, State(tmp_path / "parts", "key"))
    for part, network in whole.networks().items():
        for weight, value in network.state_dict().items():
            assert torch.equal(value, parts.networks()[part].state_dict()[weight]), f"{part}: {weight}"
    assert (tmp_path / "whole/losses.csv").read_bytes() == (tmp_path / "parts/losses.csv").read_bytes()


def test_a_signal_to_save_lets_the_training_go_on(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    held = State(tmp_path / "state", "key")
    with held.signals():
        os.kill(os.getpid(), signal.SIGUSR1)
        assert held.due()
        held.save({"step": 3})
    assert not held.due()
    assert held.load() == {"step": 3, "key": "key"}


def test_signals_mean_what_they_did_once_the_training_is_over(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with State(tmp_path, "key").signals():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("damage", ["torn", "flipped", "empty"])
def test_a_damaged_state_gives_way_to_the_one_before(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    state(tmp_path, 1)
    newest = state(tmp_path, 2).folder / FILES[0]
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes({"torn": content[:-9], "flipped": content, "empty": b""}[damage])
    with caplog.at_level(logging.WARNING):
        found = State(tmp_path, "key").load()
    assert found is not None
    assert found["step"] == 1
    assert f"{newest}: expected a whole state, got one whose checksum is wrong" in caplog.text


def test_two_damaged_states_are_a_training_from_the_beginning(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).write_bytes(b"dadist state 1 0\nnothing")
    assert State(tmp_path, "key").load() is None


def test_the_state_of_another_training_is_refused_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state(tmp_path, key="other")
    with caplog.at_level(logging.WARNING):
        assert State(tmp_path, "key").load() is None
    assert "expected the state of training key, got that of other" in caplog.text


def test_a_finished_training_leaves_its_losses_and_no_state(tmp_path: Path) -> None:
    model = tmp_path / "model.pt"
    old, new = (state(State.beside(model, key).folder, key=key) for key in ("old", "new"))
    new.losses.write_text("step,lr\n", encoding="utf-8")
    new.finish(tmp_path / "losses.csv")
    assert seal.load_table(tmp_path / "losses.csv", what="losses", remedy="-") == "step,lr\n"
    assert not old.folder.exists()
    assert not new.folder.exists()


def test_saving_takes_a_small_share_of_the_time(tmp_path: Path) -> None:
    slow = State(tmp_path, "key")
    assert not slow.due()
    slow.saved -= 30
    assert slow.due()
    slow.cost_s = 2.0  # a large network: at most every 100 seconds
    assert not slow.due()


HOLDER = """
    import sys, time
    from pathlib import Path
    from dadist.training.resume import State
    state = State(Path(sys.argv[1]), "key")
    with state.held(), state.signals():
        print("held", flush=True)
        while not state.due():
            time.sleep(0.05)
        state.save({"step": 5})
"""


def test_a_training_left_over_is_told_to_save_itself_and_end(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as orphan:
        assert orphan.stdout is not None
        assert orphan.stdout.readline() == "held\n"
        mine = State(tmp_path, "key")
        with mine.held():
            found = mine.load()
        assert found is not None
        assert found["step"] == 5
        assert orphan.wait() == 128 + signal.SIGTERM


def test_a_training_on_another_machine_is_left_alone(tmp_path: Path) -> None:
    other = State(tmp_path, "key")
    with other.held():
        (tmp_path / "lock").write_text("elsewhere 7", encoding="utf-8")
        begun = time.monotonic()
        with pytest.raises(ValueError, match="got process 7 on elsewhere; end it"), State(tmp_path, "key").held():
            pass
        assert time.monotonic() - begun < 5
