"""Mixed precision: networks compute in bfloat16; their weights, what they say, and so every loss, stay in float32.

Entropy, berHu and density need float32: p log(p + 1e-30) underflows in half precision, and squares of inverse depth
leave it no digits. bfloat16 has the range of float32, so no gradient is scaled. Units for bfloat16 want the channels
of a place side by side in memory: weights lie so meanwhile, and what they are convolved with follows.
"""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

PRECISIONS = ("float32", "bfloat16")


@contextlib.contextmanager
def computing_in(precision: str, networks: Iterable[nn.Module]) -> Iterator[None]:
    """Within it, ``networks`` compute in ``precision``, one of PRECISIONS, when they are called."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision: expected one of {', '.join(PRECISIONS)}, got {precision!r}")
    given = list(networks)
    mixed = given if precision == "bfloat16" else []
    interleaved = [network for network in given if mixed or has_depthwise(network)]
    for network in mixed:
        network.forward = _mixed(network.forward)
    for network in interleaved:
        network.to(memory_format=torch.channels_last)
    try:
        yield
    finally:
        for network in mixed:
            del network.forward  # the class's own is there again
        for network in interleaved:
            network.to(memory_format=torch.contiguous_format)


def has_depthwise(network: nn.Module) -> bool:
    """Whether it has depthwise convolutions, for which a CPU needs up to twice the time where channels lie apart."""
    return any(
        isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels for module in network.modules()
    )


def _mixed(forward: Any) -> Any:
    def under_autocast(x: Tensor) -> Any:
        with torch.autocast(x.device.type, torch.bfloat16):
            found = forward(x)
        return _in_float32(found)

    return under_autocast


def _in_float32(found: Any) -> Any:
    """Every tensor of what a network says."""
    if isinstance(found, Tensor):
        return found.float()
    if isinstance(found, Mapping):
        return {name: _in_float32(one) for name, one in found.items()}
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return dataclasses.replace(found, **_in_float32(vars(found)))
    return found
