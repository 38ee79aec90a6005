"""One training over several processes, each with its share of every batch; alone, every function here is the identity.

What a method or a loss has to know of it: a batch is this process's rows of the training's batch, all shares have the
same size, and the gradient that counts is the mean of the processes' gradients. So a plain mean over maps is right. A
mean over some of the pixels divides by `denominator`; a maximum over the batch is `largest`; who draws at random for
each image draws for those of the whole batch and keeps its own, by `gather` and `share`.
"""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from dadist.runtime.processes import abandoned, meeting


@contextlib.contextmanager
def joined() -> Iterator[None]:
    """Train together with the processes that `launch` started beside this one, until the block ends well.

    They find each other through a file, and what they listen on is bound to this machine's loopback.

    Raises:
        ConnectionError: when one of the others is gone.
    """
    # Numbers on a GPU go by NCCL, what the processes agree on outside of it by gloo, which needs no GPU.
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    file, rank, count = meeting()
    try:
        store = dist.FileStore(str(file), count)  # type: ignore[attr-defined]
        dist.init_process_group(backend, store=store, rank=rank, world_size=count)
        yield
    except RuntimeError as error:
        # torch has an exception of its own for NCCL alone.
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise ConnectionError(f"expected an answer of the other processes of this training, got {error}") from None
    except SystemExit:  # all stop at the same step
        _leave(file.parent)
        raise
    _leave(file.parent)


def _leave(place: Path) -> None:
    dist.destroy_process_group()
    if abandoned():
        shutil.rmtree(place, ignore_errors=True)  # as the launcher would


def processes() -> int:
    """How many train together; 1 alone."""
    return dist.get_world_size() if dist.is_initialized() else 1


def first() -> bool:
    """Whether this is the process that writes files for all."""
    return not dist.is_initialized() or dist.get_rank() == 0


def share(rows: int) -> slice:
    """Which of the ``rows`` of the training's batch are this process's."""
    mine = rows // processes()
    begin = mine * dist.get_rank() if processes() > 1 else 0
    return slice(begin, begin + mine)


def gather(rows: Tensor) -> Tensor:
    """The rows of all processes, ``(B, ...)`` to ``(B * processes, ...)``, in the order of `share`; no gradient."""
    if processes() == 1:
        return rows
    found = [torch.empty_like(rows) for _ in range(processes())]
    dist.all_gather(found, rows.detach().contiguous())
    return torch.cat(found)


def total(values: Tensor) -> Tensor:
    """Sum over the processes, element by element; no gradient."""
    if processes() == 1:
        return values
    found = values.detach().clone()
    dist.all_reduce(found)
    return found


def denominator(count: Tensor, least: float) -> Tensor:
    """What to divide a sum over this process's pixels by, so that the processes' mean is the mean over all pixels.

    Args:
        count: Pixels here that the sum is over, or the sum of their weights; a scalar.
        least: The count of all processes is taken for no less.

    Returns:
        A scalar, all processes' count / processes.
    """
    if processes() == 1:
        return count.clamp_min(least)
    return total(count).clamp_min(least) / processes()


def largest(value: Tensor) -> Tensor:
    """The greatest of the processes' values, element by element; no gradient."""
    if processes() == 1:
        return value
    found = value.detach().clone()
    dist.all_reduce(found, dist.ReduceOp.MAX)
    return found


def mean(values: Tensor) -> Tensor:
    """Mean over the processes, element by element, in an order that depends on nothing else; no gradient."""
    return gather(values[None]).sum(0) / processes() if processes() > 1 else values


def most(number: int) -> int:
    """The greatest of the processes' numbers; all wait for the last."""
    return int(largest(torch.tensor(number))) if processes() > 1 else number
