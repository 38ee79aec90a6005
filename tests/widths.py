"""How wide numbers are: equivalences are shown in float64, where rounding cannot be taken for an error."""

import contextlib
from collections.abc import Iterator
from unittest.mock import patch

import torch
from torch import Tensor


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
