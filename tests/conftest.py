"""Here so that pytest puts this folder on the path, whichever tests are run: they import ``oracles``."""

from typing import Any

import pytest


def group(nodeid: str) -> str:
    """Which tests one process runs, of several (`pytest -n 2`): those of a file, and all of the workflow's study."""
    file = nodeid.partition("::")[0]
    return "workflow" if file.startswith("tests/workflow/") else file


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class Grouped(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return Grouped(config, log)
