"""The workflow on a SLURM of one node: what jobs ask for, in which order, and what is left when they are stopped."""

import csv
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from sandbox import TINY, Sandbox, merged
from submission import Record, Submission, command, left, records

from dadist.config.schema import Appearance
from dadist.data.streets import render

pytestmark = pytest.mark.slurm

TARGET = "results/demo/metrics.csv"
TRAINING = "rule_adapt_wildcards_demo_depth_distribution_1"  # the comment of the job that is stopped again and again
LOG = "results/logs/adapt/demo-depth_distribution-seed1.log"
SEED = Path("results/demo/depth_distribution/seed1")
ROUNDS, MADE = ("q0", "q1"), ("model.pt", "losses.csv", "metrics.json")
FLOORS = ("source_only", "adabn")  # which are trained beside it
KILL_WAIT_S = 10.0  # of cluster.sh: from being told to end to being killed
STUDY = merged(
    TINY,
    {
        "settings": {
            "demo": {
                "methods": ["depth_distribution"],
                "adapt": {"iterations": 300},  # to be stopped in three times, after a row of losses.csv (20) each
                "objectives": {"warm_up": {"iterations": 5}, "source_only": {"iterations": 1}},
                "selftrain": {"rounds": [3]},
            }
        }
    },
)


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> None:
    if not shutil.which("slurmctld"):
        pytest.skip("SLURM is not installed: apt install slurm-wlm munge")
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("the executor is not installed: pip install -e .[slurm]")
    answer = subprocess.run(["scontrol", "show", "config"], capture_output=True, text=True, check=False, timeout=60)
    if not re.search(r"^ClusterName += dadist_tests$", answer.stdout, re.M):
        pytest.skip("the tests' own SLURM does not run: tests/slurm/cluster.sh start FOLDER")


class Training:
    """The one training that everything is tried on, seen from outside."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.resumed: list[int] = []  # steps that it went on from

    def halt(self, submission: Submission) -> str:
        """Halt it once it has stepped on from where it last resumed; SLURM wakes what it ends. The id of its job."""
        submission.until(lambda: self._step() > max(self.resumed, default=0), "steps of the training")
        (lock,) = (self.sandbox.folder / SEED / "q0").glob(".model.pt.lock")
        os.kill(json.loads(lock.read_bytes())["pid"], signal.SIGSTOP)
        return next(one["JobId"] for one in records(self.sandbox)[::-1] if one["Comment"] == TRAINING)

    def resume(self, submission: Submission) -> None:
        """Wait until it has gone on from a later step than before."""
        submission.until(lambda: self._from() > max(self.resumed, default=0), "a training that goes on")
        self.resumed.append(self._from())

    def _step(self) -> int:
        files = list((self.sandbox.folder / SEED / "q0").glob(".model-*/losses.csv"))
        rows = files[0].read_text(encoding="utf-8").splitlines()[1:] if files else []
        return int(rows[-1].split(",")[0]) if rows else 0

    def _from(self) -> int:
        file = self.sandbox.folder / LOG
        steps = re.findall(r"going on from step (\d+)", file.read_text(encoding="utf-8")) if file.exists() else []
        return int(steps[-1]) if steps else 0


def others(sandbox: Sandbox) -> list[str]:
    """What is to come without the training, or has not ended."""
    made = [sandbox.folder / f"results/demo/{name}/seed1/q0/metrics.json" for name in FLOORS]
    at_work = [one for one in records(sandbox) if one["JobState"] != "COMPLETED" and one["Comment"] != TRAINING]
    return [str(path) for path in made if not path.exists()] + [one["Comment"] for one in at_work]


@dataclass(frozen=True)
class Story:
    """What came of one study that was requeued, cancelled and cut off at a time limit."""

    local: Sandbox
    cluster: Sandbox
    resumed: list[int]
    cancelled: str  # what the terminal showed
    left: list[str]  # jobs and processes, after it was cancelled
    records: list[Record]
    terminal: str


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    local, cluster = (Sandbox(tmp_path_factory.mktemp("slurm") / name, STUDY) for name in ("local", "cluster"))
    with ThreadPoolExecutor(1) as pool:
        reference = pool.submit(local.snakemake, TARGET)
        with Submission(cluster, TARGET) as first:
            training = Training(cluster)
            command("scontrol", "requeue", training.halt(first))
            training.resume(first)
            training.halt(first)
            first.until(lambda: not others(cluster), "no job but the training")
            running = left(cluster)
            assert len(running) > 3, f"expected a job and its processes, got {running}"
            first.process.send_signal(signal.SIGINT)
            _, cancelled = first.wait()
            end = time.monotonic() + 12 * KILL_WAIT_S  # on a busy machine SLURM itself takes long
            while left(cluster) and time.monotonic() < end:
                time.sleep(0.2)
            remains = left(cluster)
        with Submission(cluster, TARGET) as second:
            training.resume(second)
            # SLURM looks at limits twice a minute.
            command("scontrol", "update", f"JobId={training.halt(second)}", "EndTime=now+1")
            training.resume(second)
            code, terminal = second.wait()
        assert code == 0, terminal
        answer = reference.result()
        assert answer.returncode == 0, answer.stdout
    return Story(local, cluster, training.resumed, cancelled, remains, records(cluster), terminal)


@pytest.mark.parametrize("file", [TARGET, *(str(SEED / round / name) for round in ROUNDS for name in MADE)])
def test_table_models_and_losses_are_those_of_an_undisturbed_run_on_one_machine(story: Story, file: str) -> None:
    assert (story.cluster.folder / file).read_bytes() == (story.local.folder / file).read_bytes()


def test_the_table_has_a_row_a_round(story: Story) -> None:
    rows = list(csv.DictReader((story.cluster.folder / TARGET).read_text(encoding="utf-8").splitlines()))
    assert [row["round"] for row in rows] == ["q0", "q0", "q0", "q1"]
    assert all(0 < float(row["miou"]) < 100 for row in rows)


def test_the_training_went_on_after_a_requeue_a_cancellation_and_a_time_limit(story: Story) -> None:
    assert len(story.resumed) == 3
    assert story.resumed == sorted(set(story.resumed))
    trainings = [one for one in story.records if one["Comment"] == TRAINING]
    assert [one["JobState"] for one in trainings] == ["CANCELLED", "TIMEOUT", "COMPLETED"]
    assert [int(one["Restarts"]) for one in trainings] == [1, 0, 0]


def test_nothing_that_was_finished_before_the_study_was_cancelled_ran_again(story: Story) -> None:
    comments = [one["Comment"] for one in story.records if one["Comment"] != TRAINING]
    assert len(comments) == len(set(comments)) == 17


def test_a_cancelled_study_leaves_no_job_and_no_process(story: Story) -> None:
    assert "ended by you: jobs stop, and trainings save where they are" in story.cancelled
    assert story.left == []


def test_the_rules_that_need_a_gpu_get_one_and_no_other_does(story: Story) -> None:
    asked = {
        (re.match("rule_(.*)_wildcards", one["Comment"])[1], one.get("TresPerJob", one.get("TresPerNode")))
        for one in story.records
    }
    assert asked == {
        *((rule, None) for rule in ("render", "prepare", "fit_gmm", "refine_labels", "collect")),
        *((rule, "gres:gpu:1") for rule in ("adapt", "pseudo_label", "selftrain", "evaluate")),
    }


def test_a_job_asks_for_the_memory_time_and_threads_of_its_rule(story: Story) -> None:
    (one,) = (one for one in story.records if one["Comment"].startswith("rule_selftrain_"))
    assert (one["MinMemoryNode"], one["TimeLimit"], one["CPUs/Task"]) == ("16000M", "2-00:00:00", "1")


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("render_wildcards_demo_synthia", "prepare_wildcards_demo_source"),
        ("render_wildcards_demo_cityscapes", "prepare_wildcards_demo_target"),
        ("prepare_wildcards_demo_source", "fit_gmm"),
        ("prepare_wildcards_demo_source", "adapt"),
        ("adapt_wildcards_demo_warm_up", TRAINING),
        ("prepare_wildcards_demo_target-train", TRAINING),
        ("fit_gmm", TRAINING),
        (TRAINING, "pseudo_label"),
        (TRAINING, "evaluate_wildcards_demo_depth_distribution"),
        ("pseudo_label", "refine_labels"),
        ("refine_labels", "selftrain"),
        ("selftrain", "evaluate_wildcards_demo_depth_distribution_1_q1"),
        ("evaluate", "collect"),
    ],
)
def test_no_job_starts_before_those_whose_files_it_reads_have_ended(story: Story, earlier: str, later: str) -> None:
    ends = [one["EndTime"] for one in story.records if earlier in one["Comment"]]
    starts = [one["StartTime"] for one in story.records if later in one["Comment"]]
    assert max(ends) <= min(starts)


def test_a_failed_job_shows_its_log_and_what_needs_it_is_not_submitted(tmp_path: Path) -> None:
    own = {"data_root": "own", "domains": {"demo_source": {"root": "synthia"}}}
    sandbox = Sandbox(tmp_path / "run", merged(TINY, own))
    appearance = Appearance(palette=0.0, haze=0.0, light=0.0, noise=0.0, camera=0.0, statistics=0.0, bonnet=False)
    render.write_synthia(sandbox.folder / "own/synthia", appearance, images=4, seed=1, width=64, height=32, workers=1)
    image = min((sandbox.folder / "own/synthia/RGB").glob("*.png"))
    image.write_bytes(image.read_bytes()[:100])
    with Submission(sandbox, "results/demo/prior/mixtures.npz", "--retries", "0") as submission:
        code, terminal = submission.wait()
    assert code != 0
    assert re.search(rf"^failed: prepare \S+: \S+/RGB/{image.name}: expected a whole image file", terminal, re.M)
    assert [one["JobState"] for one in records(sandbox)] == ["FAILED"]
