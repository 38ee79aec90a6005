"""Mixed precision: networks compute in bfloat16; their weights, what they say, and so every loss, stay in float32.

Entropy, berHu and density need float32: p log(p + 1e-30) underflows in half precision, and squares of inverse depth
leave it no digits. bfloat16 has the range of float32, so no gradient is scaled.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

PRECISIONS = ("float32", "bfloat16")


@contextlib.contextmanager
def computing_in(precision: str, networks: Iterable[nn.Module]) -> Iterator[None]:
    """Within it, ``networks`` compute in ``precision``, one of PRECISIONS, when they are called."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision: expected one of {', '.join(PRECISIONS)}, got {precision!r}")
    changed = list(networks) if precision == "bfloat16" else []
    for network in changed:
        network.forward = _mixed(network.forward)
    try:
        yield
    finally:
        for network in changed:
            del network.forward  # the class's own is there again


def _mixed(forward: Any) -> Any:
    def under_autocast(x: Tensor) -> Any:
        with torch.autocast(x.device.type, torch.bfloat16):
            found = forward(x)
        if isinstance(found, Tensor):
            return found.float()
        return type(found)(*(one if one is None else one.float() for one in found))

    return under_autocast
