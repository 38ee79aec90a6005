from pathlib import Path

import made_mixtures
import numpy as np
import pytest
import torch

from dadist.config.prior_sections import Prior
from dadist.prior.fusion import Fusion, Given
from dadist.prior.mixtures import Mixtures
from dadist.report.charts import style
from dadist.report.depth_given_place import BINS, ROWS, Column, add_column
from dadist.report.figure_index import opened
from dadist.report.figure_set import FigureSet

PRIOR, NOISE = Prior(1.0, 0.5, None, -30.0, "labels", "files"), (2.0, 0.1)
GRID = (8, 4)


def two(numerator: float = 65536) -> Mixtures:
    """Everywhere: class 0 is 4 m away and class 1 is 40 m away, give or take a tenth; the others have no mixture."""
    weights, means = np.zeros((7, 1)), np.zeros((7, 1, 3))
    weights[:2] = 1
    means[:2, 0] = [[4, 2, numerator / 401], [4, 2, numerator / 4001]]
    covariances = np.broadcast_to(np.eye(3), (7, 1, 3, 3)) * np.array([100.0, 100.0, 1.0])
    covariances = covariances.copy()
    covariances[0, 0, 2, 2], covariances[1, 0, 2, 2] = (0.1 * means[:2, 0, 2]) ** 2
    return made_mixtures.mixtures(weights, means, covariances, grid=GRID)


@pytest.mark.parametrize("full", [True, False])
def test_the_share_of_a_bin_is_the_integral_of_what_the_fusion_adds(full: bool) -> None:
    mixtures = made_mixtures.made_up(GRID, full=full)
    column, row, bin = Column(mixtures, PRIOR, NOISE, 0.6), 70, 20
    assert column.cell == 4
    fusion = Fusion(Given(mixtures, (GRID[0], ROWS)).double(), PRIOR, NOISE).double()
    far, near = (mixtures.numerator / (100 * one + 1) for one in (column.edges[bin + 1], column.edges[bin]))
    z = torch.linspace(far, near, 2001, dtype=torch.float64)
    cells = z[:, None].expand(-1, GRID[0] * ROWS)
    density = fusion.of_depth(cells)[..., row * GRID[0] + column.cell].exp().numpy()  # (2001, C)
    expected = np.trapezoid(density, z.numpy(), axis=0)
    fitted = column.fitted
    np.testing.assert_allclose(column.shares()[fitted, row, bin], expected[fitted], rtol=1e-6, atol=1e-30)


def test_shares_are_where_the_class_is_and_nothing_is_lost_in_the_distance() -> None:
    shares = Column(two(), PRIOR, (0.0, 0.0), 0.5).shares()
    assert shares.shape == (7, ROWS, BINS)
    np.testing.assert_allclose(shares[:2].sum(-1), 1, atol=1e-6)
    assert not shares[2:].any()
    far = made_mixtures.mixtures(*_sky(), grid=GRID)
    np.testing.assert_allclose(Column(far, PRIOR, (0.0, 0.0), 0.5).shares()[0, :, -1], 1, atol=1e-6)


def _sky() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    weights = np.zeros((7, 1))
    weights[0] = 1
    means = np.full((7, 1, 3), 1.0)
    return weights, means, np.broadcast_to(np.diag([100.0, 100.0, 1e-6]), (7, 1, 3, 3)).copy()


@pytest.mark.parametrize("at", [0.0, 0.5, 1.0])
def test_the_likeliest_class_is_near_or_far(at: float) -> None:
    column = Column(two(), PRIOR, (0.0, 0.0), at)
    picked, middle = column.likeliest(), np.sqrt(column.edges[1:] * column.edges[:-1])
    assert (picked[:, (middle > 3.5) & (middle < 4.5)] == 0).all()
    assert (picked[:, (middle > 35) & (middle < 45)] == 1).all()


def test_every_class_has_a_map_behind_that_of_the_likeliest_and_one_without_pixels_says_so(tmp_path: Path) -> None:
    made, mixtures = FigureSet(tmp_path, 60), two()
    with style():
        axes = Column(mixtures, PRIOR, NOISE, 0.5).chart().axes
        add_column(made, mixtures, PRIOR, NOISE, 0.5)
    made.close()
    shown = [one for one in axes if one.get_visible()]
    assert [one.get_title(loc="left") for one in shown] == ["likeliest class", *mixtures.classes.names]
    empty = [any("no pixel" in text.get_text() for text in one.texts) for one in shown]
    assert empty == [False, False, False, *[True] * 5]
    first = shown[1].images[0].get_array()  # class 0: its colour where densest, white far away
    colour = np.array(mixtures.classes.colours[0]) / 255
    np.testing.assert_allclose(np.asarray(first)[ROWS // 2].min(0), colour, atol=0.02)
    np.testing.assert_allclose(np.asarray(first)[:, -1], 1, atol=1e-6)
    (told,) = opened(tmp_path)
    assert told.name == "depth_given_place"
    assert "column 4 of 8" in told.caption
