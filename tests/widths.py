"""How wide numbers are: equivalences are shown in float64, where rounding cannot be taken for an error."""

import contextlib
from collections.abc import Iterable, Iterator
from unittest.mock import patch

import torch
from torch import Tensor, nn


@contextlib.contextmanager
def float64() -> Iterator[None]:
    """Within it, tensors are float64 where they were float32, and `float()`, which widens halves, widens to float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with patch.object(Tensor, "float", Tensor.double):
            yield
    finally:
        torch.set_default_dtype(before)


def off_by_a_rounding(values: Tensor, dtype: torch.dtype, random: torch.Generator) -> Tensor:
    """Numbers that are off by one rounding to ``dtype``, up or down."""
    return values * (1 + torch.finfo(dtype).eps / 2 * torch.randn(values.shape, generator=random).sign())


def perturb(networks: Iterable[nn.Module], dtype: torch.dtype, seed: int) -> None:
    """From here on every weight and every layer's answers are off by one rounding: what moves, moves by rounding."""
    random = torch.Generator().manual_seed(seed)
    for network in networks:
        with torch.no_grad():
            for weight in network.parameters():
                weight.copy_(off_by_a_rounding(weight, dtype, random))
        for layer in network.modules():
            if not list(layer.children()):
                layer.register_forward_hook(lambda _, given, answer: off_by_a_rounding(answer, dtype, random))
