import threading
from collections.abc import Iterator

import pytest

from dadist.deploy.overlapped import WAITING, overlapped

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
    assert len(begun) <= WAITING + 1 + 1  # those that wait, the one that is written, and the one that was
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
