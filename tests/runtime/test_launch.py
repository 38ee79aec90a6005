"""A stage in two processes: stopped, or with one of them lost, it ends with the same bits; nobody else is let in."""

import dataclasses
import ipaddress
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import builders
import pytest
from pages import LIMITS
from sandbox import PARTS, Sandbox

from dadist.model.checkpoint import Checkpoint
from dadist.report.figure_index import read_losses

METHOD = "depth_distribution"
ITERATIONS = 30
PATIENCE_S = 900.0  # for a machine that does much else
FILES = ("model.pt", "losses.csv")


class Training:
    """The stage `adapt`, with a copy of the package that saves the state of a training as often as it can."""

    def __init__(self, folder: Path, processes: int = 2, iterations: int = ITERATIONS) -> None:
        self.sandbox = Sandbox(folder, {})
        state = folder / "dadist/training/resume.py"
        text = state.read_text(encoding="utf-8")
        often = text.replace("\nLEAST_S = 10.0", "\nLEAST_S = 0.0").replace("\nSAVE_SHARE = 0.02", "\nSAVE_SHARE = 1.0")
        assert len(text) - len(often) == 2
        state.write_text(often, encoding="utf-8")
        (folder / "places").mkdir()
        self.sandbox.environment["TMPDIR"] = str(folder / "places")
        builders.split(folder / "source", 8)
        builders.unlabelled(folder / "target", 8)
        builders.mixtures().save(folder / "mixtures.npz")
        demo = builders.DEMO
        objective = dict(dataclasses.asdict(demo.objectives[METHOD]))
        objective["critic_width"] = 4
        adapt = dataclasses.replace(demo.adapt, iterations=iterations, batch=2, gpus=processes, statistics_images=4)
        training = builders.training(
            method=METHOD, implementation=f"dadist.methods.{METHOD}", seed=1, start="random", iterations=iterations
        )
        self.params = {
            "training": dataclasses.asdict(training),
            "grid": builders.GRID,
            "objective": objective,
            "adapt": dataclasses.asdict(adapt),
        }
        self.log = folder / "log.txt"

    def start(self) -> subprocess.Popen[bytes]:
        """As the rule does."""
        files = {"source": ["source"], "target": ["target"], "init": [], "artefacts": ["mixtures.npz"]}
        files |= {"model": ["model.pt"], "losses": ["losses.csv"]}
        flags = [word for name, given in files.items() for word in (f"--{name}", *given)]
        words = [sys.executable, "-m", "dadist.stages.adapt", "--params", json.dumps(self.params), "--gpus", "1"]
        words += ["--monitor", json.dumps(dataclasses.asdict(LIMITS))]
        with self.log.open("wb") as file:
            return subprocess.Popen(
                [*words, *flags],
                cwd=self.sandbox.folder,
                env=self.sandbox.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        """All that it logged since it was last started."""
        return self.log.read_text(encoding="utf-8")

    def struck(self, strike: Callable[[subprocess.Popen[bytes]], None]) -> int:
        """Run it until it has saved itself anew, then ``strike``; its exit code."""
        before = self.saved()
        process = self.start()
        try:
            self.until(lambda: self.saved() > before or process.poll() is not None)
            assert process.poll() is None, self.said()
            strike(process)
            return process.wait(PATIENCE_S)
        finally:
            process.kill()
            process.wait()

    def saved(self) -> int:
        """When it last saved itself; 0 before."""
        return max((file.stat().st_mtime_ns for file in self.sandbox.folder.glob(".model-*/state.pt")), default=0)

    def until(self, true: Callable[[], bool]) -> None:
        """Wait for something."""
        end = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)

    def places(self) -> list[Path]:
        """Where processes of it meet."""
        return list((self.sandbox.folder / "places").glob("dadist-*"))

    def products(self) -> dict[str, bytes]:
        """What it made."""
        return {name: (self.sandbox.folder / name).read_bytes() for name in FILES}


def workers(process: subprocess.Popen[bytes]) -> dict[int, int]:
    """Rank → process id of those that a launcher started."""
    found = {}
    for one in Path("/proc").iterdir():
        try:
            parent = re.search(r"^PPid:\t(\d+)", (one / "status").read_text(encoding="utf-8"), re.M)
            rank = re.search(rb"(?:^|\0)RANK=(\d+)", (one / "environ").read_bytes())
        except OSError:
            continue
        if parent and rank and int(parent[1]) == process.pid:
            found[int(rank[1])] = int(one.name)
    return found


def sockets(pid: int) -> list[tuple[str, str]]:
    """Protocol and address of the TCP sockets of a process that listen, and of its UDP sockets."""
    links = [str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir() if one.is_symlink()]
    mine = {match[1] for link in links if (match := re.fullmatch(r"socket:\[(\d+)\]", link))}
    found = []
    for protocol, states in (("tcp", {"0A"}), ("tcp6", {"0A"}), ("udp", None), ("udp6", None)):
        table = Path(f"/proc/{pid}/net/{protocol}")
        for row in table.read_text(encoding="ascii").splitlines()[1:] if table.exists() else ():
            columns = row.split()
            if columns[9] in mine and (states is None or columns[3] in states):
                words = bytes.fromhex(columns[1].partition(":")[0])  # 32 bits at a time, lowest byte first
                packed = b"".join(words[at : at + 4][::-1] for at in range(0, len(words), 4))
                found.append((protocol, str(ipaddress.ip_address(packed))))
    return found


def beyond_loopback(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those that another machine could reach."""
    return [one for one in found if not ipaddress.ip_address(one[1]).is_loopback]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Nobody disturbed it."""
    training = Training(tmp_path_factory.mktemp("whole") / "run")
    assert training.start().wait(PATIENCE_S) == 0, training.said()
    return training


def test_two_processes_make_one_model_and_one_history(whole: Training) -> None:
    made = {path.name for path in whole.sandbox.folder.iterdir()}.difference(PARTS)
    left = {name for name in made if name.startswith((".", "model", "losses"))}
    assert left == {*FILES, ".model.pt.lock", ".model.pt.kept"}
    assert re.search(r"adapt: 2 processes of 1 threads, without a GPU\n", whole.said())
    assert whole.said().count(f"step {ITERATIONS}/{ITERATIONS}") == 1  # the second is quiet


def test_they_have_the_history_of_one_process(whole: Training, tmp_path: Path) -> None:
    alone = Training(tmp_path / "run", processes=1)
    assert alone.start().wait(PATIENCE_S) == 0, alone.said()
    assert "processes" not in alone.said()
    one, two = (read_losses(training.sandbox.folder / "losses.csv") for training in (alone, whole))
    assert list(one[0]) == list(two[0])
    # The first rows; AdamW divides each gradient by its size, small ones too, and rounding grows with every step.
    assert list(two[0].values()) == pytest.approx(list(one[0].values()), rel=0.02)


def private_and_on_loopback(training: Training, process: subprocess.Popen[bytes]) -> None:
    """Nothing of a running training listens beyond this machine, and no other user sees where it meets."""
    (place,) = training.places()
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert sockets(process.pid) == []
    seen = [one for worker in workers(process).values() for one in sockets(worker)]
    assert seen  # the two speak with each other
    assert beyond_loopback(seen) == []


def test_a_training_that_loses_a_process_or_is_stopped_ends_with_the_same_bits(whole: Training, tmp_path: Path) -> None:
    training = Training(tmp_path / "run")
    # What a cluster may have set for trainings over several machines.
    strange = {"GLOO_SOCKET_IFNAME": "eth0", "NCCL_SOCKET_IFNAME": "eth0", "RANK": "7", "LOCAL_RANK": "7"}
    training.sandbox.environment |= strange

    def lose(process: subprocess.Popen[bytes]) -> None:
        private_and_on_loopback(training, process)
        os.kill(workers(process)[1], signal.SIGKILL)

    code = training.struck(lose)
    assert code == 128 + signal.SIGKILL, training.said()
    assert training.places() == []
    last = training.said().splitlines()[-1]
    assert "error: expected 2 processes to the end, got process" in last
    assert "process 1 ended by SIGKILL" in last
    assert last.endswith("the same command goes on from the last saved state")
    assert not (tmp_path / "run/model.pt").exists()

    code = training.struck(lambda process: process.send_signal(signal.SIGTERM))
    assert code == 128 + signal.SIGTERM
    assert "going on from step" in training.said()
    assert "stopped by SIGTERM; the same command goes on from here" in training.said()

    children: list[int] = []

    def orphan(process: subprocess.Popen[bytes]) -> None:
        children.extend(workers(process).values())
        process.kill()

    assert training.struck(orphan) == -signal.SIGKILL
    training.until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    assert "stopped by SIGTERM; the same command goes on from here" in training.said()

    assert training.places() == []

    assert training.start().wait(PATIENCE_S) == 0, training.said()
    assert "going on from step" in training.said()
    assert training.products() == whole.products()


def test_sockets_that_listen_beyond_this_machine_are_seen() -> None:
    for protocol, address in (("tcp", "0.0.0.0"), ("tcp", "127.0.0.1"), ("tcp6", "::"), ("tcp6", "::1")):
        if protocol == "tcp6" and not Path("/proc/net/if_inet6").exists():
            continue
        with socket.socket(socket.AF_INET6 if protocol == "tcp6" else socket.AF_INET) as one:
            one.bind((address, 0))
            one.listen()
            assert (protocol, address) in sockets(os.getpid())
    assert beyond_loopback([("tcp", "127.0.0.1"), ("tcp6", "::1"), ("tcp", "0.0.0.0"), ("tcp6", "::")]) == [
        ("tcp", "0.0.0.0"),
        ("tcp6", "::"),
    ]


def test_a_mistake_is_told_as_by_one_process(tmp_path: Path) -> None:
    training = Training(tmp_path / "run", iterations=2)
    training.params["grid"] = (9, 9)
    assert training.start().wait(PATIENCE_S) == 1
    assert re.search(r"adapt: error: grid: street has \(8, 4\) cells", training.said())
    assert re.search(r"expected 2 processes to the end, got process \d ended with 1", training.said())


def test_a_model_of_two_processes_is_like_any_other(whole: Training) -> None:
    segmenter = Checkpoint.load(whole.sandbox.folder / "model.pt").segmenter()
    assert segmenter(builders.target().images).logits.isfinite().all()


def test_the_rules_ask_for_as_many_gpus_as_the_config_says(tmp_path: Path) -> None:
    keys = {"adapt": {"gpus": 2}, "selftrain": {"training": {"gpus": 4}}}
    sandbox = Sandbox(tmp_path / "run", {"settings": {"demo": keys}})
    words = sandbox.command("results/demo/metrics.csv", "--dry-run", "--printshellcmds")
    words[words.index("gpu=2")] = "gpu=4"
    answer = sandbox.forked(*words).stdout
    assert set(re.findall(r"dadist\.stages\.adapt .* --gpus (\d)", answer)) == {"2"}
    assert set(re.findall(r"dadist\.stages\.selftrain .* --gpus (\d)", answer)) == {"4"}
    assert set(re.findall(r"dadist\.stages\.evaluate .* --gpus (\d)", answer)) == {"1"}
