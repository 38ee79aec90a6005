"""How many cores a process may use, and what it says if it has more threads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dadist.runtime import cores

V2, V1 = "0::/a/b\n", "4:cpu,cpuacct:/a/b\n3:memory:/a\n"


def groups(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("own", "files", "share"),
    [
        (V2, {"a/b/cpu.max": "50000 100000"}, 0.5),
        (V2, {"a/b/cpu.max": "max 100000", "a/cpu.max": "25000 100000"}, 0.25),  # of a group around it
        (V2, {"a/b/cpu.max": "max 100000"}, None),
        (V2, {}, None),
        (V1, {"cpu,cpuacct/a/cpu.cfs_quota_us": "75000", "cpu,cpuacct/a/cpu.cfs_period_us": "100000"}, 0.75),
        (V1, {"cpu,cpuacct/a/cpu.cfs_quota_us": "-1", "cpu,cpuacct/a/cpu.cfs_period_us": "100000"}, None),
    ],
)
def test_a_quota_of_any_group_around_counts(
    tmp_path: Path, own: str, files: dict[str, str], share: float | None
) -> None:
    (tmp_path / "own").write_text(own, encoding="utf-8")
    found = cores.usable(groups(tmp_path / "fs", files), tmp_path / "own")
    assert found == (cores.affine() if share is None else share)


def test_without_cgroups_the_affinity_counts(tmp_path: Path) -> None:
    assert cores.usable(tmp_path, tmp_path / "none") == cores.affine() >= 1


SHOW = """
import json, os, sys
import dadist.stages
loaded = "torch" in sys.modules
from dadist.runtime import cores
names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS")
print(json.dumps([loaded, cores.affine(), *map(os.environ.get, names)]))
"""


def shown(*before: str, **variables: str) -> list[object]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    answer = subprocess.run(
        [*before, sys.executable, "-c", SHOW], env={**plain, **variables}, capture_output=True, text=True, check=True
    )
    found: list[object] = json.loads(answer.stdout)
    return found


def test_a_stage_bounds_the_spinning_before_torch_is_loaded_and_leaves_what_is_set() -> None:
    core = str(min(os.sched_getaffinity(0)))
    assert shown("taskset", "--cpu-list", core) == [False, 1, str(cores.SPINS), None, None]
    assert shown(GOMP_SPINCOUNT="7", OMP_NUM_THREADS="3")[2:] == ["7", None, "3"]
    assert shown(OMP_WAIT_POLICY="PASSIVE")[2:] == [None, "PASSIVE", None]


def test_a_quota_bounds_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(cores, "affine", lambda: 64)
    for quota, threads in ((2.5, "2"), (0.5, "1")):
        monkeypatch.setattr(cores, "usable", lambda quota=quota: quota)
        cores.settle()
        assert os.environ["OMP_NUM_THREADS"] == threads
        monkeypatch.delenv("OMP_NUM_THREADS")


@pytest.mark.parametrize(("threads", "others", "told"), [("4", 0.0, False), ("4", 2.0, True), ("1", 9.0, False)])
def test_more_threads_than_free_cores_are_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, threads: str, others: float, told: bool
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    monkeypatch.setattr(cores, "usable", lambda: 4.0)
    load = cores.Load()
    monkeypatch.setattr(load, "others", lambda: others)
    with caplog.at_level("INFO"):
        load.tell()
    assert caplog.messages == (
        [
            f"4 threads, but {4 - others:.1f} of 4 cores are free: others use them; fewer threads (--set-threads) or "
            "fewer jobs at once (--cores) may be faster"
        ]
        if told
        else []
    )


def test_a_busy_neighbour_is_noticed() -> None:
    if not Path("/proc/stat").exists():
        pytest.skip("no /proc/stat")
    load, work = cores.Load(), "import time\nend = time.time() + 0.6\nwhile time.time() < end: pass"
    subprocess.run([sys.executable, "-c", work], check=True)
    assert load.others() > 0.2
