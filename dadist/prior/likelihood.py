"""How likely what is seen of a domain is under the mixtures: what cameras and depth files are brought to them by.

    L = mean over cells of log((1 - e) sum_c s_c p_c(x, y) p_c(z | x, y) |dz / dr| / sum_c q_c p_c(x, y) + e)

s is what the network says of a cell, q the share of each class in the source. That is Bayes for the class and the depth
of a cell whose place is no accident: a camera looks at all of its image. r is the depth as it is measured: relative
inverse depth from 0 to 1, or z as a share of that of the nearest thing in view; the Jacobian is the change of variables
to it, without which the smallest scale would win. With a probability e a cell is of nothing that the mixtures know and
at any depth, such as the own car's bonnet: without it a few such cells decide alone.

Source: this project.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dadist.prior.camera import SAME, View
from dadist.prior.mixtures import Mixtures
from dadist.prior.place import at

UNIT = 1000.0  # numerator of z = 10 / m
FOREIGN = 0.01  # e
NEAREST = 3.0  # z of the nearest thing in view, in units of z = 10 / m


@dataclass(frozen=True)
class Seen:
    """Cells of a domain, and what a segmenter makes of them."""

    cell: Tensor  # (n,) int64, on the mixtures' grid
    log_probability: Tensor  # (n, C) nats
    r: Tensor  # (n,) z, or relative inverse depth from 0 to 1; nan: none

    @property
    def unsure(self) -> float:
        """1 - the mean probability of the likeliest class."""
        return 1 - float(self.log_probability.exp().amax(1).mean())

    def some(self, count: int) -> "Seen":
        """Some of the cells, evenly spread."""
        chosen = torch.from_numpy(np.unique(np.linspace(0, len(self.r) - 1, min(count, len(self.r))).astype(np.int64)))
        return Seen(self.cell[chosen], self.log_probability[chosen], self.r[chosen])


class Likelihood:
    """L in nats per cell; what does not depend on the numbers sought is gathered once per view.

    Args:
        mixtures: Of the source.
        seen: Cells of the target.
        kind: Of its depth: "metric", "relative" or "none".
        frequency: ``(C,)``, how much there is of each class in the source, in any unit.
    """

    def __init__(self, mixtures: Mixtures, seen: Seen, kind: str, frequency: NDArray[Any]) -> None:
        self.mixtures, self.kind, self.seen = mixtures, kind, seen
        self.fitted = torch.from_numpy((mixtures.weights.sum(1) > 0) & (frequency > 0))
        often = torch.from_numpy(frequency.astype(np.float64))[self.fitted]
        self.frequency = (often / often.sum()).log()[:, None]
        (across, down), cell = mixtures.grid, seen.cell.numpy()
        self.x, self.y = (cell % across + 0.5) / across, (cell // across + 0.5) / down
        self.said = seen.log_probability.double().T[self.fitted]  # (C, n)
        self.r = seen.r.double()
        self.with_depth = kind != "none" and "z" in mixtures.features
        range_of_r = 1.0 if kind == "relative" else NEAREST * mixtures.numerator / UNIT
        self.log_range = math.log(range_of_r) if self.with_depth else 0.0
        self.through(SAME)

    def through(self, view: View) -> None:
        """Look at the cells through another camera."""
        (across, down), (first, second) = self.mixtures.grid, view
        x = (first[0] * self.x + first[1]) * across - 0.5
        y = (second[0] * self.y + second[1]) * down - 0.5
        log, expected, deviation = (torch.from_numpy(np.asarray(one)) for one in at(self.mixtures, x, y))
        log, self.expected = log[self.fitted], expected[self.fitted]
        self.variance = (deviation[self.fitted] ** 2)[..., None]
        place = log.logsumexp(1)
        self.share = log - place[:, None]
        self.before = self.said + place - (self.frequency + place).logsumexp(0)

    def __call__(self, scale: float, offset: float, noise: tuple[float, float]) -> float:
        """With z = scale * r + offset, give or take noise[0] + noise[1] |z|, where there is depth at all."""
        known = self.before
        if self.with_depth:
            known = known + self._of_depth(scale, offset, noise) + math.log(scale) + self.log_range
        known = known.logsumexp(0) + math.log(1 - FOREIGN)
        return float(torch.logaddexp(known, torch.full_like(known, math.log(FOREIGN))).mean())

    def _of_depth(self, scale: float, offset: float, noise: tuple[float, float]) -> Tensor:
        """log p_c(z | x, y) of the fitted classes, ``(C, n)``."""
        z = scale * self.r + offset
        variance = self.variance + (noise[0] + noise[1] * self.expected.abs()) ** 2
        log = self.share - (z - self.expected) ** 2 / (2 * variance) - 0.5 * torch.log(2 * torch.pi * variance)
        return log.logsumexp(1)
