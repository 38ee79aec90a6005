import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import builders
import numpy as np
import pytest
import torch

from dadist.deploy.overlapped import WAITING, overlapped, side_by_side
from dadist.deploy.predictor import Model

PATIENCE_S = 30


def test_what_is_written_comes_in_order_and_nothing_is_lost() -> None:
    assert list(overlapped(iter(range(50)), lambda one: one + 1, str)) == [str(one + 1) for one in range(50)]
    assert list(overlapped([], lambda one: one, str)) == []


def test_the_next_is_read_and_the_one_before_written_while_one_is_looked_at() -> None:
    read, written = [threading.Event() for _ in range(3)], [threading.Event() for _ in range(3)]

    def given() -> Iterator[int]:
        for one, event in enumerate(read):
            event.set()
            yield one

    def work(one: int) -> int:
        assert one == 2 or read[one + 1].wait(PATIENCE_S)
        assert one == 0 or written[one - 1].wait(PATIENCE_S)
        return one

    assert list(overlapped(given(), work, lambda one: written[one].set())) == [None] * 3


def test_no_more_wait_than_may() -> None:
    begun, slow = list[int](), threading.Semaphore(0)
    each = overlapped(range(100), lambda one: begun.append(one) or one, lambda one: slow.acquire() and one)  # type: ignore[func-returns-value]
    slow.release()
    assert next(each) == 0
    assert len(begun) <= WAITING + 1 + 1  # those that wait or are looked at, and the one that was written
    for _ in range(100):
        slow.release()
    assert list(each) == list(range(1, 100))


@pytest.mark.parametrize("step", ["read", "work", "write"])
def test_what_a_step_raises_comes_after_all_before_it(step: str) -> None:
    def fails(name: str, one: int) -> int:
        if name == step and one == 3:
            raise ValueError(f"{name} of {one}")
        return one

    def every() -> Iterator[int]:
        for one in range(9):
            yield fails("read", one)

    found = list[int]()

    def consume() -> None:
        for one in overlapped(every(), lambda one: fails("work", one), lambda one: fails("write", one)):
            found.append(one)

    with pytest.raises(ValueError, match=f"{step} of 3"):
        consume()
    assert found == [0, 1, 2]


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_side_by_side_each_has_its_part_of_the_threads_and_afterwards_all_are_back() -> None:
    assert side_by_side(64 * 32) == 3
    assert side_by_side(2048 * 1024) == side_by_side(math.inf) == 1
    together, seen = threading.Barrier(3), list[int]()

    def work(one: int) -> int:
        together.wait(PATIENCE_S)  # all three are looked at at once
        seen.append(torch.get_num_threads())
        return one

    assert list(overlapped(range(6), work, lambda one: one, 3)) == list(range(6))
    assert seen == [1] * 6
    assert torch.get_num_threads() == 3
    with ThreadPoolExecutor(1) as other:
        assert other.submit(torch.get_num_threads).result() == 3


@pytest.mark.usefixtures("three_threads")
def test_predictions_side_by_side_are_those_one_by_one() -> None:
    model = Model(builders.checkpoint(("depth",)), "cpu")
    images = np.random.default_rng(1).integers(0, 256, (9, 30, 60, 3), np.uint8)
    found = list(model.predict_each(images, batch=3))
    assert len(found) == 9
    for image, one in zip(images, found, strict=True):
        np.testing.assert_array_equal(one.labels, model.predict(image).labels)
    assert torch.get_num_threads() == 3


def test_what_takes_long_is_told_that_the_end_has_come() -> None:
    ended = threading.Event()

    def work(one: int) -> bool:
        return one == 0 or ended.wait(PATIENCE_S)

    each = overlapped(range(2), work, lambda one: one, 2, ended.set)
    assert next(each)
    each.close()  # as Ctrl-C does; without the event it would wait for the second
    assert ended.is_set()
