"""What stands in a street: vehicles, cycles, people, trees, poles with signs and lights; each at its size in metres."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from dadist import classes
from dadist.data.streets.appearance import Dice
from dadist.data.streets.scene import GRADIENT, PLAIN, Colour, Point, Scene

NAMES = classes.CLASS_SETS["16"].names
POLE, LIGHT, SIGN, VEGETATION = (NAMES.index(name) for name in ("pole", "light", "sign", "vegetation"))
PERSON, RIDER, CAR, BUS = (NAMES.index(name) for name in ("person", "rider", "car", "bus"))
MOTORCYCLE, BICYCLE = (NAMES.index(name) for name in ("motorcycle", "bicycle"))

Flat = Sequence[tuple[float, float]]  # corners in a thing's plane: along, up
CIRCLE = [(round(math.cos(k * math.pi / 8), 6), round(-math.sin(k * math.pi / 8), 6)) for k in range(16)]  # clockwise
BLACK: Colour = (0.06, 0.06, 0.07)


class Pose(NamedTuple):
    """Where a thing stands and which way it looks."""

    x: float
    y: float
    z: float
    along: tuple[float, float]  # unit direction in (x, z): (0, 1) looks away from the camera

    def at(self, along: float, up: float, across: float = 0.0) -> Point:
        """A point: metres along the thing, above its foot, and to its right."""
        dx, dz = self.along
        return self.x + along * dx + across * dz, self.y + up, self.z + along * dz - across * dx


class Brush:
    """Adds one thing's parts to a scene: one place in the order, one instance."""

    def __init__(self, scene: Scene, frame: Pose, label: int, instance: int = 0) -> None:
        self.scene, self.frame, self.label, self.instance = scene, frame, label, instance

    def flat(self, corners: Flat, colour: Colour, *, across: float = 0.0, label: int | None = None) -> None:
        """A polygon in the thing's own upright plane."""
        points = [self.frame.at(along, up, across) for along, up in corners]
        chosen = self.label if label is None else label
        self.scene.add(self.frame.z, points, chosen, colour, instance=self.instance)

    def disc(self, along: float, up: float, radius: float, colour: Colour, *, across: float = 0.0) -> None:
        """A disc in the thing's own plane."""
        self.flat([(along + radius * a, up + radius * b) for a, b in CIRCLE], colour, across=across)

    def solid(
        self, corners: Sequence[tuple[float, float, float]], colour: Colour, *, accent: Colour | None = None
    ) -> None:
        """A face of a body: (along, up, across), clockwise as seen from outside; hidden when it faces away."""
        points = [self.frame.at(*corner) for corner in corners]
        kind = PLAIN if accent is None else GRADIENT
        low, high = min(point[1] for point in points), max(point[1] for point in points)
        shape = (low, max(high, low + 0.3), 0.0)
        self.scene.add(
            self.frame.z,
            points,
            self.label,
            colour,
            accent=accent,
            instance=self.instance,
            kind=kind,
            grain=(6.0, 0.03),
            shape=shape,
            cull=True,
        )

    def extrude(self, profile: Flat, half: float, colour: Colour, accent: Colour) -> None:
        """A body of constant width from its profile, rear to front over the top."""
        quads = [
            [(a0, y0, -half), (a1, y1, -half), (a1, y1, half), (a0, y0, half)]
            for (a0, y0), (a1, y1) in itertools.pairwise(profile)
        ]
        for quad in sorted(quads, key=lambda quad: -(self.frame.at(*quad[0])[2] + self.frame.at(*quad[1])[2])):
            self.solid(quad, accent, accent=colour)
        self.sides(profile, half, colour, accent)

    def sides(self, profile: Flat, half: float, colour: Colour, accent: Colour | None = None) -> None:
        """The same polygon on both flanks."""
        self.solid([(a, y, half) for a, y in profile], accent or colour, accent=colour if accent else None)
        self.solid([(a, y, -half) for a, y in reversed(profile)], accent or colour, accent=colour if accent else None)


def car(scene: Scene, dice: Dice, frame: Pose, instance: int) -> None:
    """A car of one of four shapes: hatchback, saloon, estate or van."""
    length, height, rear, front = (
        (3.9, 1.5, 0.03, 0.74),
        (4.6, 1.42, 0.14, 0.74),
        (4.5, 1.6, 0.02, 0.76),
        (4.8, 2.0, 0.01, 0.86),
    )[int(dice.between(0, 4))]
    half, waist = 0.9, 0.88 if height < 1.9 else 1.05
    paint, glass = dice.colour("car"), dice.colour("glass")
    if dice.varied:
        glass = scaled(glass, 1 + dice.varied * dice.between(-0.6, 0.9))
    dark = scaled(paint, 0.62)
    brush = Brush(scene, frame, CAR, instance)
    _shadow(scene, frame, length, half)
    _wheels_from_behind(brush, dice, length, half)
    body = [(0, 0.22), (0, 0.75), (0.03, waist), (front, waist), (0.98, waist - 0.16), (1, 0.6), (1, 0.22)]
    brush.extrude([(a * length, y) for a, y in body], half, paint, dark)
    for end, turn in ((0.0, 1), (length, -1)):  # bumpers
        side = half * turn
        brush.solid([(end, 0.22, -side), (end, 0.4, -side), (end, 0.4, side), (end, 0.22, side)], scaled(paint, 0.45))
    top = half * 0.84
    a0, a1, a2, a3 = rear * length, (rear + 0.09) * length, (front - 0.2) * length, front * length
    brush.extrude([(a0, waist), (a1, height), (a2, height + 0.03), (a3, waist)], top, paint, dark)
    _glazing(brush, (a0, a1, a2, a3), (waist, height), top, glass)
    _lights(brush, dice, length, half, waist)
    for along in (0.18 * length, 0.8 * length):
        _wheel(brush, dice, along, 0.33, half)


def bus(scene: Scene, dice: Dice, frame: Pose, instance: int) -> None:
    """A city bus: a long box with a row of windows."""
    length, half, height = dice.between(9, 12), 1.25, 3.0
    paint, glass = dice.colour("bus"), dice.colour("glass")
    brush = Brush(scene, frame, BUS, instance)
    _shadow(scene, frame, length, half)
    _wheels_from_behind(brush, dice, length, half)
    brush.extrude([(0, 0.28), (0, height), (length, height), (length, 0.28)], half, paint, scaled(paint, 0.66))
    count = 7
    pitch = (length - 0.6) / count
    for k in range(count):
        a = 0.3 + k * pitch
        brush.sides([(a, 1.35), (a, 2.45), (a + pitch - 0.14, 2.45), (a + pitch - 0.14, 1.35)], half, glass)
    brush.sides([(0.1, 0.85), (0.1, 1.02), (length - 0.1, 1.02), (length - 0.1, 0.85)], half, scaled(paint, 1.5))
    for end, inward, low in ((0.0, 1, 1.5), (length, -1, 1.15)):
        side = half * inward
        brush.solid(
            [(end, low, -side * 0.9), (end, 2.5, -side * 0.9), (end, 2.5, side * 0.9), (end, low, side * 0.9)],
            glass,
            accent=scaled(glass, 2.0),
        )
        sign = dice.colour("lamp")
        brush.solid(
            [(end, 2.62, -side * 0.6), (end, 2.86, -side * 0.6), (end, 2.86, side * 0.6), (end, 2.62, side * 0.6)], sign
        )
    _lights(brush, dice, length, half, 1.0)
    for along in (0.2 * length, 0.78 * length):
        _wheel(brush, dice, along, 0.48, half)


def scaled(colour: Colour, gain: float) -> Colour:
    """A brighter or darker colour."""
    red, green, blue = (min(value * gain, 1.0) for value in colour)
    return red, green, blue


def bar(start: tuple[float, float], end: tuple[float, float], thick: float) -> Flat:
    """A bar between two points of a plane."""
    (x0, y0), (x1, y1) = start, end
    dx, dy = x1 - x0, y1 - y0
    share = thick / 2 / max(math.sqrt(dx * dx + dy * dy), 1e-6)
    nx, ny = -dy * share, dx * share
    return [(x0 - nx, y0 - ny), (x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny)]


def _glazing(
    brush: Brush, along: tuple[float, float, float, float], up: tuple[float, float], half: float, glass: Colour
) -> None:
    """Rear window, windscreen and side windows of a car's cabin."""
    a0, a1, a2, a3 = along
    low, high = up
    rise, inset = high - low, half * 0.9

    def between(lower: float, upper: float, share: float) -> float:
        return lower + (upper - lower) * share

    y0, y1 = low + 0.12 * rise, high - 0.1 * rise
    rear, wind = (between(a0, a1, 0.12), between(a0, a1, 0.9)), (between(a3, a2, 0.1), between(a3, a2, 0.92))
    sheen = scaled(glass, 2.3)
    brush.solid(
        [(rear[0], y0, -inset), (rear[1], y1, -inset), (rear[1], y1, inset), (rear[0], y0, inset)], glass, accent=sheen
    )
    brush.solid(
        [(wind[0], y0, inset), (wind[1], y1, inset), (wind[1], y1, -inset), (wind[0], y0, -inset)], glass, accent=sheen
    )
    middle = (a1 + a2) / 2
    y0 = low + 0.06 * rise
    brush.sides(
        [(rear[0] + 0.14, y0), (rear[1] + 0.1, y1), (middle - 0.05, y1), (middle - 0.05, y0)], half, glass, sheen
    )
    brush.sides(
        [(middle + 0.05, y0), (middle + 0.05, y1), (wind[1] - 0.1, y1), (wind[0] - 0.2, y0)], half, glass, sheen
    )


def _lights(brush: Brush, dice: Dice, length: float, half: float, waist: float) -> None:
    """Tail lights and number plate, head lamps and grille."""
    tail, lamp = dice.colour("tail"), dice.colour("lamp")
    low, high = waist - 0.28, waist - 0.1
    for side in (-1, 1):
        inner, outer = sorted((side * half * 0.62, side * half * 0.97))
        brush.solid([(0, low, inner), (0, high, inner), (0, high, outer), (0, low, outer)], tail)
        brush.solid(
            [
                (length, low - 0.1, outer),
                (length, high - 0.1, outer),
                (length, high - 0.1, inner),
                (length, low - 0.1, inner),
            ],
            lamp,
        )
    brush.solid([(0, 0.48, -0.26), (0, 0.6, -0.26), (0, 0.6, 0.26), (0, 0.48, 0.26)], lamp)
    brush.solid([(length, 0.4, 0.5), (length, 0.56, 0.5), (length, 0.56, -0.5), (length, 0.4, -0.5)], BLACK)


def _wheel(brush: Brush, dice: Dice, along: float, radius: float, half: float) -> None:
    """A wheel on both flanks."""
    tyre, hub = dice.colour("tyre"), dice.colour("hub")
    brush.sides([(along + radius * a, radius + radius * b) for a, b in CIRCLE], half, tyre)
    brush.sides([(along + radius * 0.58 * a, radius + radius * 0.58 * b) for a, b in CIRCLE[::2]], half, hub)


def _wheels_from_behind(brush: Brush, dice: Dice, length: float, half: float) -> None:
    """Tyres and the dark below the bumpers."""
    tyre = dice.colour("tyre")
    for along, turn in ((0.12 * length, 1), (0.88 * length, -1)):
        for low, right in ((-half, -half + 0.24), (half - 0.24, half), (-half, half)):
            foot = 0.0 if right - low < half else 0.16
            left, right = low * turn, right * turn
            brush.solid([(along, foot, left), (along, 0.45, left), (along, 0.45, right), (along, foot, right)], tyre)


def _shadow(scene: Scene, frame: Pose, length: float, half: float) -> None:
    """The dark below a vehicle."""
    out, h = 0.12, half + 0.1
    corners = ((-out, -h), (length + out, -h), (length + out, h), (-out, h))
    scene.shadows.append([frame.at(a, -frame.y, c) for a, c in corners])


def person(scene: Scene, dice: Dice, frame: Pose, instance: int) -> None:
    """Someone who stands or walks."""
    brush = Brush(scene, frame, PERSON, instance)
    size = dice.between(0.9, 1.08)
    stride = dice.between(0.04, 0.3)
    trousers, shirt = dice.colour("trousers"), dice.colour("shirt")
    skin, hair = dice.colour("skin"), dice.colour("hair")
    _shadow(scene, frame._replace(x=frame.x - 0.25 * frame.along[0]), 0.5, 0.12)

    def flat(corners: Flat, colour: Colour) -> None:
        brush.flat([(a * size, y * size) for a, y in corners], colour)

    for foot, shade in ((-stride, 0.8), (stride, 1.0)):
        flat(
            [(foot - 0.08, 0), (-0.14 + foot * 0.2, 0.88), (0.12 + foot * 0.2, 0.88), (foot + 0.1, 0)],
            scaled(trousers, shade),
        )
        flat([(foot - 0.08, 0), (foot - 0.08, 0.08), (foot + 0.16, 0.06), (foot + 0.16, 0)], BLACK)
    flat([(-0.29, 0.82), (-0.25, 1.4), (-0.1, 1.45), (-0.14, 0.85)], scaled(shirt, 0.75))
    flat([(-0.19, 0.8), (-0.22, 1.4), (-0.08, 1.5), (0.08, 1.5), (0.22, 1.4), (0.19, 0.8)], shirt)
    flat([(0.14, 0.85), (0.12, 1.45), (0.26, 1.4), (0.3, 0.82)], scaled(shirt, 0.85))
    brush.disc(0.0, 1.62 * size, 0.135 * size, hair)
    flat([(-0.06, 1.48), (-0.09, 1.64), (0.09, 1.64), (0.07, 1.48)], skin)
