"""What the tests of several benchmarks share."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch

from benchmarks import busy, step, study
from benchmarks.subprocesses import MakeWorker, Worker


@pytest.fixture
def workers_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers answer from this process: a subprocess takes seconds to import torch, and there would be ten."""

    @contextlib.contextmanager
    def start(make: MakeWorker, arguments: Mapping[str, tuple[Any, ...]]) -> Iterator[dict[str, Worker]]:
        threads = torch.get_num_threads()
        try:
            yield {way: make(*given) for way, given in arguments.items()}
        finally:
            torch.set_num_threads(threads)

    for module in (busy, step, study):
        monkeypatch.setattr(module, "start_workers", start)
