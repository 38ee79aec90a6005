"""What stands along the kerb: trees, poles, signs, lights."""

from dadist.data.streets.appearance import Dice
from dadist.data.streets.objects import (
    CIRCLE,
    LIGHT,
    POLE,
    SIGN,
    VEGETATION,
    Brush,
    Pose,
    bar,
    scaled,
)
from dadist.data.streets.scene import LEAVES, Colour, Scene


def tree(scene: Scene, dice: Dice, frame: Pose, size: float) -> None:
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
    along, up, radius = disc
    outline: list[tuple[float, float]] = []
    for (a, b), (c, d) in zip(CIRCLE, [*CIRCLE[1:], CIRCLE[0]], strict=True):
        for x, y, low, high in ((a, b, 0.88, 1.03), ((a + c) / 2, (b + d) / 2, 0.98, 1.15)):
            reach = radius * dice.between(low, high)
            outline.append((along + reach * x, max(up + reach * y, 0.0)))
    points = [frame.at(x, y) for x, y in outline]
    shape = (frame.y + up, radius, dice.between(0, 99))
    scene.add(frame.z, points, VEGETATION, colours[1], accent=colours[0], kind=LEAVES, grain=(9.0, 0.22), shape=shape)


def lamp_post(scene: Scene, dice: Dice, frame: Pose, reach: float) -> None:
    """A street lamp with an arm over the road."""
    brush = Brush(scene, frame, POLE)
    paint, height = dice.colour("pole"), dice.between(5.5, 8)
    _post(brush, paint, height, 0.11)
    brush.flat(bar((0, height - 0.05), (reach, height + 0.3), 0.12), paint)
    brush.flat(bar((reach * 0.7, height + 0.2), (reach * 1.25, height + 0.32), 0.2), scaled(paint, 1.2))


def traffic_light(scene: Scene, dice: Dice, frame: Pose, reach: float) -> None:
    """Signal heads on a pole, and on an arm over the road where ``reach`` is not 0."""
    brush = Brush(scene, frame, POLE)
    paint = dice.colour("pole")
    height = 5.6 if reach else 3.4
    _post(brush, paint, height, 0.09)
    if reach:
        brush.flat(bar((0, height - 0.1), (reach, height), 0.14), paint)
        _signal_head(scene, dice, frame, reach, height - 1.2)
    _signal_head(scene, dice, frame, 0.0, 2.3)


def sign(scene: Scene, dice: Dice, frame: Pose) -> None:
    """A traffic sign on a pole: round, three-cornered, or a board."""
    post = Brush(scene, frame, POLE)
    _post(post, dice.colour("pole"), 2.3, 0.05)
    brush = Brush(scene, frame, SIGN)
    size, shape, entry = dice.between(0.42, 0.55), int(dice.between(0, 4)), dice.pick("plate")
    rim, plate = dice.colour("rim", entry), dice.colour("plate", entry)
    for share, colour in ((1.0, rim), (0.74, plate)):
        r = size * share
        if shape == 0:
            brush.flat([(-r, 2.35 - r * 0.58), (0, 2.35 + r * 1.15), (r, 2.35 - r * 0.58)], colour)
        elif shape == 1:
            brush.flat([(-r, 2.3 - r), (-r, 2.3 + r), (r, 2.3 + r), (r, 2.3 - r)], colour)
        else:
            brush.disc(0.0, 2.35, r, colour)
    if shape == 2:
        brush.flat([(-0.28, 2.28), (-0.28, 2.42), (0.28, 2.42), (0.28, 2.28)], rim)


def _signal_head(scene: Scene, dice: Dice, frame: Pose, along: float, low: float) -> None:
    brush = Brush(scene, frame, LIGHT)
    box = dice.colour("lightbox")
    brush.flat([(along - 0.24, low), (along - 0.24, low + 1.15), (along + 0.24, low + 1.15), (along + 0.24, low)], box)
    lit = dice.chance(0.5)
    for k, colour in enumerate(("green", "lamp", "red")):
        on = (k == 0 and not lit) or (k == 2 and lit)
        brush.disc(along, low + 0.22 + 0.36 * k, 0.14, dice.colour(colour) if on else scaled(box, 1.6))


def _post(brush: Brush, paint: Colour, height: float, half: float) -> None:
    """A pole with a lit side."""
    brush.flat([(-half, 0), (-half, height), (half, height), (half, 0)], paint)
    brush.flat([(0, 0), (0, height), (half, height), (half, 0)], scaled(paint, 0.7))
