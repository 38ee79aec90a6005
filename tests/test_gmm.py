import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from oracles import log_density
from sklearn.mixture import GaussianMixture

from dadist import gmm
from dadist.classes import CLASS_SETS, IGNORE, ClassSet

SETTINGS: dict[str, Any] = {
    "classes": CLASS_SETS["7"],
    "components": 2,
    "covariance": "diag",
    "coordinates": "height",
    "reg_covar": 1e-6,
    "held_out": 0.0,
    "seed": 1,
    "grid": (24, 12),
    "numerator": 1000,
    "images": 3,
}


@dataclass
class Maps:
    """What sampling reads of a prepared split."""

    labels: NDArray[np.uint8]
    depth: NDArray[np.uint16]
    classes: ClassSet = CLASS_SETS["7"]

    def __len__(self) -> int:
        return len(self.labels)


def maps(images: int, height: int, width: int, seed: int = 0) -> Maps:
    random = np.random.default_rng(seed)
    labels = random.choice(
        np.array([0, 1, 2, 4, IGNORE], np.uint8), (images, height, width), p=[0.5, 0.2, 0.1, 0.1, 0.1]
    )
    depth = random.choice(np.array([0, 99, 999, 65535], np.uint16), labels.shape)
    return Maps(labels, depth)


def draw(prepared: Maps, points: int = 10**9, zero_depth: str = "ignore", **more: Any) -> list[NDArray[np.float64]]:
    settings: dict[str, Any] = {"grid": (9, 5), "numerator": 1000.0, "seed": 3, "zero_depth": zero_depth} | more
    return gmm.sample(prepared, points=points, **settings)  # type: ignore[arg-type]


def clouds(*sizes: int, seed: int = 0) -> list[NDArray[np.float64]]:
    """Per class so many points around (10, 5, 30)."""
    random = np.random.default_rng(seed)
    return [random.normal((10, 5, 30), (4, 2, 8), (size, 3)) for size in (*sizes, *[0] * (7 - len(sizes)))]


def test_centres_are_the_pixels_that_hold_the_cells_centres() -> None:
    assert gmm.centres(760, 96).tolist() == [int((i + 0.5) * 760 / 96) for i in range(96)]
    assert gmm.centres(1280, 161).tolist() == [int((i + 0.5) * 1280 / 161) for i in range(161)]
    assert gmm.centres(4, 4).tolist() == [0, 1, 2, 3]
    assert gmm.centres(2, 4).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("zero_depth", ["keep", "ignore"])
def test_without_a_limit_every_labelled_cell_is_drawn_once(zero_depth: str) -> None:
    prepared = maps(4, 20, 27)
    expected: list[list[tuple[float, ...]]] = [[] for _ in range(7)]
    for labels, depth in zip(prepared.labels, prepared.depth, strict=True):
        for y in range(5):
            for x in range(9):
                label, cm = labels[4 * y + 2, 3 * x + 1], int(depth[4 * y + 2, 3 * x + 1])
                if label != IGNORE and (cm > 0 or zero_depth == "keep"):
                    expected[label].append((x, y, 1000 / (cm + 1)))
    drawn = draw(prepared, zero_depth=zero_depth)
    assert [sorted(map(tuple, points.tolist())) for points in drawn] == [sorted(points) for points in expected]


def test_inverse_depth_of_the_papers_raw_values() -> None:
    depth = np.array([[[0, 1, 100, 1000, 65535]]], np.uint16)
    drawn = draw(Maps(np.zeros_like(depth, np.uint8), depth), zero_depth="keep", grid=(5, 1), numerator=65536)
    assert_allclose(drawn[0][:, 2], [65536, 32768, 648.8713, 65.4705, 1], rtol=1e-6)


def test_a_limited_draw_is_a_subset_without_repeats_and_repeatable() -> None:
    prepared = maps(6, 20, 27)
    everything, limited = draw(prepared, zero_depth="keep"), draw(prepared, 12, zero_depth="keep")
    assert [len(points) for points in limited] == [min(12, len(points)) for points in everything]
    assert len(limited[0]) == 12
    for few, many in zip(limited, everything, strict=True):
        remaining = list(map(tuple, many.tolist()))
        for point in map(tuple, few.tolist()):
            remaining.remove(point)  # ValueError if it is not there, or not that often
    for first, again in zip(limited, draw(prepared, 12, zero_depth="keep"), strict=True):
        assert_array_equal(first, again)
    assert not np.array_equal(limited[0], draw(prepared, 12, zero_depth="keep", seed=4)[0])


def test_every_cell_of_a_class_is_drawn_equally_often() -> None:
    labels = np.full((5, 1, 4), IGNORE, np.uint8)
    labels[0], labels[2], labels[4, 0, :2] = 3, 3, 3  # 4 + 4 + 2 cells
    depth = np.arange(1, 21, dtype=np.uint16).reshape(5, 1, 4)
    drawn = [draw(Maps(labels, depth), 3, grid=(4, 1), seed=seed)[3][:, 2] for seed in range(2000)]
    values, counts = np.unique(np.concatenate(drawn), return_counts=True)
    assert_allclose(np.sort(1000 / values - 1), [1, 2, 3, 4, 9, 10, 11, 12, 17, 18])
    assert_allclose(counts, 600, atol=5 * np.sqrt(2000 * 0.3 * 0.7))


def test_a_fit_finds_the_mixture_that_made_the_points() -> None:
    random = np.random.default_rng(5)
    near, far = random.normal((4, 9, 60), (2, 1, 5), (3000, 3)), random.normal((18, 2, 10), (3, 1, 2), (1000, 3))
    mixtures = gmm.fit([np.concatenate((near, far)), *clouds()[1:]], **SETTINGS)
    order = np.argsort(-mixtures.weights[0])
    assert_allclose(mixtures.weights[0, order], [0.75, 0.25], atol=1e-3)
    assert_allclose(mixtures.means[0, order] * (12, 12, 1), [[4, 9, 60], [18, 2, 10]], atol=0.3)
    deviations = np.sqrt(np.diagonal(mixtures.covariances[0, order], axis1=1, axis2=2)) * (12, 12, 1)
    assert_allclose(deviations, [[2, 1, 5], [3, 1, 2]], rtol=0.05)
    assert_array_equal(mixtures.scale, [1 / 12, 1 / 12])


@pytest.mark.parametrize("covariance", ["diag", "full"])
def test_the_fit_is_scikit_learns_and_its_likelihoods_are_the_formulas(covariance: Any) -> None:
    points = clouds(400, 300)
    settings = SETTINGS | {"covariance": covariance, "coordinates": "cells", "held_out": 0.1}
    mixtures = gmm.fit(points, **settings)
    assert mixtures.points.tolist() == [360, 270, 0, 0, 0, 0, 0]
    medians = []
    for c, of_class in enumerate(points[:2]):
        shuffled = np.random.default_rng(1).permutation(of_class)
        kept = shuffled[: mixtures.points[c]]
        expected = GaussianMixture(2, covariance_type=covariance, reg_covar=1e-6, random_state=1).fit(kept)
        assert_allclose(mixtures.means[c], expected.means_, rtol=1e-9)
        mixture = mixtures.weights[c], mixtures.means[c], mixtures.covariances[c]
        rest = [log_density(*mixture, point) for point in shuffled[mixtures.points[c] :]]
        assert_allclose(mixtures.held_out[c], np.mean(rest), rtol=1e-9)
        medians.append(np.median([log_density(*mixture, point) for point in kept]))
    assert np.isnan(mixtures.held_out[2:]).all()
    assert_allclose(mixtures.median, np.exp((360 * medians[0] + 270 * medians[1]) / 630), rtol=1e-9)


def test_few_points_get_few_components_and_none_get_density_zero(caplog: pytest.LogCaptureFixture) -> None:
    mixtures = gmm.fit(clouds(50, 29, 19, 2, 1), **SETTINGS | {"components": 3, "held_out": 0.0})
    assert (mixtures.weights > 0).sum(1).tolist() == [3, 2, 1, 1, 0, 0, 0]
    assert_allclose(mixtures.weights.sum(1), [1, 1, 1, 1, 0, 0, 0])
    assert mixtures.points.tolist() == [50, 29, 19, 2, 0, 0, 0]
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [message.split(",")[0] for message in warned] == ["sky: 1 points", "human: 0 points", "vehicle: 0 points"]


def test_held_out_points_never_leave_less_than_two_to_fit() -> None:
    mixtures = gmm.fit(clouds(2, 3), **SETTINGS | {"held_out": 0.9})
    assert mixtures.points.tolist() == [2, 2, 0, 0, 0, 0, 0]
    assert np.isfinite(mixtures.held_out).tolist() == [False, True, *[False] * 5]


def test_constant_depth_and_repeated_points_are_fitted_and_warnings_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sky = clouds(200)[0] * (1, 1, 0) + (0, 0, 1)
    mixtures = gmm.fit([sky, np.tile([[3.0, 4.0, 5.0]], (40, 1)), *clouds()[2:]], **SETTINGS)
    assert_allclose(mixtures.covariances[0, :, 2, 2], 1e-6, rtol=1e-3)  # reg_covar alone
    assert np.isfinite(mixtures.median)
    assert all(np.isfinite(field).all() for field in (mixtures.weights, mixtures.means, mixtures.covariances))
    assert any("construction: " in message and "distinct clusters" in message for message in caplog.messages)


def test_a_fit_without_any_points_says_so() -> None:
    with pytest.raises(ValueError, match="expected two or more of some class, got none"):
        gmm.fit(clouds(1, 0), **SETTINGS)


def test_a_fit_gives_the_same_numbers_again() -> None:
    first, again = (gmm.fit(clouds(500, 300), **SETTINGS | {"held_out": 0.1}) for _ in range(2))
    assert_array_equal(first.covariances, again.covariances)
    assert first.median == again.median


def test_mixtures_come_back_from_their_file_as_they_were(tmp_path: Path) -> None:
    mixtures = gmm.fit(clouds(60, 40), **SETTINGS | {"held_out": 0.1})
    mixtures.save(tmp_path / "prior" / "mixtures.npz")
    again = gmm.Mixtures.load(tmp_path / "prior" / "mixtures.npz")
    for name, value in vars(mixtures).items():
        assert_array_equal(getattr(again, name), value)
        assert type(getattr(again, name)) is type(value) or name == "numerator"
    assert [path.name for path in (tmp_path / "prior").iterdir()] == ["mixtures.npz"]


def test_a_file_without_mixtures_is_named_with_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "mixtures.npz"
    with pytest.raises(
        FileNotFoundError, match=r"mixtures\.npz: expected mixtures, found no file; run the rule fit_gmm"
    ):
        gmm.Mixtures.load(path)
    mixtures = gmm.fit(clouds(60), **SETTINGS)
    mixtures.save(path)
    whole = path.read_bytes()
    values = {name: getattr(mixtures, name) for name in ("weights", "means")}
    for content in (b"", b"text", whole[:-40], whole[: len(whole) // 2], values, values | {"grid": 3}, np.arange(3)):
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, dict):
            np.savez(path, **content)
        else:
            with path.open("wb") as file:
                np.save(file, content)
        with pytest.raises(ValueError, match=r"mixtures\.npz: expected mixtures .* got .*; delete it and run"):
            gmm.Mixtures.load(path)


def test_pickled_mixtures_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "mixtures.npz", weights=np.array([{"any": "object"}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        gmm.Mixtures.load(tmp_path / "mixtures.npz")


def test_mixtures_of_another_class_set_do_not_fit() -> None:
    mixtures = gmm.fit(clouds(60), **SETTINGS)
    with pytest.raises(ValueError, match=r"weights: expected shape \(16, 2\) for 2 components a class, got \(7, 2\)"):
        gmm.Mixtures(**vars(mixtures) | {"classes": CLASS_SETS["16"]})
