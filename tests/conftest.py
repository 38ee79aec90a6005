"""Here so that pytest puts this folder on the path, whichever tests are run: they import ``oracles``."""

from collections.abc import Iterator
from typing import Any

import grouping  # before torch, whose threads it settles
import pytest
import widths


@pytest.fixture
def float64() -> Iterator[None]:
    """The test in float64, for equivalences: see `widths`."""
    with widths.float64():
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that run studies for minutes are marked by where they stand, and the longest come first."""
    for item in items:
        if item.nodeid.startswith(grouping.WORKFLOW):
            item.add_marker(pytest.mark.workflow)
    items.sort(key=lambda item: grouping.place(item.nodeid))


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling

    class Grouped(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return grouping.group(nodeid)

    config.option.loadscopereorder = False  # not by the number of tests: the longest are few
    return Grouped(config, log)
