"""Many images through one network: several at once, while the next is read and the one before is written."""

import contextlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import Any, TypeVar

import torch

from dadist.data.prefetch import ahead

Given = TypeVar("Given")
Found = TypeVar("Found")
Done = TypeVar("Done")

SMALL = 2**19  # pixels that a network takes of an image, 1024x512: of more, one image at once
MOST = 8  # images at once, which are as many times the memory of one
WAITING = 2  # images that may wait to be written: with more, memory would grow where a disk is slow


def overlapped(
    given: Iterable[Given],
    work: Callable[[Given], Found],
    write: Callable[[Found], Done],
    workers: int = 1,
    ending: Callable[[], object] = lambda: None,
) -> Generator[Done, None, None]:
    """What ``write`` makes of what ``work`` makes of each item, in their order.

    Reading, networks, and encoding what is written let go of the interpreter lock.

    Args:
        given: Its items are made in a thread of their own, one ahead.
        work: Called in threads of its own, for so many items at once as there are ``workers``.
        write: Called in one thread, for one item at a time.
        workers: As `side_by_side` says. Each has its part of the threads that torch may use.
        ending: Called before it waits for its threads, also after an error or Ctrl-C, so that what takes long may end.

    Raises:
        Exception: What any of the three raised, once all before it have been given.
    """
    items, end = iter(given), object()
    waiting = deque[Future[Done]]()
    read: Generator[Any, None, None] = ahead(lambda _: next(items, end), count())
    threads = torch.get_num_threads()
    with (
        _threads_of_torch(threads),
        ThreadPoolExecutor(workers, "work", torch.set_num_threads, (max(threads // workers, 1),)) as looking,
        ThreadPoolExecutor(1, "write") as writing,
        contextlib.closing(read),
        contextlib.ExitStack() as last,
    ):
        last.callback(ending)
        error: BaseException | None = None
        while error is None:
            try:
                if (item := next(read)) is end:
                    break
            except BaseException as raised:  # noqa: BLE001 - of the caller's thread: Ctrl-C, too
                error = raised
                continue
            found = looking.submit(work, item)
            waiting.append(writing.submit(_after, found, write))
            while len(waiting) >= workers + WAITING or (waiting and waiting[0].done()):
                yield waiting.popleft().result()
        yield from (one.result() for one in waiting)
        if error is not None:
            raise error


@contextlib.contextmanager
def _threads_of_torch(count: int) -> Iterator[None]:
    """After it, threads that begin have so many again. What one thread sets is for those that begin later, too."""
    try:
        yield
    finally:
        torch.set_num_threads(count)


def _after(found: Future[Found], write: Callable[[Found], Done]) -> Done:
    return write(found.result())


def side_by_side(pixels: float) -> int:
    """How many images of so many ``pixels`` go through a network at once on a processor.

    Several keep its cores busier than one on all of them, which wait for one another at each layer. Large images go one
    after the other: of several the maps of features might not fit into memory.
    """
    return min(torch.get_num_threads(), MOST) if pixels <= SMALL else 1
