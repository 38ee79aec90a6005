"""From images to classes: the one way that pseudo-labels, metrics and pictures all take."""

import platform
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dadist.model import enlarge
from dadist.model.segmenter import Outputs, Segmenter
from dadist.runtime import gpus


def device() -> str:
    """``"cuda"`` where there is one, else ``"cpu"``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def device_name() -> str:
    """What it is called, for a protocol."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU ({platform.machine()})"


def seeded(seed: int, *, deterministic: bool) -> None:
    """Begin a training: its random numbers, and whether a GPU gives the same bits at every run; before its first use.

    A CPU does so anyway. Where torch has no such way for an operation, it warns.
    """
    if deterministic:
        gpus.settle_products()
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    torch.backends.cudnn.deterministic = deterministic
    torch.backends.cudnn.benchmark = False
    torch.manual_seed(seed)


@torch.no_grad()
def outputs(segmenter: Segmenter, images: NDArray[np.uint8]) -> Outputs:
    """What the network says of images ``(B, H, W, 3)``, on its grid; the segmenter is in eval mode, on any device."""
    found: Outputs = segmenter(tensor(images).to(next(segmenter.parameters()).device))
    return found


def most_probable(logits: Tensor, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Train ids ``(H, W)`` at ``size`` of one image's logits ``(C, h, w)``; of equal ones the first."""
    found: NDArray[np.uint8] = enlarge.labels(logits, enlarge.places(logits, size)).cpu().numpy()
    return found


def predict(segmenter: Segmenter, images: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Most probable class of each pixel, and its probability.

    Args:
        segmenter: In eval mode, on any device.
        images: RGB, ``(B, H, W, 3)``.

    Returns:
        Train ids ``(B, H, W)`` and softmax probabilities ``(B, H, W)`` in [0, 1].
    """
    return surest(outputs(segmenter, images).logits, images.shape[1:3])


def surest(logits: Tensor, size: tuple[int, int]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Train ids and softmax probabilities ``(B, H, W)`` at ``size`` of logits ``(B, C, h, w)``."""
    at = enlarge.places(logits[0], size)
    sure = torch.stack([enlarge.confidences(one, at) for one in logits])
    return np.stack([most_probable(one, size) for one in logits]), sure.float().cpu().numpy()


def probabilities_of(logits: Tensor, labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Softmax probabilities ``(B, H, W)`` of ``labels`` of that shape, from logits ``(B, C, h, w)``."""
    at, given = enlarge.places(logits[0], labels.shape[1:]), torch.from_numpy(labels).to(logits.device)
    found = [enlarge.probabilities_of(one, classes, at) for one, classes in zip(logits, given, strict=True)]
    return torch.stack(found).float().cpu().numpy()


def tensor(images: NDArray[np.uint8]) -> Tensor:
    """``(B, H, W, 3)`` uint8 as ``(B, 3, H, W)`` float32 in 0..255."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).float()


def batches(items: int, batch: int) -> Iterator[slice]:
    """Consecutive slices that cover ``items``."""
    for begin in range(0, items, batch):
        yield slice(begin, min(begin + batch, items))
