"""Many images through one network: while it looks at one, the next is read and the one before is written."""

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import Any, TypeVar

from dadist.data.prefetch import ahead

Given = TypeVar("Given")
Found = TypeVar("Found")
Done = TypeVar("Done")

WAITING = 2  # images that may wait to be written: with more, memory would grow where a disk is slow


def overlapped(
    given: Iterable[Given], work: Callable[[Given], Found], write: Callable[[Found], Done]
) -> Generator[Done, None, None]:
    """What ``write`` makes of what ``work`` makes of each item, in their order.

    Reading, and encoding what is written, let go of the interpreter lock.

    Args:
        given: Its items are made in a thread of their own, one ahead.
        work: Called by the caller's own thread, which has the network.
        write: Called in a third thread, for one item at a time.

    Raises:
        Exception: What any of the three raised, once all before it have been given.
    """
    items, end = iter(given), object()
    waiting = deque[Future[Done]]()
    read: Generator[Any, None, None] = ahead(lambda _: next(items, end), count())
    with ThreadPoolExecutor(1, "write") as thread, contextlib.closing(read):
        error: BaseException | None = None
        while error is None:
            try:
                if (item := next(read)) is end:
                    break
                found = work(item)
            except BaseException as raised:  # noqa: BLE001 - of the caller's thread: Ctrl-C, too
                error = raised
                continue
            waiting.append(thread.submit(write, found))
            while len(waiting) > WAITING or (waiting and waiting[0].done()):
                yield waiting.popleft().result()
        yield from (one.result() for one in waiting)
        if error is not None:
            raise error
