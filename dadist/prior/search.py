"""The search for the numbers of an alignment: first a grid, then Nelder and Mead's simplex over all of them."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dadist.prior.camera import SAME, View
from dadist.prior.likelihood import UNIT, Likelihood

STEPS = 13  # of the first search for a scale
NEAR_M, FAR_M = 1.0, 30.0  # what the nearest thing of an image may be away: bounds of that search
LEAST = 0.02  # of the two noises, in units of z = 10 / m: below, a cell or two decide
START = 0.1  # noise that the search begins with
FOCALS = np.geomspace(0.5, 2.0, 9)  # of the first search for a camera, times the source's focal length
HORIZONS = np.linspace(0.2, 0.7, 11)  # of the same, in heights of the photograph

Point = NDArray[np.float64]
Lens = Callable[[float, float], View]  # what a camera sees, by its focal length, times the source's, and its horizon


class Numbers(NamedTuple):
    """What is sought, or stays as it is."""

    focal: float = 1.0  # times the source's
    horizon: float = 0.5
    scale: float = 1.0
    offset: float = 0.0  # in units of z
    noise: tuple[float, float] = (0.0, 0.0)  # the first in units of z


class Search:
    """A point has log focal length and horizon, log scale and offset, the logarithms of the noise; as far as sought.

    Args:
        score: Of the cells of the target.
        view: Where the target stands in the source's frame.
        lens: In place of the view: what cameras there may be.
    """

    def __init__(self, score: Likelihood, view: View = SAME, lens: Lens | None = None) -> None:
        self.score, self.kind, self.given, self.lens = score, score.kind, view, lens
        self.unit = score.mixtures.numerator / UNIT
        self.far = UNIT / 65536.0  # z = 10 / m of what is farther than 16 bits of centimetres reach: the sky
        self.scales = np.geomspace(10 / FAR_M, 10 / NEAR_M, STEPS) * self.unit
        self.score.through(view)

    def start(self) -> Point:
        """The best of a grid: the scale, then the camera."""
        best = self._point(1.0, 0.5, 1.0)
        if self.kind == "relative":
            best = self._best(self.changed(best, scale=scale) for scale in self.scales)
        if self.lens:
            best = self._best(self.changed(best, focal=one, horizon=other) for one in FOCALS for other in HORIZONS)
        return best

    def best(self, start: Point) -> Point:
        """Where the likelihood is greatest around a point."""
        from scipy.optimize import minimize  # late: half a second of every stage that labels or evaluates

        if not len(start):
            return start
        # scipy's own steps are a twentieth of each coordinate, nothing for one of 0.
        steps = [*([0.1, 0.05] if self.lens else []), 0.2, 0.2, 0.2, 0.2][: len(start)]
        simplex = start + np.concatenate((np.zeros((1, len(start))), np.diag(steps)))
        options = {"xatol": 1e-3, "fatol": 1e-5, "maxiter": 800, "initial_simplex": simplex}
        found: Point = minimize(self.cost, start, method="Nelder-Mead", options=options).x
        return found

    def cost(self, point: Point) -> float:
        """Negative likelihood, nats per cell."""
        numbers = self.read(point)
        if self.lens:
            self.score.through(self.view(numbers))
        return -self.score(numbers.scale, numbers.offset, numbers.noise)

    def read(self, point: Point) -> Numbers:
        """What a point says."""
        left, numbers = list(map(float, point)), Numbers()
        if self.lens:
            numbers = numbers._replace(focal=math.exp(left.pop(0)), horizon=left.pop(0))
        if self.kind == "relative":
            numbers = numbers._replace(scale=math.exp(left.pop(0)), offset=left.pop(0) * self.unit)
        if self.kind != "none":
            s0, s1 = (math.exp(max(one, math.log(LEAST))) for one in left)
            numbers = numbers._replace(noise=(s0 * self.unit, s1))
        return numbers

    def view(self, numbers: Numbers) -> View:
        """Where the target stands in the source's frame."""
        return self.lens(numbers.focal, numbers.horizon) if self.lens else self.given

    def changed(self, point: Point, **values: float) -> Point:
        """A point with other values of focal, horizon or scale."""
        new, names = point.copy(), [*(["focal", "horizon"] if self.lens else []), "scale"]
        for name, value in values.items():
            new[names.index(name)] = value if name == "horizon" else math.log(value)
        return new

    def lenses(self, best: Point) -> dict[str, list[list[float]]]:
        """Pairs of a focal length or a horizon and its nats per cell, with the other numbers as found."""
        return {
            name: [[float(one), -self.cost(self.changed(best, **{name: float(one)}))] for one in values]
            for name, values in (("focal", FOCALS), ("horizon", HORIZONS))
        }

    def _point(self, focal: float, horizon: float, scale: float) -> Point:
        depth = [math.log(scale), self.far] if self.kind == "relative" else []
        noise = [math.log(START)] * 2 if self.kind != "none" else []
        return np.array([*([math.log(focal), horizon] if self.lens else []), *depth, *noise])

    def _best(self, points: Iterator[Point]) -> Point:
        return min(points, key=self.cost)
