"""A training that is stopped goes on as if nothing had happened; a state that cannot be trusted is refused."""

import contextlib
import dataclasses
import errno
import fcntl
import logging
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import builders
import pytest
import torch

from dadist.data.loader import Sampling, SourceLoader, TargetLoader
from dadist.model.layouts import build
from dadist.registry import METHODS, RECIPES
from dadist.runtime.locks import lock_of
from dadist.runtime.processes import Process
from dadist.storage import seal
from dadist.training import loop, resume
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


def run(folder: Path, name: str, state: State, network: dict[str, Any] | None = None, **changes: Any) -> Any:
    """Train a method or recipe on two tiny splits; ``changes`` are hyperparameters; source_only may have a network."""
    torch.manual_seed(8)
    method = builders.method(name, **changes)
    if network:
        method.segmenter = build(builders.architecture(**network))
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


PASTED = {"confidence": 0.2, "sure_from": 0.0, "bank_least": 0.0}  # sure from the beginning


@pytest.mark.parametrize(
    ("name", "keys"),
    [*((name, {}) for name in (*METHODS, *RECIPES)), ("dacs", {"detail": 0.1}), ("ecap", PASTED)],
)
def test_a_stopped_training_ends_with_the_same_bits(tmp_path: Path, name: str, keys: dict[str, float]) -> None:
    whole = run(tmp_path, name, State(tmp_path / "whole", "key"), **keys)
    for after in (3, 4):  # stopped at step 3, and again 4 later: within a window, and beyond one
        with pytest.raises(SystemExit) as ended:
            run(tmp_path, name, Stopped(tmp_path / "parts", after), **keys)
        assert ended.value.code == 128 + signal.SIGTERM
    parts = run(tmp_path, name, State(tmp_path / "parts", "key"), **keys)
    for part, network in whole.networks().items():
        for weight, value in network.state_dict().items():
            assert torch.equal(value, parts.networks()[part].state_dict()[weight]), f"{part}: {weight}"
    assert (tmp_path / "whole/losses.csv").read_bytes() == (tmp_path / "parts/losses.csv").read_bytes()


@pytest.mark.parametrize(
    "network",
    [
        {"backbone": "mit_b0", "decoder": "daformer"},  # both leave something out at random
        {"backbone": "timm:vit_tiny_patch16_224", "decoder": "vfm_uda"},
    ],
    ids=["mit_b0", "timm"],
)
def test_a_stopped_training_of_a_transformer_ends_with_the_same_bits(tmp_path: Path, network: dict[str, str]) -> None:
    if network["backbone"].startswith("timm:"):
        pytest.importorskip("timm")
    whole = run(tmp_path, "source_only", State(tmp_path / "whole", "key"), network)
    with pytest.raises(SystemExit):
        run(tmp_path, "source_only", Stopped(tmp_path / "parts", 3), network)
    parts = run(tmp_path, "source_only", State(tmp_path / "parts", "key"), network)
    found = parts.segmenter.state_dict()
    assert all(torch.equal(value, found[name]) for name, value in whole.segmenter.state_dict().items())


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


def finished(folder: Path, key: str, content: bytes = b"weights") -> State:
    """A training that has made its model."""
    made = State.beside(folder / "model.pt", key)
    state(made.folder, key=key)
    made.losses.write_text("step,lr\n", encoding="utf-8")
    made.model.write_bytes(content)
    made.finish(folder / "losses.csv")
    return made


def test_a_finished_training_leaves_its_losses_and_no_state(tmp_path: Path) -> None:
    old = state(State.beside(tmp_path / "model.pt", "old").folder, key="old")
    other = state(State.beside(tmp_path / "model2.pt", "old").folder, key="old")
    new = finished(tmp_path, "new")
    assert seal.load_table(tmp_path / "losses.csv", what="losses", remedy="-") == "step,lr\n"
    assert not old.folder.exists()
    assert not new.folder.exists()
    assert other.folder.exists()


def test_a_finished_model_that_is_deleted_is_there_again_for_the_same_key_alone(tmp_path: Path) -> None:
    for key in ("old", "new", "old"):
        made = finished(tmp_path, key, key.encode())
    for file in (made.model, tmp_path / "losses.csv"):
        file.unlink()  # as Snakemake does before it runs a job again
    left = state(State.beside(tmp_path / "model.pt", "another").folder, key="another")
    with made.held(tmp_path / "losses.csv") as there:
        assert there
    assert made.model.read_bytes() == b"old"
    assert seal.load_table(tmp_path / "losses.csv", what="losses", remedy="-") == "step,lr\n"
    assert not left.folder.exists()
    with State.beside(made.model, "new").held(tmp_path / "losses.csv") as there:
        assert not there


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
    state = State.beside(Path(sys.argv[1]), sys.argv[2])
    with state.held(), state.signals():
        print("held", flush=True)
        while not state.due():
            time.sleep(0.05)
        state.save({"step": 5})
"""


@contextlib.contextmanager
def training(model: Path, key: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that trains."""
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), str(model), key]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.parametrize("key", ["key", "of other settings"])
def test_a_training_left_over_is_told_to_save_itself_and_end_whatever_its_settings(tmp_path: Path, key: str) -> None:
    with training(tmp_path / "model.pt", key) as orphan:
        mine = State.beside(tmp_path / "model.pt", "key")
        with mine.held():
            assert orphan.wait(60) == 128 + signal.SIGTERM
            found = State.beside(tmp_path / "model.pt", key).load()
        assert found is not None
        assert found["step"] == 5


def other(**changes: Any) -> bytes:
    """A note of a process that is not the one of its id, here and now."""
    return dataclasses.replace(Process.mine(), **{"pid": os.getppid(), "start": 1, **changes}).note()


def test_a_training_on_another_machine_is_left_alone(tmp_path: Path) -> None:
    model = tmp_path / "model.pt"
    with State.beside(model, "other").held():
        lock_of(model).write_bytes(other(pid=7, host="elsewhere", boot="another"))
        begun = time.monotonic()
        expected = "expected no other training of the same model, got process 7 on elsewhere; end it"
        with pytest.raises(ValueError, match=expected), State.beside(model, "key").held():
            pass
        assert time.monotonic() - begun < 5


def test_a_note_that_names_nobody_gets_nobody_a_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "model.pt"
    monkeypatch.setattr(resume, "TAKE_OVER_S", 0.5)
    with subprocess.Popen(["sleep", "600"]) as innocent, training(model, "other") as holder:
        reused, old_form = other(pid=innocent.pid), f"{os.uname().nodename} {innocent.pid}".encode()
        for note in (reused, old_form, b"\xff\xfe", b""):
            lock_of(model).write_bytes(note)
            with (
                pytest.raises(ValueError, match=r"got (process \d+|one that left no name) "),
                State.beside(model, "key").held(),
            ):
                pass
            assert innocent.poll() is None
            assert holder.poll() is None
        innocent.kill()


def test_a_stale_note_is_no_obstacle(tmp_path: Path) -> None:
    model = tmp_path / "model.pt"
    for note in (other(), other(boot="before the restart"), b"\xff\xfe", b""):
        lock_of(model).write_bytes(note)
        with State.beside(model, "key").held():
            pass


def test_on_a_disk_without_locks_a_training_goes_on_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with State.beside(tmp_path / "model.pt", "key").held() as there:
        assert not there
    assert ".model.pt.lock: this file system has no locks; see to it that no other process is at work" in caplog.text


def test_a_model_that_another_training_has_taken_over_is_not_overwritten(tmp_path: Path) -> None:
    mine = State.beside(tmp_path / "model.pt", "key")
    with mine.held():
        mine.require()
        lock_of(mine.model).write_bytes(other(pid=7))  # as on a disk without locks
        with pytest.raises(ValueError, match=r"found that process 7 on .* took the lock meanwhile; let that end"):
            mine.require()
