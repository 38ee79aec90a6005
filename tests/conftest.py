"""Here so that pytest puts this folder on the path, whichever tests are run: they import ``oracles``."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of several processes (`-n 2 --dist loadgroup`) one runs the tests of the workflow, which share a study."""
    for item in items:
        group = "workflow" if item.path.parent.name == "workflow" else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))
