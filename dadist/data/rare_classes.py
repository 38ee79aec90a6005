"""Which of the source's images are drawn, where a rare class is as likely as it is rare.

Source: Hoyer, Dai & Van Gool, DAFormer, CVPR 2022, arxiv.org/abs/2111.14887 (rare class sampling).
"""

import logging

import numpy as np
from numpy.typing import NDArray

from dadist.config.methods import RareClasses
from dadist.data.joining import Joined
from dadist.data.loader import Order, Sampling, order_of
from dadist.data.prepared import Prepared
from dadist.storage.errors import DataError

logger = logging.getLogger(__name__)

TRIES = 10  # crops that are tried for one with enough of the class; the last is taken


def order(prepared: Prepared, sampling: Sampling, asked: RareClasses | None) -> Order:
    """Which of the source's images make up a batch: all alike, or as rare classes ask, which the log says."""
    if asked is None:
        return order_of(prepared, sampling)
    found = RareOrder(prepared, sampling.batch, sampling.seed, sampling.crop, asked)
    logger.info("rare classes, by how often they are drawn: %s", found)
    return found


class RareOrder(Order):
    """A class c is drawn with probability softmax((1 - f_c) / T), then one of the images that have enough of it.

    f_c is the class's share of the source's labelled pixels. A class that no image has enough of is not drawn. Where
    there are several sources, pixels count and images are drawn by their weights.

    Args:
        prepared: The source.
        batch: Images of a step.
        seed: Of all that is drawn.
        crop: (width, height) of what is cut out of each image; None: all of it.
        asked: Temperature and least share.

    Raises:
        DataError: No image has enough of any class.
    """

    def __init__(
        self, prepared: Prepared, batch: int, seed: int, crop: tuple[int, int] | None, asked: RareClasses
    ) -> None:
        super().__init__(len(prepared), batch, seed)
        assert prepared.pixels_of_each is not None
        counts = prepared.pixels_of_each
        self.prepared, self.crop, self.least = prepared, crop, asked.share
        enough = (counts > 0) & (counts >= asked.share * counts.sum(1, keepdims=True))
        self.images = [np.flatnonzero(column) for column in enough.T]
        if not enough.any():
            raise DataError(
                f"{prepared.folder}: expected an image of which one class has {asked.share:g} or more, got none; lower "
                "rare_classes.share"
            )
        chances = prepared.chances if isinstance(prepared, Joined) else None
        weighed = counts if chances is None else counts * chances[:, None]
        exponent = np.where(enough.any(0), (1 - weighed.sum(0) / weighed.sum()) / asked.temperature, -np.inf)
        weight = np.exp(exponent - exponent.max())
        self.probability: NDArray[np.float64] = weight / weight.sum()  # (C,)
        # Of each class how likely its images are; None: all alike.
        self.chances = [None if chances is None else chances[rows] / chances[rows].sum() for rows in self.images]

    def __call__(self, step: int) -> list[int]:
        """Indices of the batch, ``batch`` many."""
        return [row for _, row in self._drawn(step)]

    def corners(self, step: int, room: tuple[int, int]) -> NDArray[np.int64]:
        """Upper left corner (x, y) of each image's crop: one with enough of the class, if it is soon found."""
        assert self.crop is not None
        random, (width, height) = np.random.default_rng((self.seed, 3, step)), self.crop
        corners = np.zeros((self.batch, 2), np.int64)
        for index, (name, row) in enumerate(self._drawn(step)):
            for x, y in random.integers(0, np.array(room) + 1, (TRIES, 2)):
                corners[index] = x, y
                part = self.prepared.labels[row, y : y + height, x : x + width]
                if np.count_nonzero(part == name) >= self.least * part.size:
                    break
        return corners

    def _drawn(self, step: int) -> list[tuple[int, int]]:
        """Class and image of each member of the batch."""
        random = np.random.default_rng((self.seed, 4, step))
        names = random.choice(len(self.probability), self.batch, p=self.probability)
        return [(int(name), int(random.choice(self.images[name], p=self.chances[name]))) for name in names]

    def __str__(self) -> str:
        """The classes by how often they are drawn."""
        names, likeliest = self.prepared.classes.names, np.argsort(-self.probability)
        return ", ".join(f"{names[c]} {self.probability[c]:.3f} ({len(self.images[c])} images)" for c in likeliest)
