"""Networks without values, to count them or to fill them from a file."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


@contextlib.contextmanager
def blank() -> Iterator[None]:
    """What is built inside has shapes and dtypes alone (device ``meta``), and no random number is drawn for it."""
    with torch.device("meta"), _Undrawn():
        yield


class _Undrawn(TorchFunctionMode):
    """Leaves out normal draws: without values there is nothing to draw, yet torch loads its compiler for it, 2 s."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if function is nn.init.normal_:
            return kwargs["tensor"]
        if function is Tensor.normal_:
            return args[0]
        return function(*args, **kwargs)
