"""Two-wheelers with and without riders."""

from dadist.data.streets.appearance import Dice
from dadist.data.streets.objects import (
    BICYCLE,
    BLACK,
    MOTORCYCLE,
    RIDER,
    Brush,
    Pose,
    bar,
    scaled,
)
from dadist.data.streets.scene import Scene


def bicycle(scene: Scene, dice: Dice, frame: Pose, instance: int) -> None:
    """A bicycle seen from its side; the wheels are filled, as data sets label them."""
    brush = Brush(scene, frame, BICYCLE, instance)
    paint, tyre = dice.colour("bicycle"), dice.colour("tyre")
    scene.shadows.append(
        [frame.at(a, -frame.y, c) for a, c in ((-0.85, -0.1), (0.85, -0.1), (0.85, 0.1), (-0.85, 0.1))]
    )
    for along in (-0.53, 0.53):
        brush.disc(along, 0.34, 0.36, tyre)
        brush.disc(along, 0.34, 0.28, scaled(dice.colour("hub"), 0.72))
        brush.disc(along, 0.34, 0.06, tyre)
    for ends in (
        ((-0.53, 0.34), (-0.12, 0.86)),
        ((-0.53, 0.34), (0.0, 0.32)),
        ((0.0, 0.32), (-0.16, 0.95)),
        ((0.0, 0.32), (0.4, 0.82)),
        ((-0.14, 0.84), (0.4, 0.84)),
        ((0.53, 0.34), (0.36, 1.02)),
    ):
        brush.flat(bar(*ends, 0.045), paint)
    brush.flat([(-0.32, 0.92), (-0.3, 1.0), (-0.02, 1.0), (-0.04, 0.92)], BLACK)
    brush.flat(bar((0.26, 1.06), (0.46, 1.0), 0.05), BLACK)


def motorcycle(scene: Scene, dice: Dice, frame: Pose, instance: int) -> None:
    """A motorcycle seen from its side."""
    brush = Brush(scene, frame, MOTORCYCLE, instance)
    paint, tyre, hub = dice.colour("motorcycle"), dice.colour("tyre"), dice.colour("hub")
    scene.shadows.append([frame.at(a, -frame.y, c) for a, c in ((-1.1, -0.3), (1.1, -0.3), (1.1, 0.3), (-1.1, 0.3))])
    for along in (-0.72, 0.72):
        brush.disc(along, 0.33, 0.35, tyre)
        brush.disc(along, 0.33, 0.18, hub)
    brush.flat([(-0.45, 0.25), (-0.5, 0.6), (0.35, 0.65), (0.3, 0.22)], scaled(hub, 0.5))
    brush.flat([(-1.05, 0.72), (-1.0, 0.9), (-0.3, 0.84), (-0.2, 0.6), (-0.6, 0.55)], paint)
    brush.flat([(-0.25, 0.62), (-0.2, 0.95), (0.3, 1.02), (0.5, 0.8), (0.3, 0.55)], paint)
    brush.flat([(-0.85, 0.86), (-0.8, 0.97), (-0.15, 0.93), (-0.15, 0.82)], BLACK)
    brush.flat(bar((0.78, 0.33), (0.42, 1.08), 0.09), hub)
    brush.flat([(0.42, 0.82), (0.38, 1.2), (0.52, 1.12), (0.66, 0.84)], scaled(paint, 1.15))
    brush.flat(bar((0.24, 1.14), (0.48, 1.08), 0.06), BLACK)


def rider(scene: Scene, dice: Dice, frame: Pose, instance: int, *, lean: float) -> None:
    """Who sits on a two-wheeler, as an instance of their own; ``lean`` is how far the hands reach ahead."""
    brush = Brush(scene, frame, RIDER, instance)
    trousers, shirt = dice.colour("trousers"), dice.colour("shirt")
    hips, shoulders = (-0.2, 0.98), (0.02 + lean * 0.3, 1.5)
    brush.flat(bar(hips, (0.14, 0.78), 0.19), trousers)
    brush.flat(bar((0.14, 0.8), (0.0, 0.34), 0.15), trousers)
    brush.flat(bar((0.0, 0.34), (0.16, 0.32), 0.1), BLACK)
    brush.flat(bar(hips, shoulders, 0.36), shirt)
    brush.flat(bar(shoulders, (0.3, 1.18), 0.13), scaled(shirt, 0.8))
    brush.flat(bar((0.3, 1.18), (0.42, 1.06), 0.1), dice.colour("skin"))
    brush.disc(shoulders[0] + 0.1, 1.7, 0.13, dice.colour("skin"))
    brush.disc(shoulders[0] + 0.07, 1.76, 0.145, dice.colour("helmet"))


def from_behind(scene: Scene, dice: Dice, frame: Pose, instances: tuple[int, int]) -> None:
    """A two-wheeler and its rider who ride along the street, seen from behind or from ahead."""
    motor = dice.chance(0.25)
    brush = Brush(scene, frame, MOTORCYCLE if motor else BICYCLE, instances[0])
    half, tyre = (0.1, 0.34) if motor else (0.035, 0.35), dice.colour("tyre")
    scene.shadows.append([frame.at(a, -frame.y, c) for a, c in ((-0.2, -0.8), (0.2, -0.8), (0.2, 0.8), (-0.2, 0.8))])
    brush.flat([(-half[0], 0.0), (-half[0], 2 * half[1]), (half[0], 2 * half[1]), (half[0], 0.0)], tyre)
    brush.flat(bar((-0.3, 1.02), (0.3, 1.02), 0.05), dice.colour("motorcycle" if motor else "bicycle"))
    brush.flat(bar((0.0, 0.6), (0.0, 1.0), 0.25 if motor else 0.06), dice.colour("motorcycle"))
    rider = Brush(scene, frame, RIDER, instances[1])
    trousers, shirt, size = dice.colour("trousers"), dice.colour("shirt"), dice.between(0.92, 1.06)
    lift = dice.between(0.0, 0.25)
    for side, up in ((-1, lift), (1, 0.25 - lift)):
        rider.flat(bar((side * 0.1, 0.95), (side * 0.14, 0.45 + up), 0.16), trousers)
        rider.flat(bar((side * 0.14, 0.5 + up), (side * 0.12, 0.14 + up), 0.12), scaled(trousers, 0.8))
        rider.flat(bar((side * 0.12, 0.14 + up), (side * 0.13, 0.06 + up), 0.12), BLACK)
        rider.flat(bar((side * 0.2, 1.4 * size), (side * 0.32, 1.08), 0.11), scaled(shirt, 0.8))
    rider.flat(
        [(-0.17, 0.85), (-0.23, 1.4 * size), (-0.1, 1.5 * size), (0.1, 1.5 * size), (0.23, 1.4 * size), (0.17, 0.85)],
        shirt,
    )
    rider.disc(0.0, 1.62 * size, 0.125, dice.colour("hair"))
    if dice.chance(0.5):
        rider.disc(0.0, 1.66 * size, 0.14, dice.colour("helmet"))
