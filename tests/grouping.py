"""How the tests are shared out between processes (`pytest -n 2`)."""

# Whose tests run studies, or trainings in several processes.
WORKFLOW = ("tests/workflow/", "tests/faults/", "tests/runtime/test_launch.py", "tests/runtime/test_distributed.py")


def group(nodeid: str) -> str:
    """The tests that one process runs: those of a file, and all of the workflow's, which share a study."""
    file = nodeid.partition("::")[0]
    return "workflow" if file.startswith(WORKFLOW[0]) else file
