"""The state of a training on disk, so that one killed anywhere goes on as if nothing had happened.

The folder stands beside the model that it will become and is no declared output: Snakemake deletes those of a job that
failed. Its name holds a hash of all that the result depends on, so a state of other settings is never continued.
"""

import contextlib
import glob
import hashlib
import io
import logging
import pickle
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from dadist.runtime import distributed
from dadist.runtime.locks import alone, lock_of, require
from dadist.runtime.processes import abandoned
from dadist.storage.atomic import atomic
from dadist.storage.kept import keep, put_back
from dadist.storage.seal import sealed

logger = logging.getLogger(__name__)

FILES = ("state.pt", "before.pt")  # the newest, and the one that it replaced
MAGIC = b"dadist state 1 "
SAVE_SHARE = 0.02  # of the time may go into saving
LEAST_S = 10.0  # between two saves
ASKED = (signal.SIGUSR1, signal.SIGINT, signal.SIGTERM)  # to save, and with the last two to end; the last goes first
TAKE_OVER_S = 120.0  # that a training left over by a killed workflow has to save itself and end


class State:
    """Where one training saves itself.

    Args:
        folder: Provenance when it is first held.
        key: Hash of settings, code and inputs.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.folder, self.key = folder, key
        self.model = folder / "model.pt"  # that it will become
        self.losses = folder / "losses.csv"
        self.asked: int | None = None  # signal that came
        self.agreed: int | None = None  # signal to save at, the same in all processes of a training
        self.saved = time.monotonic()
        self.cost_s = 0.0  # of the last save

    @classmethod
    def beside(cls, model: Path, key: str) -> "State":
        """The state of the training that ends in the file ``model``."""
        made = cls(model.with_name(f".{model.stem}-{key}"), key)
        made.model = model
        return made

    @contextlib.contextmanager
    def held(self, losses: Path | None = None) -> Iterator[bool]:
        """Own the model alone, and with it the states of all trainings that would become it, whatever their settings.

        A training that a killed workflow left running is told to save itself and end. Of several processes the first
        owns for all.

        Args:
            losses: The history that stands beside a finished model.

        Yields:
            Whether the model is finished: it was kept, and is there again.

        Raises:
            ValueError: The other training does not end, or runs on another machine.
        """
        if not distributed.first():
            yield bool(distributed.most(0))  # the first has it
            return
        with alone(lock_of(self.model), TAKE_OVER_S):
            there = losses is not None and put_back([self.model, losses], self.key)
            if there:
                self._sweep()
            else:
                self.folder.mkdir(parents=True, exist_ok=True)
            distributed.most(int(there))
            yield there

    def require(self) -> None:
        """See to it that the model is still this training's to write.

        Raises:
            ValueError: Another has taken over.
        """
        require(lock_of(self.model))

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT ask for a save and the end, SIGUSR1 for a save."""

        def ask(number: int, _: FrameType | None) -> None:
            self.asked = number

        before = {number: signal.signal(number, ask) for number in ASKED}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def due(self) -> bool:
        """Whether to save now: asked to, or the last time is long ago for what it costs.

        Several processes agree on it, at every step: one that was asked, or whose launcher is gone, speaks for all, and
        the first looks at the clock.
        """
        wait_s = max(LEAST_S, self.cost_s / SAVE_SHARE)
        late = distributed.first() and time.monotonic() - self.saved > wait_s
        if abandoned():
            self.asked = signal.SIGTERM
        agreed = distributed.most(int(late) if self.asked is None else 2 + ASKED.index(signal.Signals(self.asked)))
        self.agreed = ASKED[agreed - 2] if agreed >= 2 else None
        return agreed > 0

    def save(self, content: dict[str, Any]) -> None:
        """Write the state; the one before stays beside it. Ends the process if that was asked for.

        Of several processes, all of which call this, the first writes, and none ends before that is done.
        """
        begun = time.monotonic()
        if distributed.first():
            self._write(content)
        self.saved = time.monotonic()
        self.cost_s = self.saved - begun
        if self.asked == signal.SIGUSR1:
            self.asked = None
        if self.agreed in (signal.SIGTERM, signal.SIGINT):
            distributed.most(0)  # the state is there
            logger.warning("stopped by %s; the same command goes on from here", signal.Signals(self.agreed).name)
            raise SystemExit(128 + self.agreed)

    def _write(self, content: dict[str, Any]) -> None:
        buffer = io.BytesIO()
        torch.save({**content, "key": self.key}, buffer)
        newest, before = (self.folder / name for name in FILES)
        with atomic(newest) as temporary:
            with temporary.open("wb") as file:
                file.write(MAGIC + hashlib.sha256(buffer.getbuffer()).hexdigest().encode() + b"\n")
                file.write(buffer.getbuffer())
            if newest.exists():
                newest.replace(before)

    def load(self) -> dict[str, Any] | None:
        """The newest state that is whole, on the CPU; None to start from the beginning. Runs no code from the file."""
        for name in FILES:
            path = self.folder / name
            if not path.exists():
                continue
            try:
                return self._read(path)
            except ValueError as error:
                logger.warning("%s; trying an older one, or the beginning", error)
        return None

    def _read(self, path: Path) -> dict[str, Any]:
        head, _, payload = path.read_bytes().partition(b"\n")
        if not head.startswith(MAGIC) or hashlib.sha256(payload).hexdigest().encode() != head[len(MAGIC) :]:
            raise ValueError(f"{path}: expected a whole state, got one whose checksum is wrong (torn or damaged)")
        try:
            content: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        except (RuntimeError, pickle.UnpicklingError) as error:
            raise ValueError(f"{path}: expected a state of this version of torch, got {error}") from error
        if content.get("key") != self.key:
            raise ValueError(f"{path}: expected the state of training {self.key}, got that of {content.get('key')}")
        return content

    def finish(self, losses: Path) -> None:
        """The model is there: keep it with the history of its losses, and delete the states of all trainings of it."""
        with atomic(losses) as temporary:
            temporary.write_text(sealed(self.losses.read_text(encoding="utf-8")), encoding="utf-8")
        keep([self.model, losses], self.key)
        self._sweep()

    def _sweep(self) -> None:
        for folder in self.model.parent.glob(f".{glob.escape(self.model.stem)}-*"):
            shutil.rmtree(folder, ignore_errors=True)
