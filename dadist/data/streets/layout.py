"""The layout of a street scene: road, sidewalks, what lines the street, and who is on it."""

from dadist.data.streets import cyclists, furniture, greenery, ground, objects
from dadist.data.streets.appearance import Dice
from dadist.data.streets.houses import KERB_M
from dadist.data.streets.objects import Pose, scaled
from dadist.data.streets.roadside import FENCE, CrossSection, close_view, line_street
from dadist.data.streets.scene import BARS, Camera, Point, Scene

AHEAD, ONCOMING = (0.0, 1.0), (0.0, -1.0)
SIDEWAYS = ((1.0, 0.0), (0.8, 0.6), (0.8, -0.6), (-0.8, 0.6), (-1.0, 0.0), (-0.8, -0.6))


class Count:
    """Numbers the instances of one scene."""

    def __init__(self) -> None:
        self.last = 0

    def __call__(self) -> int:
        """The next number."""
        self.last += 1
        return self.last


def lay_out(dice: Dice, sun: Point) -> Scene:
    """One street with all that is in it; ``sun`` is the direction to it."""
    street = cross_section(dice)
    scene, count = Scene(sun=sun), Count()
    ground.pave(scene, dice, street)
    ground.mark(scene, dice, street)
    close_view(scene, dice, street)
    for side, line in ((-1, street.left_line), (1, street.right_line)):
        line_street(scene, dice, street, side, line)
    for side, kerb in ((-1, street.left), (1, street.right)):
        _furnish(scene, dice, kerb, side, count)
        _walkers(scene, dice, street, side, count)
    _traffic(scene, dice, street, count)
    return scene


def cross_section(dice: Dice) -> CrossSection:
    """Kerbs and lines of the facades; with variety narrow and wide ones, driven on either side."""
    right = dice.counted((3.4, 5.4), (3.0, 3.8))
    left = right - dice.counted((9.4, 13.0), (8.8, 9.8))
    widths = [dice.counted((2.2, 4.4), (1.4, 2.4)) for _ in range(2)]
    length, drive = dice.between(70, 150), 1
    if dice.varied:
        right += dice.varied * (dice.between(1.7, 4.8) - right)
        left += dice.varied * (-dice.between(2.8, 8.5) - left)
        widths = [width + dice.varied * (dice.between(1.4, 7.0) - width) for width in widths]
        if dice.varies(0.5):
            left, right, drive = -right, -left, -1
    return CrossSection(left, right, left - widths[0], right + widths[1], length, drive)


def add_bonnet(scene: Scene, dice: Dice, camera: Camera, aspect: float, label: int) -> None:
    """The own car's bonnet, an arch over the lowest rows; ``aspect`` is the image's height over its width."""
    away, focal = 0.9, camera.focal
    (aside, ahead), paint = camera.ahead, dice.colour("bonnet")

    def at(u: float, v: float) -> Point:  # shares of width and height; the bonnet turns with its camera
        x = (u - camera.column) / focal * away
        y = camera.height_m - (v - camera.row) * aspect / focal * away
        return x * ahead + away * aside, y, away * ahead - x * aside

    for drop, colour in ((0.0, scaled(paint, 1.5)), (0.012, paint), (0.045, scaled(paint, 0.8))):
        arch = [at(u / 16, 0.92 + drop + 0.035 * (u / 8 - 1) ** 2) for u in range(17)]
        scene.add(0.0, [*arch, at(1.02, 1.02), at(-0.02, 1.02)], label, colour, grain=(2.0, 0.1))


def _furnish(scene: Scene, dice: Dice, kerb: float, side: int, count: Count) -> None:
    """Along one kerb: trees, lamps, lights, signs, parked two-wheelers, railings."""
    trees = dice.chance(0.55)
    z = dice.nearer(dice.between(7, 12), kerb)
    while z < 70:
        frame = Pose(kerb + side * 0.55, KERB_M, z, (1.0, 0.0))
        pick = dice.between(0, 1)
        if pick < 0.28:
            if trees:
                greenery.tree(scene, dice, frame, dice.between(1.5, 2.3))
        elif pick < 0.42:
            furniture.lamp_post(scene, dice, frame, -side * dice.between(0.8, 2.0))
        elif pick < 0.55:
            furniture.traffic_light(scene, dice, frame, -side * dice.between(1.8, 3.0) if dice.chance(0.4) else 0.0)
        elif pick < 0.72:
            furniture.sign(scene, dice, frame)
        elif pick < 0.9:
            heading = SIDEWAYS[int(dice.between(0, len(SIDEWAYS)))]
            thing = cyclists.bicycle if dice.chance(0.55) else cyclists.motorcycle
            thing(scene, dice, frame._replace(x=frame.x + side * 0.5, along=heading), count())
        else:
            _railing(scene, dice, kerb + side * 0.3, (z, z + dice.between(3, 8)))
        z += dice.counted((2.2, 5.5), (3.0, 8.0)) * (1 + z / 60)


def _railing(scene: Scene, dice: Dice, x: float, z: tuple[float, float]) -> None:
    """A railing at the kerb in panels, so that what stands beside it is hidden right."""
    paint, behind = dice.colour("fence"), dice.colour("gap")
    near, far = z
    while near < far:
        end = min(near + 1.5, far)
        quad = [(x, KERB_M, near), (x, 1.15, near), (x, 1.15, end), (x, KERB_M, end)]
        scene.add(end, quad, FENCE, paint, accent=behind, kind=BARS, shape=(0.25, 1.15, 0.0))
        near = end


def _walkers(scene: Scene, dice: Dice, street: CrossSection, side: int, count: Count) -> None:
    """People on one sidewalk, more of them near."""
    kerb, line = (street.left, street.left_line) if side < 0 else (street.right, street.right_line)
    for _ in range(int(dice.counted((1, 7), (0, 4)))):
        z = 8 + 40 * dice.between(0, 1) * dice.between(0, 1)
        x = dice.between(kerb + side * 0.9, line - side * 0.4)
        z = dice.nearer(z, x)
        heading = (1.0, 0.0) if dice.chance(0.5) else (-1.0, 0.0)
        objects.person(scene, dice, Pose(x, KERB_M, z, heading), count())
        if dice.varies(0.4):  # not alone
            objects.person(scene, dice, Pose(x + dice.between(0.5, 0.8), KERB_M, z + 0.1, heading), count())
    if dice.chance(0.12):
        x = dice.between(street.left + 1, street.right - 1)
        objects.person(scene, dice, Pose(x, 0.0, dice.between(12, 30), (1.0, 0.0)), count())


def _traffic(scene: Scene, dice: Dice, street: CrossSection, count: Count) -> None:
    """Parked cars at both kerbs, vehicles in both lanes, riders."""
    own_kerb, other_kerb = (street.right, street.left)[:: street.drive]
    parked = ((own_kerb - street.drive, AHEAD, 0.4), (other_kerb + street.drive, ONCOMING, 0.55))
    for x, heading, share in parked:
        z = dice.nearer(dice.between(7, 16), x)
        while z < 70:
            if dice.chance(share * dice.counted((0.6, 1.2), (1.0, 1.8))):
                front = z if heading == AHEAD else z + 4.6
                objects.car(scene, dice, Pose(x, 0.0, front, heading), count())
            z += dice.between(5.4, 7.5)
    middle = (street.left + street.right) / 2
    taken: list[tuple[float, float, float]] = []  # x, from z, to z of the vehicles on the road
    own, other = (middle + street.drive * 1.35, AHEAD), (middle - street.drive * 1.35, ONCOMING)
    for x, heading in (own, other):
        z = dice.nearer(dice.between(13, 34) if heading == AHEAD else dice.between(10, 30), x)
        while z < 80:
            thing = objects.bus if dice.chance(0.3) else objects.car
            taken.append((x, z - 1, z + (12.5 if thing is objects.bus else 5.5)))
            front = z if heading == AHEAD else z + (11 if thing is objects.bus else 4.6)
            thing(scene, dice, Pose(x + dice.between(-0.05, 0.05), 0.0, front, heading), count())
            z += dice.between(16, 40)
    for _ in range(int(dice.counted((0, 4.4), (0, 2.0)))):
        z = 8 + 26 * dice.between(0, 1) * dice.between(0, 1)
        x = dice.between(street.left + 2.9, street.right - 2.9)
        z = dice.nearer(z, x)
        if any(abs(x - lane) < 2.3 and near < z < far for lane, near, far in taken):
            continue  # a vehicle stands there
        if dice.varies(0.7):
            cyclists.from_behind(scene, dice, Pose(x, 0.0, z, (1.0, 0.0)), (count(), count()))
            continue
        frame = Pose(x, 0.0, z, SIDEWAYS[int(dice.between(0, len(SIDEWAYS)))])
        ridden, lean = (cyclists.bicycle, 0.6) if dice.chance(0.5) else (cyclists.motorcycle, 0.3)
        ridden(scene, dice, frame, count())
        cyclists.rider(scene, dice, frame, count(), lean=lean)
