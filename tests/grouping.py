"""How the tests are shared out between processes (`pytest -n 2`)."""


def group(nodeid: str) -> str:
    """The tests that one process runs: those of a file, and all of the workflow's, which share a study."""
    file = nodeid.partition("::")[0]
    return "workflow" if file.startswith("tests/workflow/") else file
