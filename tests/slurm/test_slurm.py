"""The workflow on a SLURM of one node: what jobs ask for, in which order, and what is left when they are stopped."""

import importlib.util
import itertools
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from sandbox import TINY, Sandbox, merged

from dadist.config import Look
from dadist.data import streets

pytestmark = pytest.mark.slurm

TARGET = "results/demo/metrics.csv"
TRAINING = "rule_adapt_wildcards_demo_depth_distribution_1"  # the comment of the job that is stopped again and again
LOG = "results/logs/adapt/demo-depth_distribution-seed1.log"
SEED = Path("results/demo/depth_distribution/seed1")
KILL_WAIT_S = 10.0  # of cluster.sh: from being told to end to being killed
PATIENCE_S = 900.0  # for a machine that does much else
STUDY = merged(
    TINY,
    {
        "settings": {
            "demo": {
                "methods": ["depth_distribution"],
                "adapt": {"iterations": 800},  # more than a quarter of a minute, to be stopped in
                "objectives": {"warm_up": {"iterations": 5}},
                "selftrain": {"rounds": [3]},
            }
        }
    },
)

Record = dict[str, str]


def command(*words: str) -> str:
    """What one of SLURM's commands answers."""
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> None:
    if not shutil.which("slurmctld"):
        pytest.skip("SLURM is not installed: apt install slurm-wlm munge")
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("the executor is not installed: pip install -e .[slurm]")
    answer = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True, check=False, timeout=60)
    if not re.search(r"^ClusterName += dadist_tests$", answer.stdout, re.M):
        pytest.skip("the tests' own SLURM does not run: tests/slurm/cluster.sh start FOLDER")


def until(true: Callable[[], bool], what: str, terminal: Path) -> None:
    """Wait for something; what the terminal shows is told if it does not come."""
    end = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < end, f"{what}: not after {PATIENCE_S:.0f} s\n{terminal.read_text(encoding='utf-8')}"
        time.sleep(0.2)


class Submission:
    """Snakemake with the cluster's profile, in the background."""

    def __init__(self, sandbox: Sandbox, *arguments: str) -> None:
        self.sandbox, self.terminal = sandbox, sandbox.folder / "terminal.txt"
        (sandbox.folder / "overlay.yaml").write_text(yaml.safe_dump(sandbox.overlay), encoding="utf-8")
        # As on a cluster but for the waits: a look at the queue every second, growing by ten while nothing ends.
        waits = ("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1")
        words = (*arguments, "--workflow-profile", "profiles/slurm", "--configfile", "overlay.yaml", *waits)
        with self.terminal.open("w", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                ("snakemake", *words, "--max-threads", "1", "--latency-wait", "5"),
                cwd=sandbox.folder,
                env=sandbox.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def __enter__(self) -> "Submission":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind, however a test ends."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        jobs = [one["JobId"] for one in records(self.sandbox) if one["JobState"] in ("PENDING", "RUNNING")]
        subprocess.run(["scancel", *jobs], check=False)

    def wait(self) -> tuple[int, str]:
        """Exit code and all that the terminal showed."""
        code = self.process.wait(PATIENCE_S)
        return code, self.terminal.read_text(encoding="utf-8")


def records(sandbox: Sandbox) -> list[Record]:
    """What SLURM knows of every job submitted from the sandbox, in order."""
    found = [
        dict(word.split("=", 1) for word in line.split() if "=" in word)
        for line in command("scontrol", "show", "job", "--oneliner").splitlines()
    ]
    mine = [one for one in found if one.get("WorkDir") == str(sandbox.folder)]
    return sorted(mine, key=lambda one: int(one["JobId"]))


class Training:
    """The one training that everything is tried on, seen from outside."""

    def __init__(self, sandbox: Sandbox, terminal: Path) -> None:
        self.sandbox, self.terminal = sandbox, terminal
        self.resumed: list[int] = []  # steps that it went on from

    def advance(self) -> str:
        """Wait until it has stepped on from where it last resumed; the id of its job."""
        until(lambda: self._step() > max(self.resumed, default=0), "steps of the training", self.terminal)
        return next(one["JobId"] for one in records(self.sandbox)[::-1] if one["Comment"] == TRAINING)

    def resume(self) -> None:
        """Wait until it has gone on from a later step than before."""
        until(lambda: self._from() > max(self.resumed, default=0), "a training that goes on", self.terminal)
        self.resumed.append(self._from())

    def process(self) -> int:
        """The process that trains, from the lock of its state."""
        (lock,) = (self.sandbox.folder / SEED / "q0").glob(".model-*/lock")
        return int(lock.read_text(encoding="utf-8").split()[1])

    def _step(self) -> int:
        files = list((self.sandbox.folder / SEED / "q0").glob(".model-*/losses.csv"))
        rows = files[0].read_text(encoding="utf-8").splitlines()[1:] if files else []
        return int(rows[-1].split(",")[0]) if rows else 0

    def _from(self) -> int:
        file = self.sandbox.folder / LOG
        steps = re.findall(r"going on from step (\d+)", file.read_text(encoding="utf-8")) if file.exists() else []
        return int(steps[-1]) if steps else 0


@dataclass(frozen=True)
class Story:
    """What came of one study that was requeued, cancelled and cut off at a time limit."""

    local: Sandbox
    cluster: Sandbox
    resumed: list[int]
    cancelled: str  # what the terminal showed
    queue: str  # after it was cancelled
    left: bool  # whether the process that trained was still there
    records: list[Record]
    terminal: str


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    local, cluster = (Sandbox(tmp_path_factory.mktemp("slurm") / name, STUDY) for name in ("local", "cluster"))
    with ThreadPoolExecutor(1) as pool:
        reference = pool.submit(local.snakemake, TARGET)
        with Submission(cluster, TARGET) as first:
            training = Training(cluster, first.terminal)
            command("scontrol", "requeue", training.advance())
            training.resume()
            training.advance()
            process = training.process()
            first.process.send_signal(signal.SIGINT)
            _, cancelled = first.wait()
            time.sleep(KILL_WAIT_S)
            queue = command("squeue", "--noheader")
            left = Path(f"/proc/{process}").exists()
        with Submission(cluster, TARGET) as second:
            training.resume()
            reach_time_limit(training)
            training.resume()
            code, terminal = second.wait()
        assert code == 0, terminal
        answer = reference.result()
        assert answer.returncode == 0, answer.stdout
    return Story(local, cluster, training.resumed, cancelled, queue, left, records(cluster), terminal)


def reach_time_limit(training: Training) -> None:
    """Let SLURM end the job of the training at a limit that is near; it looks at limits twice a minute."""
    job, process = training.advance(), training.process()
    os.kill(process, signal.SIGSTOP)  # or the training would be done by then
    command("scontrol", "update", f"JobId={job}", "EndTime=now+1")
    ended = ("squeue", "--noheader", "--jobs", job, "--states", "all", "--format", "%T")
    until(lambda: command(*ended).strip() != "RUNNING", "the time limit", training.terminal)
    os.kill(process, signal.SIGCONT)  # it has been told to end, and has KillWait to do so


def test_the_table_is_that_of_an_undisturbed_run_on_one_machine(story: Story) -> None:
    local, cluster = ((box.folder / TARGET).read_text(encoding="utf-8") for box in (story.local, story.cluster))
    assert len(cluster.splitlines()) == 3
    assert cluster == local


def test_the_training_went_on_after_a_requeue_a_cancellation_and_a_time_limit(story: Story) -> None:
    assert len(story.resumed) == 3
    assert story.resumed == sorted(set(story.resumed))
    trainings = [one for one in story.records if one["Comment"] == TRAINING]
    assert [one["JobState"] for one in trainings] == ["CANCELLED", "TIMEOUT", "COMPLETED"]
    assert [int(one["Restarts"]) for one in trainings] == [1, 0, 0]


def test_nothing_that_was_finished_before_the_study_was_cancelled_ran_again(story: Story) -> None:
    comments = [one["Comment"] for one in story.records if one["Comment"] != TRAINING]
    assert len(comments) == len(set(comments)) == 13


def test_a_cancelled_study_leaves_nothing_in_the_queue_and_no_process(story: Story) -> None:
    assert "Terminating processes on user request" in story.cancelled
    assert story.queue == ""
    assert not story.left


def test_the_rules_that_need_a_gpu_get_one_and_no_other_does(story: Story) -> None:
    gpus = {(re.match("rule_(.*)_wildcards", one["Comment"])[1], one.get("TresPerJob")) for one in story.records}
    assert gpus == {
        *((rule, None) for rule in ("render", "prepare", "fit_gmm", "refine_labels", "collect")),
        *((rule, "gres:gpu:1") for rule in ("adapt", "pseudo_label", "selftrain", "evaluate")),
    }


def test_a_job_asks_for_the_memory_time_and_threads_of_its_rule(story: Story) -> None:
    (one,) = (one for one in story.records if one["Comment"].startswith("rule_selftrain_"))
    assert (one["MinMemoryNode"], one["TimeLimit"], one["CPUs/Task"]) == ("16000M", "2-00:00:00", "1")


def test_no_job_starts_before_those_whose_files_it_reads_have_ended(story: Story) -> None:
    order = ("render", "prepare", "fit_gmm", TRAINING, "pseudo_label", "refine_labels", "selftrain", "collect")
    finished = [one for one in story.records if one["JobState"] == "COMPLETED"]
    for earlier, later in itertools.pairwise(order):
        end = max(one["EndTime"] for one in finished if earlier in one["Comment"] and "-val-" not in one["Comment"])
        assert end <= min(one["StartTime"] for one in finished if later in one["Comment"]), f"{earlier}, {later}"


def test_a_failed_job_shows_its_log_and_what_needs_it_is_not_submitted(tmp_path: Path) -> None:
    own = {"data_root": "own", "domains": {"demo_source": {"root": "synthia"}}}
    sandbox = Sandbox(tmp_path / "run", merged(TINY, own))
    look = Look(palette=0.0, haze=0.0, light=0.0, noise=0.0, camera=0.0, statistics=0.0, bonnet=False)
    streets.write_synthia(sandbox.folder / "own/synthia", look, images=4, seed=1, width=64, height=32, workers=1)
    image = min((sandbox.folder / "own/synthia/RGB").glob("*.png"))
    image.write_bytes(image.read_bytes()[:100])
    with Submission(sandbox, "results/demo/prior/mixtures.npz", "--retries", "0") as submission:
        code, terminal = submission.wait()
    assert code != 0
    assert f"RGB/{image.name}: expected a whole image file" in terminal
    assert [one["JobState"] for one in records(sandbox)] == ["FAILED"]
