"""What outlives a killed workflow, and what is started beside a running one: nothing is lost, nothing overwritten."""

import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from sandbox import merged

from faults.victim import PATIENCE_S, ROUNDS, Victim

Q0 = "seed1/q0"  # of what a method has trained


def copied(whole: Victim, folder: Path, length: int = 1, rounds: tuple[str, ...] = ROUNDS) -> Victim:
    """The whole study."""
    victim = Victim(folder, length, rounds, whole.method)
    victim.take_over(whole)
    return victim


def untrained(whole: Victim, folder: Path, length: int = 1) -> Victim:
    """The study up to the first network of its method, which is not trained yet."""
    victim = copied(whole, folder, length, rounds=("q0",))
    shutil.rmtree(victim.trained)
    return victim


def until(victim: Victim, true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, victim.transcript.read_text(encoding="utf-8")[-3000:]
        time.sleep(0.05)


def training(victim: Victim) -> bool:
    """Whether the method has begun to train, and saved itself."""
    return any((victim.trained / Q0).glob(".model-*/state.pt"))


def said(victim: Victim) -> str:
    """By the last training of the method."""
    return (victim.folder / f"results/logs/adapt/demo-{victim.method}-seed1.log").read_text(encoding="utf-8")


def orphan(victim: Victim, overlay: dict[str, object] | None = None) -> None:
    """Start the study, and kill -9 Snakemake alone in the middle of a training, which goes on."""
    process = victim.start(overlay)
    until(victim, lambda: training(victim) or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert victim.jobs()


def outlived(victim: Victim) -> None:
    """The orphan finishes by itself, and the same command trains nothing again."""
    orphan(victim)
    until(victim, lambda: not victim.jobs())
    model = victim.trained / Q0 / "model.pt"
    made = model.read_bytes()
    victim.unlock()
    answer = victim.snakemake(*victim.tables)
    assert answer.returncode == 0, answer.stdout
    assert "model.pt: made before with the same settings, code and inputs, and taken from" in said(victim)
    assert "step" not in said(victim)
    assert model.read_bytes() == made


def replaced(victim: Victim) -> None:
    """An orphan of other settings, which would end much later, leaves the model to the run that follows."""
    orphan(victim, merged(victim.overlay, {"settings": {"demo": {"adapt": {"iterations": 4000}}}}))
    (old,) = (victim.trained / Q0).glob(".model-*")
    victim.unlock()
    answer = victim.snakemake(*victim.tables)
    assert answer.returncode == 0, answer.stdout
    assert "is still at work on this; telling it to save and end" in said(victim)
    assert not old.exists()
    until(victim, lambda: not victim.jobs())


def disturbed(victim: Victim) -> None:
    """A second Snakemake on the same folder is refused, and the first goes on."""
    process = victim.start()
    until(victim, lambda: training(victim) or process.poll() is not None)
    second = victim.snakemake(*victim.tables)
    assert second.returncode != 0
    assert "LockException" in second.stdout
    assert process.wait(PATIENCE_S) == 0, victim.transcript.read_text(encoding="utf-8")[-3000:]
    assert "going on from step" not in said(victim)


def forced(victim: Victim) -> None:
    """Every stage is told to run again, and takes what it made before."""
    answer = victim.snakemake(*victim.tables, "--forceall")
    assert answer.returncode == 0, answer.stdout
    for log in sorted((victim.folder / "results/logs").rglob("*.log")):
        assert "made before with the same settings, code and inputs" in log.read_text(encoding="utf-8"), log


# Each with the study that it is played on.
SCENARIOS = {outlived: untrained, replaced: untrained, disturbed: untrained, forced: copied}
