"""What streets have with variety alone: turned cameras, bare trees that one sees through, weather, both sides."""

import numpy as np
import pytest

from dadist.data.streets import greenery, rasterize
from dadist.data.streets.appearance import Dice, air, camera
from dadist.data.streets.ground import LANE
from dadist.data.streets.layout import cross_section
from dadist.data.streets.objects import Pose
from dadist.data.streets.render import render
from dadist.data.streets.scene import Camera, Scene
from tests.data.streets.test_render import PLAIN_CAMERA, SIZE, VARIED

BEHIND, CROWN = 1, 2


@pytest.mark.parametrize("index", range(4))
def test_a_camera_that_is_turned_sees_the_road_at_the_depth_of_its_row(index: int) -> None:
    dice = Dice(VARIED, 5, index)
    seen = camera(dice)
    assert seen.ahead[0] != 0
    np.testing.assert_allclose(np.hypot(*seen.ahead), 1)
    street = render(VARIED, seed=5, index=index, **SIZE)
    # Of the 16 classes road lies at height 0 but for side streets, which are a kerb higher.
    rows, _ = np.nonzero(street.labels == LANE)
    expected = seen.focal * 96 * seen.height_m / (rows + 0.5 - seen.row * 48)
    np.testing.assert_allclose(street.depth_m[street.labels == LANE], expected, rtol=1e-5)


def test_what_lies_straight_ahead_of_a_turned_camera_is_in_its_middle_column() -> None:
    aside, ahead = 0.6, 0.8
    (points,) = rasterize.turned([[(6.0, 1.0, 8.0), (0.0, 1.0, 10.0)]], Camera(1.0, 0.5, 0.5, 2.0, (aside, ahead)))
    np.testing.assert_allclose(points, [(0.0, 1.0, 10.0), (-6.0, 1.0, 8.0)], atol=1e-12)


def test_a_surface_that_is_seen_through_has_the_label_and_the_depth_and_what_is_behind_has_the_colour() -> None:
    scene = Scene()
    for z, label, clear in ((20.0, BEHIND, False), (10.0, CROWN, True), (5.0, BEHIND + 2, False)):
        left = -z if z > 5 else 0.0
        wall = [(left, 0.0, z), (left, 4.0, z), (z, 4.0, z), (z, 0.0, z)]
        scene.add(z, wall, label, (0, 0, 0), clear=clear)
    buffers = rasterize.rasterise(scene, PLAIN_CAMERA, 8, 8)
    seen, solid = ([0, *(one.label for one in buffers.surfaces)][ids[9, 3]] for ids in (buffers.ids, buffers.solid))
    assert (seen, solid) == (BEHIND, CROWN)
    assert rasterize.depth_at(buffers.planes, buffers.solid)[9, 3] == pytest.approx(10.0)
    # What stands before it hides both.
    assert buffers.ids[9, 11] == buffers.solid[9, 11] == 3


def test_a_bare_tree_is_labelled_to_its_outline_and_shows_the_sky_between_its_branches() -> None:
    scene, dice = Scene(sun=(0.0, 1.0, 0.0)), Dice(VARIED, 1, 0)
    greenery.bare(scene, dice, Pose(0.0, 0.0, 10.0, (1.0, 0.0)), 2.0)
    buffers = rasterize.rasterise(scene, PLAIN_CAMERA, 64, 64)
    labelled, painted = buffers.solid > 0, buffers.ids > 0
    assert painted.any()
    assert (labelled & ~painted).sum() > painted.sum() / 4
    assert (painted & ~labelled).sum() < painted.sum() / 4  # twigs beyond the outline


def test_weather_is_bright_and_dull_and_its_sky_is_never_darker_than_the_street() -> None:
    airs = [air(Dice(VARIED, 2, index)) for index in range(200)]
    ambient = [one.ambient for one in airs]
    assert min(ambient) < 0.5 < 0.9 < max(ambient)
    assert all(min(one.sky[1]) * one.exposure[1] > 0.5 for one in airs)
    assert all(one.roughness >= 0 and 0 <= one.contrast <= 1 for one in airs)


def test_half_of_the_varied_streets_are_driven_on_the_left() -> None:
    streets = [cross_section(Dice(VARIED, 2, index)) for index in range(200)]
    left = sum(one.drive < 0 for one in streets)
    assert 70 < left < 130
    for one in streets:
        assert one.left_line < one.left < 0 < one.right < one.right_line
