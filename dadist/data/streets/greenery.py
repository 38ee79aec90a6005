"""Trees in leaf, bare trees, conifers, hedges."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from dadist.data.streets.appearance import Dice
from dadist.data.streets.objects import CIRCLE, VEGETATION, Brush, Pose, bar, scaled
from dadist.data.streets.scene import LEAVES, Colour, Scene

BRANCHES = 5  # generations of branches after the trunk of a bare tree
LEANS = ((-0.9, -0.35, 0.3, 0.8), (-0.75, 0.05, 0.7), (-0.75, 0.7))  # of the first, those between, the last
LEAST = 0.012  # metres, of a branch's thickness
NEAR_M = 30.0  # a tree farther away has fewer


class Branch(NamedTuple):
    """A branch's end, its direction and its thickness, in the tree's plane."""

    x: float
    y: float
    dx: float
    dy: float
    thick: float


def tree(scene: Scene, dice: Dice, frame: Pose, size: float) -> None:
    """A tree in leaf, or with variety one of several kinds.

    Args:
        scene: To add it to.
        dice: Of the image.
        frame: Where it stands.
        size: A third of its height in metres.
    """
    if not dice.varies(0.75):
        _in_leaf(scene, dice, frame, size)
        return
    kind, tall = dice.between(0, 1), size * dice.between(0.8, 2.0)
    if kind < 0.6:
        bare(scene, dice, frame, tall)
    elif kind < 0.8:
        _conifer(scene, dice, frame, tall)
    else:
        _in_leaf(scene, dice, frame, tall)


def _in_leaf(scene: Scene, dice: Dice, frame: Pose, size: float) -> None:
    """A trunk and a crown of ragged clumps; trunks are vegetation, as data sets label them."""
    brush = Brush(scene, frame, VEGETATION)
    trunk, foot = 0.09 + 0.03 * size, 0.9 * size
    brush.flat([(-trunk, 0), (-trunk * 0.7, foot + 1), (trunk * 0.7, foot + 1), (trunk, 0)], dice.colour("trunk"))
    leaf, dark = dice.colour("leaf"), dice.colour("leaf_dark")
    for along, up, radius in ((0.0, 2.05, 0.8), (-0.6, 1.5, 0.62), (0.62, 1.55, 0.6), (0.0, 1.35, 0.7)):
        at = dice.between(-0.1, 0.1)
        clump(scene, dice, frame, ((along + at) * size, up * size, radius * size), (leaf, dark))
    scene.cast([frame.at(1.1 * size * a, 1.5 * size + b * size * 0.7, 1.1 * size * b) for a, b in CIRCLE])


def clump(
    scene: Scene, dice: Dice, frame: Pose, disc: tuple[float, float, float], colours: tuple[Colour, Colour]
) -> None:
    """A ragged disc of leaves (along, up, radius) that never reaches below the ground."""
    points = [frame.at(x, y) for x, y in _ragged(dice, disc)]
    shape = (frame.y + disc[1], disc[2], dice.between(0, 99))
    scene.add(frame.z, points, VEGETATION, colours[1], accent=colours[0], kind=LEAVES, grain=(9.0, 0.22), shape=shape)


def _ragged(dice: Dice, disc: tuple[float, float, float]) -> list[tuple[float, float]]:
    """The outline of a ragged disc (along, up, radius)."""
    along, up, radius = disc
    outline: list[tuple[float, float]] = []
    for (a, b), (c, d) in zip(CIRCLE, [*CIRCLE[1:], CIRCLE[0]], strict=True):
        for x, y, low, high in ((a, b, 0.88, 1.03), ((a + c) / 2, (b + d) / 2, 0.98, 1.15)):
            reach = radius * dice.between(low, high)
            outline.append((along + reach * x, max(up + reach * y, 0.0)))
    return outline


def bare(scene: Scene, dice: Dice, frame: Pose, size: float) -> None:
    """A tree in winter, labelled to its outline as data sets do; between its branches is seen what stands behind."""
    bark = scaled(dice.colour("trunk"), dice.between(0.4, 1.0))
    slim, foot, thick = dice.between(0.5, 1.0), size * dice.between(0.6, 1.1), 0.07 + 0.04 * size
    up = foot + size * 1.1
    crown = [frame.at(x, up + (y - up) * 1.15 / slim) for x, y in _ragged(dice, (0.0, up, size * slim))]
    scene.add(frame.z, [(x, max(y, 0.3), z) for x, y, z in crown], VEGETATION, bark, clear=True)
    brush = Brush(scene, frame, VEGETATION)
    brush.flat([(-thick, 0), (-thick * 0.6, foot), (thick * 0.6, foot), (thick, 0)], bark)
    tips, length = [Branch(0.0, foot, 0.0, 1.0, thick * 1.2)], size * 0.5
    for generation in range(BRANCHES if frame.z < NEAR_M else BRANCHES - 2):
        leans = LEANS[min(generation, 1) + (generation == BRANCHES - 1)]
        tips = [grown for tip in tips for grown in _grow(brush, dice, tip, (leans, slim, length), bark)]
        length *= 0.66
    scene.cast([frame.at(thick * a, size * 2.2 * b) for a, b in ((-1, 0), (-1, 1), (1, 1), (1, 0))])


def _grow(
    brush: Brush, dice: Dice, tip: Branch, way: tuple[tuple[float, ...], float, float], bark: Colour
) -> Iterator[Branch]:
    """The branches that begin where another ends; ``way``: how they lean, how slim the tree is, their length."""
    leans, slim, length = way
    for lean in leans:
        dx = tip.dx * 0.7 + (lean + dice.between(-0.25, 0.25)) * slim
        dy = tip.dy * 0.7 + dice.between(0.1, 0.6)
        reach = length * dice.between(0.7, 1.2) / max(math.sqrt(dx * dx + dy * dy), 0.3)
        end = (tip.x + dx * reach, tip.y + dy * reach)
        brush.flat(bar((tip.x, tip.y), end, max(tip.thick, LEAST)), scaled(bark, dice.between(0.8, 1.2)))
        yield Branch(*end, dx, dy, tip.thick * 0.45)


def _conifer(scene: Scene, dice: Dice, frame: Pose, size: float) -> None:
    """A dark cone or column from near the ground."""
    dark, light = scaled(dice.colour("leaf_dark"), 0.8), dice.colour("leaf")
    height, half = size * dice.between(2.2, 3.4), size * dice.between(0.35, 0.9)
    steps, slope = 9, dice.between(0.5, 1.0)
    edge = [(half * (1 - slope * k / steps) * dice.between(0.8, 1.15), 0.3 + height * k / steps) for k in range(steps)]
    outline = [(-x, y) for x, y in edge] + [(0.0, 0.3 + height)] + [(x, y) for x, y in reversed(edge)]
    shape = (frame.y + height / 2, height, dice.between(0, 99))
    points = [frame.at(x, y) for x, y in outline]
    scene.add(frame.z, points, VEGETATION, dark, accent=light, kind=LEAVES, grain=(9.0, 0.3), shape=shape)
    scene.cast([frame.at(x, y) for x, y in outline])
