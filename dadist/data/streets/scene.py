"""What a street scene is made of: flat polygons in space, the camera, the air; and the order they are painted in.

Coordinates: x to the right of the camera, y above the road, z ahead of the camera; metres. Colours: RGB in 0..1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

Point = tuple[float, float, float]
Colour = tuple[float, float, float]

GROUND_M = 9e5  # objects with a greater distance are the ground
STREET_M = 1000.0  # objects with a greater distance are layers behind the street, painted in that order

# Kinds of texture: how the second colour of a surface is mixed in.
PLAIN, GRADIENT, PAVING, FACADE, BARS, BLOCKS, LEAVES, TERRACE = range(8)


class Surface(NamedTuple):
    """One flat polygon."""

    points: Sequence[Point]
    label: int
    instance: int
    colour: Colour
    accent: Colour  # the second colour of the texture
    kind: int
    grain: tuple[float, float]  # texels of noise a metre, contrast
    shape: tuple[float, float, float]  # what the kind needs, in metres
    cull: bool  # leave it out where it faces away from the camera (corners clockwise as seen from outside)
    ground: bool  # shadows fall on it
    clear: bool  # seen through: it has a label and a depth, what is behind it has the colour


@dataclass(frozen=True)
class Camera:
    """A pinhole that is not tilted; the horizon moves by the row of its principal point."""

    focal: float  # all four as shares of the image's width (focal, column) and height (row), or metres
    column: float
    row: float
    height_m: float
    ahead: tuple[float, float] = (0.0, 1.0)  # unit direction in (x, z) that it looks in


@dataclass(frozen=True)
class Air:
    """Light, weather and lens of one image."""

    sun: Point  # direction to the sun, unit length
    ambient: float
    shadow: float  # what a shadow takes away
    sky: tuple[Colour, Colour]  # zenith, horizon
    clouds: float
    haze: float  # share at 100 m
    exposure: tuple[float, float, float]  # a channel each: gain and colour temperature
    blur: float
    vignette: float
    noise: float
    seed: int
    roughness: float = 0.0  # texture beyond that of the simple streets, a gain
    contrast: float = 0.0  # share of an S-shaped curve of tones
    dome: float = 0.0  # share of the light that comes from above, which upright faces see half of


@dataclass
class Scene:
    """Surfaces in the order of painting: far first; within one object as they were added."""

    surfaces: list[tuple[float, Surface]] = field(default_factory=list)
    shadows: list[Sequence[Point]] = field(default_factory=list)
    sun: Point = (0.0, 1.0, 0.0)

    def add(
        self,
        far_m: float,
        points: Sequence[Point],
        label: int,
        colour: Colour,
        *,
        accent: Colour | None = None,
        instance: int = 0,
        kind: int = PLAIN,
        grain: tuple[float, float] = (8.0, 0.06),
        shape: tuple[float, float, float] = (1.0, 1.0, 0.0),
        cull: bool = False,
        clear: bool = False,
    ) -> None:
        """Adds a polygon that is painted among others by ``far_m``, its object's distance."""
        surface = Surface(
            points, label, instance, colour, accent or colour, kind, grain, shape, cull, far_m >= GROUND_M, clear
        )
        self.surfaces.append((far_m, surface))

    def cast(self, points: Sequence[Point]) -> None:
        """Adds the shadow that a polygon casts on the road."""
        x, y, z = self.sun
        self.shadows.append([(px - py * x / y, 0.0, pz - py * z / y) for px, py, pz in points])

    def add_all(self, other: "Scene", far_m: float) -> None:
        """Adds another scene's surfaces at one place in the order."""
        self.surfaces += [(far_m, surface) for _, surface in other.surfaces]


def ordered(surfaces: Sequence[tuple[float, Surface]]) -> list[Surface]:
    """Surfaces far to near by object: an object goes before whatever may hide it.

    Of two objects that share columns of the image the farther goes first. Side by side, when one is longer than the gap
    between them, it is the one on the far side of a plane x = const from the camera. Only what is low counts there:
    crowns and arms reach over others.
    """
    objects: dict[float, list[Surface]] = {}
    for far_m, surface in surfaces:
        objects.setdefault(far_m, []).append(surface)
    keys = sorted(objects, reverse=True)
    boxes = np.array([_footprint(objects[key]) for key in keys if key < STREET_M], np.float64).reshape(-1, 6)
    left, right, near, far, first_column, last_column = (column[:, None] for column in boxes.T)
    behind = near >= far.T  # [i, j]: i is behind j
    level = ~behind & ~behind.T
    apart = (left >= right.T) & (right.T + left >= 0) | (right <= left.T) & (right + left.T <= 0)
    aside = (left >= right.T) | (right <= left.T)
    behind |= level & np.where(aside, apart, near + far > near.T + far.T)
    behind &= (first_column <= last_column.T) & (last_column >= first_column.T)
    order = [key for key in keys if key >= STREET_M]
    first, done = len(order), set[int]()

    def visit(number: int) -> None:
        if number not in done:
            done.add(number)
            for other in np.flatnonzero(behind[:, number]):
                visit(int(other))
            order.append(keys[first + number])

    for number in range(len(boxes)):
        visit(number)
    return [surface for key in order for surface in objects[key]]


def _footprint(surfaces: Sequence[Surface]) -> tuple[float, float, float, float, float, float]:
    """Least and greatest x and z of an object's lower part, and the columns of the image that all of it covers."""
    points = [point for surface in surfaces for point in surface.points]
    low = [point for point in points if point[1] < 1.5] or points
    x, z = [point[0] for point in low], [point[2] for point in low]
    columns = [point[0] / max(point[2], 0.1) for point in points]
    return min(x), max(x), min(z), max(z), min(columns), max(columns)
