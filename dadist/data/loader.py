"""Batches by number: batch ``step`` is a pure function of the seed, so training can go on anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dadist.data.joining import Joined
from dadist.data.prepared import Prepared
from dadist.runtime import distributed


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

    mirrored ``(B,)`` bool is True where all of these are mirrored left to right. depth ``(B, H, W)`` float32, as
    `Prepared.depth` has it, is there for a split prepared with depth: a stereo camera's, or a depth network's guess;
    inverse_depth and valid, as the source's, if that is metric. trusted ``(B, H, W)`` bool is False on padding and in
    margins where a label cannot be trusted; None: it was not asked for. rows ``(B,)`` int64 says which images of the
    split they are.
    """

    images: Tensor
    labels: Tensor | None
    mirrored: Tensor
    inverse_depth: Tensor | None = None
    valid: Tensor | None = None
    trusted: Tensor | None = None
    depth: Tensor | None = None
    rows: Tensor | None = None


class Order:
    """Which items make up batch ``step``: seeded permutations, one per epoch, joined end to end."""

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

    def corners(self, step: int, room: tuple[int, int]) -> NDArray[np.int64]:
        """Upper left corner (x, y) of each image's crop, ``(batch, 2)``: from 0 to ``room``, both included."""
        return np.random.default_rng((self.seed, 3, step)).integers(0, np.array(room) + 1, (self.batch, 2))

    def _epoch(self, epoch: int) -> NDArray[np.int64]:
        return np.random.default_rng((self.seed, 0, epoch)).permutation(self.items)


class MixedOrder(Order):
    """As many images of each source as its weight says, in a seeded order; each source is gone through evenly.

    An epoch has as many images as there are, and goes on in a source's own permutations where the one before ended: of
    a small source some come often, of a large one no image comes twice before all have come.

    Args:
        counts: Images of each source; their rows stand in this order.
        weights: Of each, adding up to 1.
        batch: Images of a step.
        seed: Of all permutations.
    """

    def __init__(self, counts: Sequence[int], weights: Sequence[float], batch: int, seed: int) -> None:
        self.counts, whole = counts, sum(counts)
        self.taken = [max(1, round(whole * weight)) for weight in weights]  # of each source in an epoch
        super().__init__(sum(self.taken), batch, seed)
        self._last = (-1, np.empty(0, np.int64))  # the epoch that was asked for last, and its rows

    def _epoch(self, epoch: int) -> NDArray[np.int64]:
        if self._last[0] != epoch:
            offsets = np.cumsum([0, *self.counts])
            rows = [offset + self._of(index, epoch) for index, offset in enumerate(offsets[:-1])]
            self._last = (epoch, np.concatenate(rows)[super()._epoch(epoch)])
        return self._last[1]

    def _of(self, index: int, epoch: int) -> NDArray[np.int64]:
        """What an epoch has of one source."""
        count, taken = self.counts[index], self.taken[index]
        first, end = epoch * taken, (epoch + 1) * taken
        rounds = range(first // count, -(-end // count))
        rows = [np.random.default_rng((self.seed, 5, index, one)).permutation(count) for one in rounds]
        return np.concatenate(rows)[first - rounds[0] * count :][:taken]


def order_of(prepared: Prepared, sampling: "Sampling") -> Order:
    """Which images make up a batch: all alike, or of several sources as many as their weights say."""
    if not isinstance(prepared, Joined):
        return Order(len(prepared), sampling.batch, sampling.seed)
    return MixedOrder([len(one) for one in prepared.parts], prepared.weights, sampling.batch, sampling.seed)


@dataclass(frozen=True)
class Sampling:
    """How batches are drawn; the same for every loader of a training."""

    batch: int  # images, of all processes together
    seed: int
    mirror: bool  # whether images are mirrored left to right with probability 0.5
    device: str
    crop: tuple[int, int] | None = None  # (width, height) in pixels of what is cut out of each image; None: all of it

    def ready(self, arrays: Sequence[NDArray[Any]], order: Order, step: int) -> tuple[list[Tensor], Tensor]:
        """A step's rows ``(B, H, W, ...)`` cut and mirrored alike, on the device; and which are mirrored, ``(B,)``.

        Images and labels come as they are stored, one byte per number, and become what is computed with where the
        networks are. Of several processes each takes its share of the one batch. The arrays, which are changed in
        place, are the caller's own.
        """
        mine = distributed.share(self.batch)
        flips = order.flips(step)[mine] & self.mirror
        if self.crop is not None:
            (width, height), (rows, columns) = self.crop, arrays[0].shape[1:3]
            corners = order.corners(step, (columns - width, rows - height))[mine].tolist()
            arrays = [
                np.stack([row[y : y + height, x : x + width] for row, (x, y) in zip(array, corners, strict=True)])
                for array in arrays
            ]
        batches = [torch.from_numpy(array) for array in arrays]
        for row in np.flatnonzero(flips):
            for batch in batches:
                batch[row] = batch[row].flip(1)
        return [self.sent(batch) for batch in batches], self.sent(torch.from_numpy(flips))

    def sent(self, batch: Tensor) -> Tensor:
        """On the device; from pinned memory, so that the host does not wait and the next batch is read meanwhile."""
        if self.device == "cpu":
            return batch
        return batch.pin_memory().to(self.device, non_blocking=True)


class SourceLoader:
    """Batches of a labelled, prepared split.

    Args:
        prepared: The split.
        sampling: How to draw.
        numerator: Inverse depth is numerator / (cm + 1).
        zero_depth: "ignore" marks pixels without depth (0 in the file) as invalid; "keep" takes them as they are.
        order: Which images make up a batch; None: those of `order_of`.
    """

    def __init__(
        self, prepared: Prepared, sampling: Sampling, *, numerator: float, zero_depth: str, order: Order | None = None
    ) -> None:
        self.prepared, self.sampling, self.numerator, self.zero_depth = prepared, sampling, numerator, zero_depth
        self.order = order or order_of(prepared, sampling)
        self.measured = prepared.has_depth

    def __call__(self, step: int) -> Source:
        """The batch of ``step``."""
        rows = self.order(step)[distributed.share(self.sampling.batch)]
        stored: list[NDArray[Any]] = [self.prepared.images[rows], self.prepared.labels[rows], self._depth(rows)]
        if self.zero_depth == "keep" and self.measured:
            stored.append(self.prepared.inside(rows))
        (images, labels, depth_cm, *inside), mirrored = self.sampling.ready(stored, self.order, step)
        valid = inside[0] if inside else depth_cm > 0
        return Source(_images(images), labels.long(), _inverse(depth_cm, self.numerator), valid[:, None], mirrored)

    def _depth(self, rows: list[int]) -> NDArray[np.float32]:
        """Centimetres, ``(B, H, W)``; 0 everywhere in a split without depth."""
        if self.measured:
            return self.prepared.depth[rows].astype(np.float32)
        return np.zeros((len(rows), self.prepared.height, self.prepared.width), np.float32)


class TargetLoader:
    """Batches of a split without labels, or of its first N images with their pseudo-labels ``(N, H, W)``.

    Args:
        prepared: The split.
        sampling: How to draw.
        labels: Pseudo-labels, if any.
        numerator: Inverse depth is numerator / (cm + 1); None leaves depth out. Pixels without depth are invalid: what
            was not measured, or not guessed, is not near.
        margins: Shares of an image at the top, bottom, left and right that are not trusted; None: nobody asks.
    """

    def __init__(
        self,
        prepared: Prepared,
        sampling: Sampling,
        labels: NDArray[np.uint8] | None = None,
        *,
        numerator: float | None = None,
        margins: tuple[float, float, float, float] | None = None,
    ) -> None:
        self.prepared, self.sampling, self.pseudo, self.margins = prepared, sampling, labels, margins
        self.numerator = numerator if prepared.has_depth else None
        # Another stream than the source's, so that the two do not flip together.
        self.order = Order(len(prepared) if labels is None else len(labels), sampling.batch, sampling.seed + 1_000_003)

    def __call__(self, step: int) -> Target:
        """The batch of ``step``."""
        rows = self.order(step)[distributed.share(self.sampling.batch)]
        stored: dict[str, NDArray[Any]] = {"images": self.prepared.images[rows]}
        if self.pseudo is not None:
            stored["labels"] = self.pseudo[rows]
        if self.numerator is not None:
            stored["depth"] = self.prepared.depth[rows].astype(np.float32)
        if self.margins is not None:
            stored["trusted"] = self._inside(rows, self.margins)
        tensors, mirrored = self.sampling.ready(list(stored.values()), self.order, step)
        found = dict(zip(stored, tensors, strict=True))
        labels = found["labels"].long() if self.pseudo is not None else None
        given = self.sampling.sent(torch.tensor(rows))
        target = Target(_images(found["images"]), labels, mirrored, trusted=found.get("trusted"), rows=given)
        if self.numerator is None:
            return target
        depth = found["depth"]
        if self.prepared.depth_kind == "relative":
            return target._replace(depth=depth)
        return target._replace(depth=depth, inverse_depth=_inverse(depth, self.numerator), valid=depth[:, None] > 0)

    def _inside(self, rows: list[int], margins: tuple[float, float, float, float]) -> NDArray[np.bool_]:
        """Neither padding nor margin, ``(B, H, W)``."""
        inside = self.prepared.inside(rows).copy()
        _, height, width = inside.shape
        top, bottom = (round(one * height) for one in margins[:2])
        left, right = (round(one * width) for one in margins[2:])
        inside[:, :top], inside[:, height - bottom :] = False, False
        inside[:, :, :left], inside[:, :, width - right :] = False, False
        return inside


def _images(stored: Tensor) -> Tensor:
    """``(B, H, W, 3)`` bytes as ``(B, 3, H, W)`` float32."""
    return stored.permute(0, 3, 1, 2).contiguous().float()


def _inverse(depth_cm: Tensor, numerator: float) -> Tensor:
    """Inverse depth ``(B, 1, H, W)`` of centimetres ``(B, H, W)``, float32."""
    # A quotient of tensors: that of a number would be a product with the reciprocal, rounded twice.
    return torch.tensor(numerator, dtype=torch.float32) / (depth_cm[:, None] + 1)
