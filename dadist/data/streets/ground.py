"""The ground of a street scene: sidewalks, kerbs, the road, and what is painted on it."""

from dadist.data.streets import objects
from dadist.data.streets.appearance import Dice
from dadist.data.streets.houses import KERB_M
from dadist.data.streets.objects import NAMES, scaled
from dadist.data.streets.roadside import CrossSection
from dadist.data.streets.scene import PAVING, Colour, Scene

ROAD, SIDEWALK = NAMES.index("road"), NAMES.index("sidewalk")
LANE = 254  # lane marking: a class of its own on disk, of which no class set makes an id
GROUND = 1e6  # the layer behind all: see scene.GROUND_M


def pave(scene: Scene, dice: Dice, street: CrossSection) -> None:
    """Sidewalks, their kerbs, the road, its patches and covers."""
    road, slab, seed = dice.colour("road"), dice.colour("sidewalk"), dice.between(0, 99)
    if dice.varies(0.4):  # a pavement of asphalt
        slab = scaled(road, dice.between(0.9, 1.35))
    far, shape = 500.0, (dice.between(0.7, 1.4), dice.between(0.7, 1.4), seed)
    for kerb, out in ((street.left, -60.0), (street.right, 60.0)):
        quad = [(kerb, KERB_M, 0.0), (kerb, KERB_M, far), (kerb + out, KERB_M, far), (kerb + out, KERB_M, 0.0)]
        scene.add(GROUND, quad, SIDEWALK, slab, accent=scaled(slab, 0.8), kind=PAVING, shape=shape, grain=(6.0, 0.08))
    corners = [(street.left, 0.0, 0.0), (street.left, 0.0, far), (street.right, 0.0, far), (street.right, 0.0, 0.0)]
    scene.add(GROUND - 1, corners, ROAD, road, grain=(14.0, 0.13))
    for _ in range(int(dice.between(0, 4))):
        x, z, w = dice.between(street.left, street.right - 1.5), dice.between(5, 40), dice.between(0.8, 2.2)
        _flat(
            scene,
            (x, min(x + w, street.right)),
            (z, z + dice.between(2, 9)),
            ROAD,
            scaled(road, dice.between(0.82, 1.1)),
        )
    for x in (street.left, street.right):
        top = (scaled(slab, 1.1), (x, KERB_M, 0.0), (x, KERB_M, far), (x, 0.0, far), (x, 0.0, 0.0))
        scene.add(GROUND - 3, top[1:], SIDEWALK, scaled(slab, 1.12))
        inner, outer = sorted((x, x + (0.22 if x > 0 else -0.22)))
        _flat(scene, (inner, outer), (0.0, far), SIDEWALK, scaled(slab, 1.14), up=KERB_M)
    if dice.chance(0.5):
        x, z = dice.between(street.left + 1, street.right - 1), dice.between(6, 14)
        points = [(x + 0.35 * a, 0.0, z - 0.35 * b) for a, b in objects.CIRCLE]
        scene.add(GROUND - 3, points, ROAD, scaled(road, 0.6))


def _flat(
    scene: Scene, x: tuple[float, float], z: tuple[float, float], label: int, colour: Colour, up: float = 0.0
) -> None:
    """A rectangle on the ground."""
    corners = [(x[0], up, z[0]), (x[0], up, z[1]), (x[1], up, z[1]), (x[1], up, z[0])]
    scene.add(GROUND - 2, corners, label, colour, grain=(14.0, 0.12))


def mark(scene: Scene, dice: Dice, street: CrossSection) -> None:
    """Centre line, edge lines, now and then a crossing with its stop line."""
    paint = dice.colour("lane")
    if dice.varied:
        _more_markings(scene, dice, street)
    middle = (street.left + street.right) / 2
    dash, start = dice.between(2.5, 4), dice.between(2, 6)
    for k in range(14):
        z = start + k * dash * 2
        _flat(scene, (middle - 0.09, middle + 0.09), (z, z + dash), LANE, paint)
    if dice.chance(0.6):
        for x in (street.left + 2.1, street.right - 2.1):
            _flat(scene, (x - 0.07, x + 0.07), (2.0, street.length), LANE, paint)
    if dice.chance(0.4):
        z = dice.between(9, 26)
        stripes = int((street.right - street.left) / 1.0)
        for k in range(stripes):
            x = street.left + 0.4 + k
            _flat(scene, (x, x + 0.5), (z, z + 3), LANE, paint)
        _flat(scene, (middle + 0.1, street.right - 0.2), (z - 1.6, z - 1.2), LANE, paint)


def _more_markings(scene: Scene, dice: Dice, street: CrossSection) -> None:
    """Lines along the kerbs, a lane of another colour, strips and patches of unlike asphalt."""
    if dice.varies(0.35):
        x, lane = dice.between(street.left, street.right - 1.5), dice.colour("surfacing")
        _flat(scene, (x, x + dice.between(1.2, 1.5)), (dice.between(0, 20), street.length), ROAD, lane)
    for kerb, inwards in ((street.left, 1), (street.right, -1)):
        if dice.varies(0.5):
            paint = dice.colour("kerb_line")
            for away in (0.25, 0.5)[: 1 + dice.chance(0.6)]:
                inner, outer = sorted((kerb + inwards * away, kerb + inwards * (away + 0.1)))
                _flat(scene, (inner, outer), (0.0, street.length), LANE, paint)
    if dice.varies(0.4):  # a side street
        z, side = dice.between(9, 40), -1 if dice.chance(0.5) else 1
        inner, outer = sorted((street.left if side < 0 else street.right, side * 60.0))
        _flat(scene, (inner, outer), (z, z + dice.between(5, 9)), ROAD, dice.colour("road"), up=KERB_M)
    if dice.varies(0.3):
        z, x = dice.between(5, 15), dice.between(street.left + 1, street.right - 1)
        points = [(x + a, 0.0, z + b) for a, b in ((-0.08, 0), (-0.08, 2), (-0.3, 2), (0, 3.2), (0.3, 2), (0.08, 2))]
        scene.add(GROUND - 3, [*points, (x + 0.08, 0.0, z)], LANE, dice.colour("lane"))
