"""What lines a street scene: houses, walls, fences, greenery, and what closes the view."""

from dataclasses import dataclass

from dadist.data.streets import greenery
from dadist.data.streets.appearance import Dice
from dadist.data.streets.houses import BUILDING, KERB_M, Plot, house
from dadist.data.streets.objects import NAMES, Pose, scaled
from dadist.data.streets.scene import BARS, BLOCKS, FACADE, Scene

WALL, FENCE = (NAMES.index(name) for name in ("wall", "fence"))
BACKDROP, LINING = 1e5, 1e4  # layers behind everything on the street: see scene.STREET_M


@dataclass(frozen=True)
class CrossSection:
    """Cross-section of the street: x of the kerbs and of the lines of the facades."""

    left: float
    right: float
    left_line: float
    right_line: float
    length: float
    drive: int  # 1: on the right of the road, -1: on the left


def close_view(scene: Scene, dice: Dice, street: CrossSection) -> None:
    """What closes the view: trees and a row of houses across the end."""
    z = street.length
    if dice.chance(0.55):
        x = street.left_line - 40
        while x < street.right_line + 40:
            width = dice.between(9, 20)
            _house_front(scene, dice, (x, x + width), z + 12, dice.between(6, 16))
            x += width
    for _ in range(int(dice.between(3, 9))):
        x = dice.between(street.left_line - 12, street.right_line + 12)
        if not street.left - 1 < x < street.right + 1 or dice.chance(0.3):
            frame = Pose(x, KERB_M, z + dice.between(0, 8), (1.0, 0.0))
            size = dice.between(2.2, 4.2)
            shade = (dice.colour("leaf"), dice.colour("leaf_dark"))
            clumps = Scene()
            greenery.clump(clumps, dice, frame, (0.0, size, size), shade)
            scene.add_all(clumps, BACKDROP)


def _house_front(scene: Scene, dice: Dice, x: tuple[float, float], z: float, height: float) -> None:
    points = [(x[0], 0.0, z), (x[0], height, z), (x[1], height, z), (x[1], 0.0, z)]
    paint, window = dice.colour("facade"), dice.colour("window")
    shape = (dice.between(2.2, 3.4), dice.between(2.9, 3.5), dice.between(0, 99))
    scene.add(BACKDROP, points, BUILDING, paint, accent=window, kind=FACADE, grain=(3.0, 0.06), shape=shape)


def line_street(scene: Scene, dice: Dice, street: CrossSection, side: int, line: float) -> None:
    """Houses along one side; in the gaps a wall, a fence or a hedge with trees behind."""
    z, tall = dice.between(-6, 4), dice.counted((5, 15), (10, 20))
    while z < street.length:
        if dice.chance(dice.counted((0.25, 0.42), (0.1, 0.2))):
            end = z + dice.between(7, 18)
            _gap(scene, dice, side, line, (z, end))
        else:
            end = z + dice.between(8, 20)
            house(scene, dice, Plot(side, line, z, end, LINING + end), tall * dice.between(0.7, 1.3))
        z = end


def _gap(scene: Scene, dice: Dice, side: int, line: float, z: tuple[float, float]) -> None:
    """A stretch without a house."""
    near, far = z
    key, kind = LINING + far, dice.between(0, 1)
    if dice.chance(0.5):
        _house_behind(scene, dice, side, line, z)
    for _ in range(int(dice.between(1, 4))):
        frame = Pose(line + side * dice.between(1.5, 7), KERB_M, max(dice.between(near, far), 3.0), (1.0, 0.0))
        size = dice.between(1.0, 2.4)
        for _ in range(2):
            up = size * dice.between(0.8, 1.6)
            shade = (dice.colour("leaf"), dice.colour("leaf_dark"))
            clumps = Scene()
            greenery.clump(clumps, dice, frame, (dice.between(-1, 1), up, size), shade)
            scene.add_all(clumps, key)
    height = dice.between(1.6, 2.9) if kind < 0.45 else dice.between(1.1, 1.9)
    quad = [(line, KERB_M, near), (line, height, near), (line, height, far), (line, KERB_M, far)]
    if kind < 0.45:
        stone, mortar = dice.colour("wall"), dice.colour("mortar")
        block = (dice.between(0.5, 0.9), dice.between(0.25, 0.4), dice.between(0, 99))
        scene.add(key, quad, WALL, stone, accent=mortar, kind=BLOCKS, grain=(6.0, 0.1), shape=block)
        scene.add(
            key, [quad[1], (line, height + 0.12, near), (line, height + 0.12, far), quad[2]], WALL, scaled(stone, 1.2)
        )
    else:
        paint, behind = dice.colour("fence"), dice.colour("gap")
        scene.add(key, quad, FENCE, paint, accent=behind, kind=BARS, shape=(dice.between(0.2, 0.5), height, 0.0))


def _house_behind(scene: Scene, dice: Dice, side: int, line: float, z: tuple[float, float]) -> None:
    x, height = line + side * 12, dice.between(5, 10)
    points = [(x, 0.0, z[0]), (x, height, z[0]), (x, height, z[1]), (x, 0.0, z[1])]
    shape = (3.0, 3.1, dice.between(0, 99))
    paint, window = dice.colour("facade"), dice.colour("window")
    scene.add(LINING + z[1], points, BUILDING, paint, accent=window, kind=FACADE, grain=(5.0, 0.07), shape=shape)
