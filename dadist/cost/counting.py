"""Counting what operations compute and move, on the meta device, where shapes are known and nothing is computed."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental import _config as shapes
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry

Size = tuple[int, ...]


class _Tally(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what operations other than products read and write, and finds the largest of all.

    An operation whose output's size depends on values has none on the meta device: ``unique`` is taken to find two.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.traffic = self.largest = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._unique2.default and args[0].is_meta:
            two = args[0].new_empty(2)
            return two, two, two
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            moved = sum(one.numel() * one.element_size() for one in _tensors((args, out)))
            self.largest = max(self.largest, moved)
            if func._overloadpacket not in flop_registry:
                self.traffic += moved
        return out


def count(step: Callable[[], object]) -> tuple[int, int, int]:
    """FLOPs, traffic and the largest operation's bytes of whatever ``step`` computes; a meta tensor costs no time."""
    tally = _Tally()
    flops = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.convolution_backward: _convolution_backward})
    # A boolean index is taken to choose everything: the most that it can cost.
    with shapes.patch(meta_nonzero_assume_all_nonzero=True), tally, flops:  # type: ignore[attr-defined]
        step()
    return flops.get_total_flops(), tally.traffic, tally.largest


def _convolution_backward(out: Size, x: Size, weight: Size, *others: Any, **_: Any) -> int:
    """FLOPs of a convolution's way back: those of its way there, for the input and for the weights, as asked for.

    PyTorch's own formula forgets the groups in what it counts for the weights: of a depthwise convolution of 672
    channels that is 672 times too much.
    """
    _, _, _, _, transposed, _, _, wanted = others  # bias, stride, padding, dilation, ..., output padding, groups, ...
    products = x[0] * math.prod((x if transposed else out)[2:]) * math.prod(weight)
    return 2 * products * (bool(wanted[0]) + bool(wanted[1]))


def _tensors(values: Any) -> Iterator[Tensor]:
    """Every tensor in nested tuples and lists."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _tensors(value)
