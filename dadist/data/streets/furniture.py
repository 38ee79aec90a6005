"""What stands along the kerb: poles, signs, lights."""

from dadist.data.streets.appearance import Dice
from dadist.data.streets.objects import LIGHT, POLE, SIGN, Brush, Pose, bar, scaled
from dadist.data.streets.scene import Colour, Scene


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
