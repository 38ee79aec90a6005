"""How the tests are shared out between processes (`pytest -n 2`)."""

import os

# Before torch is loaded. Threads that wait for one another beside another process spin, and with more of them the bits
# of a training depend on how many cores its stage was given.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Whose tests run studies, trainings in several processes, benchmarks or ONNX's translator.
WORKFLOW = (
    "tests/workflow/",
    "tests/faults/",
    "tests/benchmarks/",
    "tests/deploy/test_onnx.py",
    "tests/runtime/test_launch.py",
    "tests/runtime/test_distributed.py",
)
SLURM = "tests/slurm/"


# The files of tests/workflow whose tests look at the tiny demo, which is run once.
SHARING = ("add_a_method", "blind", "invalidation", "readme", "tiny")


def group(nodeid: str) -> str:
    """The tests that one process runs: those of a file, or of all files that share the tiny demo."""
    file = nodeid.partition("::")[0]
    return "tiny demo" if file in {f"{WORKFLOW[0]}test_{name}.py" for name in SHARING} else file


def place(nodeid: str) -> int:
    """What begins first: SLURM's and the shared study are the longest groups, then come others that run for long."""
    longest = nodeid.startswith(SLURM) or group(nodeid) == "tiny demo"
    return 0 if longest else 1 if nodeid.startswith(WORKFLOW) else 2
