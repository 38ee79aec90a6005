"""How the tests are shared out between processes (`pytest -n 2`)."""

WORKFLOW = ("tests/workflow/", "tests/faults/")  # whose tests run studies


def group(nodeid: str) -> str:
    """The tests that one process runs: those of a file, and all of the workflow's, which share a study."""
    file = nodeid.partition("::")[0]
    return "workflow" if file.startswith(WORKFLOW[0]) else file
