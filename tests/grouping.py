"""How the tests are shared out between processes (`pytest -n 2`)."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before torch is loaded: a thread each, since threads that wait for one another beside another process spin.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Whose tests run studies, or trainings in several processes.
WORKFLOW = ("tests/workflow/", "tests/faults/", "tests/runtime/test_launch.py", "tests/runtime/test_distributed.py")


def group(nodeid: str) -> str:
    """The tests that one process runs: those of a file, and all of the workflow's, which share a study."""
    file = nodeid.partition("::")[0]
    return "workflow" if file.startswith(WORKFLOW[0]) else file
