"""Workers in subprocesses: they answer requests, read their own clocks, and are missed when they end."""

import os

import pytest

from benchmarks.subprocesses import Worker, start_workers, time_workers


def numbered(first: float) -> Worker:
    """A worker whose clock is a list of numbers."""
    times = iter([first, 3.0, 1.0, 8.0])
    return lambda request: next(times) if request == "time" else os.getpid()


def ending() -> Worker:
    raise SystemExit(1)


def test_each_worker_has_a_process_and_the_median_of_its_own_clock() -> None:
    with start_workers(numbered, {"one": (100.0,), "other": (200.0,)}) as workers:
        assert len({os.getpid(), *(ask("process") for ask in workers.values())}) == 3
        # The first answer is the call that does not count.
        assert time_workers(workers, repeats=3) == {"one": pytest.approx(3.0), "other": pytest.approx(3.0)}


def test_a_process_that_ends_is_reported_by_the_name_of_its_way() -> None:
    with pytest.raises(ChildProcessError, match="one: its process ended"), start_workers(ending, {"one": ()}):
        pass
