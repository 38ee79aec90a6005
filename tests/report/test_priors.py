import dataclasses
import math

import builders
import numpy as np
import pytest

from dadist.prior.mixtures import Mixtures
from dadist.report.charts import style
from dadist.report.priors import BINS, depths, on_plane, over_depth, planes

CLASSES = builders.CLASSES


def mixtures(features: str = "xyz", **changes: object) -> Mixtures:
    """One normal per class: in the middle of the grid, 10 m away, independent; the last class has no fit."""
    at = [("xyz").index(one) for one in features]
    mean, deviation = np.array([3.5, 1.5, 1000 / 1001]), np.array([1.0, 0.5, 0.01])
    whole = builders.mixtures()
    weights = np.zeros((CLASSES, 2))
    weights[:-1, 0] = 1
    covariances = np.broadcast_to(np.diag(deviation[at] ** 2), (CLASSES, 2, len(at), len(at))).copy()
    values = {
        "features": features,
        "weights": weights,
        "means": np.broadcast_to(mean[at], (CLASSES, 2, len(at))).copy(),
        "covariances": covariances,
        **changes,
    }
    return dataclasses.replace(whole, **values)  # type: ignore[arg-type]


def test_the_plane_is_the_marginal_over_x_and_y_and_a_class_sums_to_one() -> None:
    found = on_plane(mixtures())
    assert found.shape == (CLASSES, 4, 8)
    peak = math.exp(-(0.5**2) / 2 - (0.5 / 0.5) ** 2 / 2) / (2 * math.pi * 1.0 * 0.5)  # cells (3, 1), (4, 2), …
    assert found[0].max() == pytest.approx(peak)
    assert found[0].sum() == pytest.approx(1, abs=0.05)
    assert (found[-1] == 0).all()


def test_coordinates_as_shares_of_the_height_give_the_same_plane() -> None:
    cells = mixtures()
    scaled = mixtures(
        scale=np.array([0.25, 0.25]),
        means=cells.means * [0.25, 0.25, 1],
        covariances=cells.covariances * np.outer([0.25, 0.25, 1], [0.25, 0.25, 1]),
    )
    np.testing.assert_allclose(on_plane(scaled), on_plane(cells))


def test_depth_is_the_marginal_over_z_in_bins_of_metres() -> None:
    edges, shares = over_depth(mixtures())
    assert shares.shape == (CLASSES, BINS)
    near = (edges[:-1] < 10.5) & (edges[1:] > 9.5)  # z of 10 m is 0.999, ± 0.01 is ± 0.1 m
    assert shares[0, near].sum() == pytest.approx(1, abs=1e-6)
    assert shares[0].sum() == pytest.approx(1)
    assert (shares[-1] == 0).all()


def test_a_component_as_narrow_as_the_skys_is_not_missed() -> None:
    narrow = mixtures()
    narrow.covariances[:, :, 2, 2] = 1e-12
    narrow.means[:, :, 2] = 1000 / 65536  # far
    _, shares = over_depth(narrow)
    assert shares[0, -1] == pytest.approx(1)


@pytest.mark.parametrize("features", ["xy", "z", "yz"])
def test_mixtures_without_a_part_are_told_apart(features: str) -> None:
    some = mixtures(features)
    if "z" in features:
        assert over_depth(some)[1][0].sum() == pytest.approx(1)
        with pytest.raises(ValueError, match="expected features x and y"):
            on_plane(some)
    else:
        assert on_plane(some)[0].sum() == pytest.approx(1, abs=0.05)
        with pytest.raises(ValueError, match="expected feature z"):
            over_depth(some)


def test_both_charts_have_axes_for_every_class_and_say_which_has_no_pixel() -> None:
    with style():
        for draw in (planes, depths):
            axes = [one for one in draw(mixtures()).axes if one.get_visible()]
            assert [one.get_title(loc="left") for one in axes] == builders.SEVEN.names
            assert [text.get_text() for text in axes[-1].texts] == ["no pixel on the source"]
            assert axes[0].get_ylabel()
            assert axes[-1].get_xlabel()
