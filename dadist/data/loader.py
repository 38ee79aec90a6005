"""Batches by number: batch ``step`` is a pure function of the seed, so training can go on anywhere."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dadist import parallel
from dadist.data.prepared import Prepared
from dadist.data.transforms import flip


class Source(NamedTuple):
    """Labelled images with depth.

    images ``(B, 3, H, W)`` float32 RGB in 0..255; labels ``(B, H, W)`` int64 train ids; inverse_depth
    ``(B, 1, H, W)`` float32, numerator / (cm + 1); valid ``(B, 1, H, W)`` bool, False where the file has no depth and
    on padding; mirrored ``(B,)`` bool, True where all of these are mirrored left to right.
    """

    images: Tensor
    labels: Tensor
    inverse_depth: Tensor
    valid: Tensor
    mirrored: Tensor


class Target(NamedTuple):
    """Images without ground truth; labels ``(B, H, W)`` int64 are pseudo-labels in self-training, else None.

    mirrored ``(B,)`` bool is True where image and labels are mirrored left to right.
    """

    images: Tensor
    labels: Tensor | None
    mirrored: Tensor


class Order:
    """Which items make up batch ``step``: seeded permutations, one an epoch, joined end to end."""

    def __init__(self, items: int, batch: int, seed: int) -> None:
        if items == 0:
            raise ValueError("expected at least one image to train on, got none; look at the prepare stage's log")
        self.items, self.batch, self.seed = items, batch, seed

    def __call__(self, step: int) -> list[int]:
        """Indices of the batch, ``batch`` many."""
        positions = range(step * self.batch, (step + 1) * self.batch)
        return [int(self._epoch(position // self.items)[position % self.items]) for position in positions]

    def flips(self, step: int) -> NDArray[np.bool_]:
        """Which images of the batch are mirrored, ``(batch,)``."""
        return np.random.default_rng((self.seed, 1, step)).random(self.batch) < 0.5

    def _epoch(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng((self.seed, 0, epoch)).permutation(self.items)


@dataclass(frozen=True)
class Sampling:
    """How batches are drawn; the same for every loader of a training."""

    batch: int  # images, of all processes together
    seed: int
    mirror: bool  # whether images are mirrored left to right with probability 0.5
    device: str


class SourceLoader:
    """Batches of a labelled, prepared split.

    Args:
        prepared: The split.
        sampling: How to draw.
        numerator: Inverse depth is numerator / (cm + 1).
        zero_depth: "ignore" marks pixels without depth (0 in the file) as invalid; "keep" takes them as they are.
    """

    def __init__(self, prepared: Prepared, sampling: Sampling, *, numerator: float, zero_depth: str) -> None:
        self.prepared, self.sampling, self.numerator, self.zero_depth = prepared, sampling, numerator, zero_depth
        self.order = Order(len(prepared), sampling.batch, sampling.seed)
        self.measured = prepared.has_depth

    def __call__(self, step: int) -> Source:
        """The batch of ``step``."""
        rows, flips = _drawn(self.order, self.sampling, step)
        depth_cm = self._depth(rows)[:, None]  # (B, 1, H, W)
        arrays = (
            self.prepared.images[rows].transpose(0, 3, 1, 2).astype(np.float32),
            self.prepared.labels[rows].astype(np.int64),
            np.float32(self.numerator) / (depth_cm + 1),
            self.prepared.inside(rows)[:, None] if self.zero_depth == "keep" and self.measured else depth_cm > 0,
        )
        images, labels, inverse_depth, valid = (_ready(array, flips, self.sampling) for array in arrays)
        return Source(images, labels, inverse_depth, valid, torch.from_numpy(flips).to(self.sampling.device))

    def _depth(self, rows: list[int]) -> NDArray[np.float32]:
        """Centimetres, ``(B, H, W)``; 0 everywhere in a split without depth."""
        if self.measured:
            return self.prepared.depth[rows].astype(np.float32)
        return np.zeros((len(rows), self.prepared.height, self.prepared.width), np.float32)


class TargetLoader:
    """Batches of a split without labels, or of its first N images with their pseudo-labels ``(N, H, W)``."""

    def __init__(self, prepared: Prepared, sampling: Sampling, labels: NDArray[np.uint8] | None = None) -> None:
        self.prepared, self.sampling, self.pseudo = prepared, sampling, labels
        # Another stream than the source's, so that the two do not flip together.
        self.order = Order(len(prepared) if labels is None else len(labels), sampling.batch, sampling.seed + 1_000_003)

    def __call__(self, step: int) -> Target:
        """The batch of ``step``."""
        rows, flips = _drawn(self.order, self.sampling, step)
        images = _ready(self.prepared.images[rows].transpose(0, 3, 1, 2).astype(np.float32), flips, self.sampling)
        labels = None if self.pseudo is None else _ready(self.pseudo[rows].astype(np.int64), flips, self.sampling)
        return Target(images, labels, torch.from_numpy(flips).to(self.sampling.device))


def _drawn(order: Order, sampling: Sampling, step: int) -> tuple[list[int], NDArray[np.bool_]]:
    """Indices of the batch and which are mirrored; of several processes each takes its share of the one batch."""
    mine = parallel.share(sampling.batch)
    return order(step)[mine], order.flips(step)[mine] & sampling.mirror


def _ready(array: NDArray[Any], flips: NDArray[np.bool_], sampling: Sampling) -> Tensor:
    batch = torch.from_numpy(np.ascontiguousarray(array))
    return (flip(batch, flips) if sampling.mirror else batch).to(sampling.device)
