"""Files of weights, as torch or safetensors write them; no code from them is run."""

import importlib.util
import io
import pickle
import struct
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dadist.config.timm_models import REMEDY
from dadist.storage import atomic

# What torch.load raises for files of others, such as texts: it takes them for a stream of instructions.
UNREADABLE = (
    *(RuntimeError, pickle.UnpicklingError, EOFError, ValueError, LookupError, OSError),
    *(TypeError, AttributeError, AssertionError, struct.error),
)


def read(path: Path) -> Any:
    """What a file holds; of one whose name ends in .safetensors, tensors by name.

    Raises:
        FileNotFoundError: If there is no such file, or no package to read it.
        ValueError: If it is damaged or something else.
    """
    if not path.is_file():
        got = "no file; put it there, or run the stage that makes it"
        if path.is_dir():
            models = sorted(path.rglob("model.pt"))
            got = f"a folder; name a file in it{f', such as {models[-1]}' if models else ''}"
        raise FileNotFoundError(f"{path}: expected weights, got {got}")
    raw = path.read_bytes()
    if atomic.damaged(raw):
        raise ValueError(
            f"{path}: expected the weights as they were written, got others (its checksum is wrong: a damaged file); "
            "delete it and run its stage again"
        )
    if path.suffix == ".safetensors" and importlib.util.find_spec("safetensors") is None:
        raise FileNotFoundError(f"{path}: expected the package safetensors to read it, got none; {REMEDY}")
    try:
        if path.suffix == ".safetensors":
            return _safetensors(raw)
        return torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        # What torch says of it goes on to advise loading without weights_only, which would run code from the file.
        raise ValueError(
            f"{path}: expected a checkpoint of dadist or a state dict, got an unreadable file "
            f"({type(error).__name__}); name another, or run the stage again that made it"
        ) from error


def _safetensors(raw: bytes) -> dict[str, Tensor]:
    """Tensors by name."""
    import safetensors.torch

    try:
        return safetensors.torch.load(raw)
    except safetensors.SafetensorError as error:
        raise ValueError(str(error)) from error
