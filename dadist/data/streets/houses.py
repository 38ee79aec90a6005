"""Houses along a street: the plain ones of the demo, and with variety terraces, shops, pitched roofs and chimneys."""

from typing import NamedTuple

from dadist.data.streets.appearance import Dice
from dadist.data.streets.objects import NAMES, scaled
from dadist.data.streets.scene import BLOCKS, FACADE, PAVING, PLAIN, TERRACE, Colour, Point, Scene

BUILDING = NAMES.index("building")
KERB_M = 0.13


class Plot(NamedTuple):
    """Where a house stands."""

    side: int  # -1: left of the street, 1: right
    line: float  # x of its front
    near: float
    far: float
    key: float  # its place in the order of painting

    def front(self, low: float, high: float, out: float = 0.0) -> list[Point]:
        """A strip of the front between two heights, ``out`` metres before it."""
        x = self.line - self.side * out
        return [(x, low, self.near), (x, high, self.near), (x, high, self.far), (x, low, self.far)]


def house(scene: Scene, dice: Dice, plot: Plot, height: float) -> None:
    """One house, flank and front, and its shadow."""
    if dice.varies(1.0):
        _town_house(scene, dice, plot, height)
    else:
        _plain(scene, dice, plot, height)
    line, deep, near, far = plot.line, plot.line + plot.side * 11, plot.near, plot.far
    scene.cast([(line, 0, near), (line, height, near), (line, height, far), (line, 0, far)])
    scene.cast([(line, KERB_M, near), (line, height, near), (deep, height, near), (deep, KERB_M, near)])


def _plain(scene: Scene, dice: Dice, plot: Plot, height: float) -> None:
    """A facade along the street, the flank towards the camera, a cornice and a plinth."""
    deep = plot.line + plot.side * 11
    paint, window, trim = dice.colour("facade"), dice.colour("window"), dice.colour("trim")
    shape = (dice.between(2.2, 3.6), dice.between(2.9, 3.5), dice.between(0, 99))
    near, line = plot.near, plot.line
    flank = [(line, KERB_M, near), (line, height, near), (deep, height, near), (deep, KERB_M, near)]
    for points, kind in ((flank, FACADE if dice.chance(0.4) else PLAIN), (plot.front(KERB_M, height), FACADE)):
        scene.add(plot.key, points, BUILDING, paint, accent=window, kind=kind, grain=(5.0, 0.07), shape=shape)
    for low, high, colour in ((height - 0.5, height, trim), (KERB_M, 0.7, scaled(paint, 0.7))):
        scene.add(plot.key, plot.front(low, high), BUILDING, colour, grain=(5.0, 0.07))


def _town_house(scene: Scene, dice: Dice, plot: Plot, height: float) -> None:
    """A house of some storeys: bricks or plaster, a shop or windows at the street, a flat or a pitched roof."""
    if dice.chance(0.3):
        plot = plot._replace(line=plot.line + plot.side * dice.between(0.5, 4.0))
    storey = dice.between(2.6, 3.4)
    top = max(round(height * dice.between(0.5, 1.0) / storey), 1 if dice.chance(0.3) else 2) * storey
    paint, trim = dice.colour("brick" if dice.chance(0.5) else "facade"), dice.colour("trim")
    grain = (dice.between(6.0, 16.0), dice.between(0.05, 0.3))
    _roof(scene, dice, plot, top, paint)
    _flank(scene, dice, plot, top, paint, grain)
    window = scaled(dice.colour("window"), dice.between(0.3, 1.1))
    shape = (dice.between(1.5, 3.6), storey, dice.between(0, 99))
    front = plot.front(KERB_M, top)
    scene.add(plot.key, front, BUILDING, paint, accent=window, kind=TERRACE, grain=grain, shape=shape)
    if dice.chance(0.45):
        _shop(scene, dice, plot, storey)
    if dice.chance(0.6):
        scene.add(plot.key, plot.front(top - dice.between(0.15, 0.6), top), BUILDING, trim, grain=grain)
    if dice.chance(0.4):
        for floor in range(1, int(top / storey)):
            scene.add(plot.key, plot.front(floor * storey - 0.1, floor * storey + 0.1), BUILDING, trim, grain=grain)
    for _ in range(int(dice.between(0, 3))):  # downpipes, and the seams between houses of a terrace
        z = dice.between(plot.near, plot.far)
        strip = plot._replace(near=z, far=z + 0.12).front(KERB_M, top)
        scene.add(plot.key, strip, BUILDING, scaled(paint, dice.between(0.3, 1.2)))


def _roof(scene: Scene, dice: Dice, plot: Plot, top: float, paint: Colour) -> None:
    """A pitched roof with its chimneys, or none."""
    if dice.chance(0.35):
        return
    slate, rise, depth = dice.colour("roof"), dice.between(1.5, 4.0), dice.between(3.0, 5.0)
    ridge = plot.line + plot.side * depth
    slope = [
        (plot.line, top, plot.near),
        (ridge, top + rise, plot.near),
        (ridge, top + rise, plot.far),
        (plot.line, top, plot.far),
    ]
    shape = (dice.between(0.3, 0.6), dice.between(0.3, 0.6), dice.between(0, 99))
    for _ in range(int(dice.between(0, 3))):
        z, high = dice.between(plot.near, plot.far), top + rise + dice.between(0.6, 1.6)
        for across, along in ((0.5, 0.0), (0.0, 0.9)):
            stack = [
                (ridge - plot.side * 0.3, top + rise - 1.0, z),
                (ridge - plot.side * 0.3, high, z),
                (ridge - plot.side * 0.3 + plot.side * across, high, z + along),
                (ridge - plot.side * 0.3 + plot.side * across, top + rise - 1.0, z + along),
            ]
            scene.add(plot.key, stack, BUILDING, scaled(paint, 0.8), grain=(12.0, 0.2))
    gable = [
        (plot.line, top, plot.near),
        (ridge, top + rise, plot.near),
        (ridge + plot.side * depth, top, plot.near),
    ]
    scene.add(plot.key, gable, BUILDING, paint, grain=(10.0, 0.15))
    scene.add(plot.key, slope, BUILDING, slate, accent=scaled(slate, 0.7), kind=PAVING, grain=(6.0, 0.2), shape=shape)


def _flank(scene: Scene, dice: Dice, plot: Plot, top: float, paint: Colour, grain: tuple[float, float]) -> None:
    """The wall towards the camera."""
    deep = plot.line + plot.side * 11
    points = [(plot.line, KERB_M, plot.near), (plot.line, top, plot.near), (deep, top, plot.near)]
    points.append((deep, KERB_M, plot.near))
    kind = (PLAIN, BLOCKS, TERRACE)[int(dice.between(0, 3))]
    shape = (0.5, 0.25, dice.between(0, 99)) if kind == BLOCKS else (dice.between(2.0, 4.0), 3.0, dice.between(0, 99))
    accent = scaled(paint, dice.between(0.5, 1.3)) if kind == BLOCKS else dice.colour("window")
    scene.add(plot.key, points, BUILDING, paint, accent=accent, kind=kind, grain=grain, shape=shape)


def _shop(scene: Scene, dice: Dice, plot: Plot, storey: float) -> None:
    """Shop fronts: panes in frames, a board with a name above, now and then an awning."""
    z = plot.near
    while z < plot.far - 2:
        part = plot._replace(near=z, far=min(z + dice.between(4, 9), plot.far))
        frame, glass = dice.colour("shop"), scaled(dice.colour("window"), dice.between(0.25, 1.4))
        shape = (dice.between(1.2, 3.0), storey, dice.between(0, 99))
        scene.add(part.key, part.front(KERB_M, storey), BUILDING, frame, grain=(8.0, 0.1))
        pane, low = dice.between(0.9, 2.2), dice.between(0.3, 0.8)
        near = part.near + 0.2
        while near + pane < part.far:
            window = part._replace(near=near, far=near + pane - dice.between(0.06, 0.2)).front(low, storey * 0.74)
            lit = scaled(glass, dice.between(0.5, 2.2))
            scene.add(part.key, window, BUILDING, lit, grain=(3.0, 0.5), shape=shape)
            near += pane
        board = part._replace(near=z + 0.1, far=part.far - 0.1).front(storey * 0.78, storey * 0.95, 0.05)
        scene.add(part.key, board, BUILDING, dice.colour("shop"), grain=(4.0, dice.between(0.05, 0.6)))
        if dice.chance(0.2):
            x, out, cloth = plot.line, plot.line - plot.side * dice.between(0.8, 1.5), dice.colour("shop")
            points = [(x, 2.9, part.near), (out, 2.4, part.near), (out, 2.4, part.far), (x, 2.9, part.far)]
            scene.add(part.key, points, BUILDING, cloth, grain=(4.0, 0.1))
        z = part.far
