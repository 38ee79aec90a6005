"""Reading ahead: the next items come from the disk while the ones before are worked on."""

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Content = TypeVar("Content")


def ahead(read: Callable[[Item], Content], items: Iterable[Item]) -> Generator[Content, None, None]:
    """What is read of each item, in their order, always one item ahead of the caller.

    Decoding and hashing let go of the interpreter lock, so one thread suffices. It ends with the iterator.

    Args:
        read: Called in the thread, for one item at a time.
        items: What to read, such as the rows of a batch.

    Raises:
        Exception: What ``read`` raised of an item, once all before it have been given.
    """
    with ThreadPoolExecutor(1, "ahead") as thread:
        waiting: Future[Content] | None = None
        for item in items:
            following = thread.submit(read, item)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()
