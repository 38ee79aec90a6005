"""Other cameras: tables of places that are seen through another lens, and the lens found again without a label."""

import functools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_mixtures import made_up
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm

from dadist.classes import CLASS_SETS, IGNORE
from dadist.cli.study import read_study
from dadist.config.prior_sections import Camera
from dadist.config.schema import SOURCE_APPEARANCE
from dadist.data.resize import Frame, centres
from dadist.data.streets.render import LANE, render
from dadist.prior.alignment import align
from dadist.prior.camera import MIDDLE, SAME, View, through, view
from dadist.prior.fit import fit
from dadist.prior.fusion import Given
from dadist.prior.likelihood import Seen
from dadist.prior.mixtures import Mixtures

WIDE = Frame(200, 100, "stretch", (400, 200))


def test_a_camera_sees_itself_in_its_own_frame() -> None:
    camera = Camera(1.3, 0.4, 0.9)
    np.testing.assert_allclose(view(camera, WIDE, camera, WIDE), SAME, atol=1e-12)
    assert view(MIDDLE, WIDE, MIDDLE, WIDE) == SAME


def test_twice_the_focal_length_shows_half_as_much_around_the_horizon() -> None:
    found = view(Camera(2.0, 0.6), WIDE, Camera(1.0, 0.4), WIDE)
    # 0.1 heights below its horizon are 0.05 below the other's; the middle column stays.
    np.testing.assert_allclose(found.across, (0.5, 0.25))
    np.testing.assert_allclose((found.down[0] * 0.7 + found.down[1], found.down[0]), (0.45, 0.5))
    assert found.zoom == pytest.approx(0.25)


def test_what_a_padded_frame_adds_is_no_part_of_the_photograph() -> None:
    # 400x200 in a frame of 100x100: the photograph is the upper half, and the frame two heights high.
    padded = Frame(100, 100, "pad", (400, 200))
    found = view(MIDDLE, padded, MIDDLE, WIDE)
    np.testing.assert_allclose(found, ((1, 0), (2, 0)))


def test_a_principal_point_out_of_the_middle_moves_the_columns() -> None:
    found = view(Camera(1.0, 0.5, 1.2), WIDE, Camera(1.0, 0.5), WIDE)
    np.testing.assert_allclose(found.across, (1, -0.1))  # 0.2 heights are a tenth of the frame's width


def over_rays(
    of: Mixtures, c: int, ray: NDArray[np.float64], z: float, source: Camera, frame: Frame
) -> tuple[float, float]:
    """log p_c(u, v) and log p_c(z | u, v) of the mixtures as normals over (u, v, z)."""
    (across, down), (width, height) = of.grid, frame.original
    # u = (share * width / height - centre) / f with share = (cell + 0.5) / across, and a feature is cell * scale.
    slope = np.array([width / height / across / of.scale[0], 1 / down / of.scale[1]]) / source.focal
    start = np.array([(0.5 / across - 0.5) * width / height, 0.5 / down - source.horizon]) / source.focal
    to_rays = np.diag([*slope, 1.0])
    place, both = [], []
    for weight, mean, covariance in zip(of.weights[c], of.means[c], of.covariances[c], strict=True):
        if weight:
            wide, middle = to_rays @ covariance @ to_rays, to_rays @ mean + [*start, 0]
            lean = np.linalg.solve(wide[:2, :2], wide[:2, 2])
            expected = middle[2] + lean @ (ray - middle[:2])
            there = math.log(weight) + multivariate_normal(middle[:2], wide[:2, :2]).logpdf(ray)
            place.append(there)
            both.append(there + norm(expected, math.sqrt(wide[2, 2] - lean @ wide[:2, 2])).logpdf(z))
    return logsumexp(place), logsumexp(both) - logsumexp(place)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("target", [Camera(1.7, 0.3, 0.8), Camera(0.6, 0.55)])
def test_tables_of_two_cameras_are_those_of_normals_over_rays(full: bool, target: Camera) -> None:
    of, source, seen = made_up((8, 4), scale=0.25, full=full), Camera(1.1, 0.45), Frame(60, 40, "stretch", (60, 40))
    given = Given(of, (6, 5), view(target, seen, source, WIDE))
    z = torch.linspace(0.5, 9, 30)[None]
    of_depth = given.widened((0.0, 0.0))
    log = given.share - (z - given.expected) ** 2 / (2 * of_depth) - 0.5 * torch.log(2 * torch.pi * of_depth)
    per_ray = math.log(np.prod([of.grid[0] * of.scale[0] / 2, of.grid[1] * of.scale[1]]) * source.focal**2)
    for cell in range(30):
        share = np.array([(cell % 6 + 0.5) / 6, (cell // 6 + 0.5) / 5])
        centre = 0.75 if target.centre is None else target.centre
        ray = (share * [1.5, 1] - [centre, target.horizon]) / target.focal
        for c in (0, 2, 4):
            place, depth = over_rays(of, c, ray, float(z[0, cell]), source, WIDE)
            assert float(given.place[c, cell]) + per_ray == pytest.approx(place, rel=1e-9)
            assert float(log[c, :, cell].logsumexp(0)) == pytest.approx(depth, rel=1e-9)


# --- the camera found


GRID, NUMERATOR, COUNT = (24, 12), 1000.0, 60


@functools.cache
def street(index: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Labels and inverse depth of a rendered street, 192x96."""
    scene = render(SOURCE_APPEARANCE, seed=seed, index=index, width=192, height=96)
    labels = np.where(scene.labels == LANE, 0, scene.labels)
    return labels, NUMERATOR / (100 * np.minimum(scene.depth_m.astype(np.float64), 655) + 1)


@pytest.fixture(scope="module")
def drawn() -> list[NDArray[np.float64]]:
    """Per class the places and z of cells of the source, as `sampling.sample` gives them."""
    found: list[list[NDArray[np.float64]]] = [[] for _ in range(16)]
    for index in range(COUNT):
        labels, z = street(index, 1)
        rows, columns = centres(96, GRID[1])[:, None], centres(192, GRID[0])
        y, x = np.mgrid[: GRID[1], : GRID[0]]
        for c in range(16):
            there = labels[rows, columns] == c
            found[c].append(np.stack([x[there], y[there], z[rows, columns][there]], axis=1))
    return [np.concatenate(one) for one in found]


@pytest.fixture(scope="module")
def source(drawn: list[NDArray[np.float64]]) -> Mixtures:
    asked = replace(read_study([], [], "demo").settings["demo"].fit_gmm, held_out=0.0)
    return fit(
        drawn,
        asked,
        classes=CLASS_SETS["16"],
        grid=GRID,
        numerator=NUMERATOR,
        images=COUNT,
    )


@pytest.mark.workflow  # the whole search on many streets
@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("part", "top"), [(0.7, 0.2), (1.0, 0.0)])
def test_the_focal_length_and_the_horizon_of_rendered_streets_are_found(
    source: Mixtures, drawn: list[NDArray[np.float64]], part: float, top: float
) -> None:
    """A cut-out of other streets is what a longer lens sees: its focal length and its horizon are known."""
    cells, said, depth, frequency = [], [], [], np.array([len(one) for one in drawn])
    random = np.random.default_rng(0)
    for index in range(COUNT):
        labels, z = street(index, 2)
        left, right = round(192 * (1 - part) / 2), round(192 * (1 + part) / 2)
        cut = slice(round(96 * top), round(96 * top) + round(96 * part)), slice(left, right)
        labels, z = labels[cut], z[cut]
        rows, columns = centres(labels.shape[0], GRID[1])[:, None], centres(labels.shape[1], GRID[0])
        labels, z = labels[rows, columns].ravel(), z[rows, columns].ravel()
        at = random.choice(np.flatnonzero(labels != IGNORE), 100, replace=False)
        wrong = np.where(random.random(100) < 0.1, random.integers(0, 16, 100), labels[at])
        probability = np.full((100, 16), 0.1 / 15)
        probability[np.arange(100), wrong] = 0.9
        cells.append(at)
        said.append(np.log(probability))
        depth.append(z[at])
    seen = Seen(*(torch.from_numpy(np.concatenate(one)) for one in (cells, said, depth)))
    frame = Frame(192, 96, "stretch", (192, 96))
    lens = functools.partial(through, frame, Camera(1.64, 0.46), frame)
    found = align(source, seen, "metric", frequency, lens=lens)
    assert found.camera is not None
    assert found.camera[0] == pytest.approx(1 / part, rel=0.03)
    assert found.camera[1] == pytest.approx((0.46 - top) / part, abs=0.03)
    assert found.view == lens(*found.camera)
    for name, value in zip(("focal", "horizon"), found.camera, strict=True):
        curve = np.array(found.lenses[name])
        steps = np.abs(np.diff(curve[:, 0]))
        assert abs(curve[curve[:, 1].argmax(), 0] - value) <= steps.max()


def test_a_view_that_is_given_is_kept(source: Mixtures) -> None:
    random = np.random.default_rng(0)
    cells = torch.from_numpy(random.integers(0, 288, 500))
    said = torch.full((500, 16), -math.log(16))
    given = View((0.9, 0.05), (0.8, 0.1))
    found = align(
        source, Seen(cells, said, torch.from_numpy(random.uniform(0.1, 2, 500))), "metric", np.ones(16), view=given
    )
    assert (found.view, found.camera, found.lenses) == (given, None, {})


def test_without_depth_files_there_is_no_noise_and_no_scale_to_find(source: Mixtures) -> None:
    cells = torch.arange(288)
    found = align(
        source, Seen(cells, torch.full((288, 16), -math.log(16)), torch.full((288,), math.nan)), "none", np.ones(16)
    )
    assert (found.scale, found.offset, found.noise, found.curve) == (1.0, 0.0, (0.0, 0.0), [])
