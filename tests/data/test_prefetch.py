"""Reading ahead of who works: order, errors in their turn, no thread left."""

import contextlib
import threading
from collections.abc import Iterator

import pytest

from dadist.data.prefetch import ahead


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_all_items_come_in_their_order(count: int) -> None:
    assert list(ahead(lambda item: item * item, range(count))) == [item * item for item in range(count)]


def test_the_next_item_is_read_while_the_caller_works_on_this_one() -> None:
    begun = [threading.Event() for _ in range(3)]

    def read(item: int) -> int:
        begun[item].set()
        return item

    for item in ahead(read, range(3)):
        if item < 2:
            assert begun[item + 1].wait(10)
        assert not any(one.is_set() for one in begun[item + 2 :])


def test_an_item_that_cannot_be_read_is_told_in_its_turn() -> None:
    def read(item: int) -> int:
        if item == 2:
            raise OSError("damaged")
        return item

    found = []
    with pytest.raises(OSError, match="damaged"):
        found.extend(ahead(read, range(5)))  # extend keeps what came before the error
    assert found == [0, 1]


def test_a_caller_who_stops_leaves_nothing_running() -> None:
    read = list[int]()
    with contextlib.closing(ahead(lambda item: read.append(item), range(100))) as items:
        next(items)
    assert len(read) <= 2
