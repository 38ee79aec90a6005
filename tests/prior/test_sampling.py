import dataclasses
from dataclasses import dataclass
from typing import Any

import builders
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from dadist.classes import CLASS_SETS, IGNORE, ClassSet
from dadist.prior.sampling import sample


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


def draw(
    prepared: Maps, points: int = 0, *, grid: tuple[int, int] = (9, 5), numerator: float = 1000.0, **changes: Any
) -> list[NDArray[np.float64]]:
    settings = dataclasses.replace(
        builders.DEMO.fit_gmm, points=points, **{"seed": 3, "zero_depth": "ignore", "nearest_m": 0.0} | changes
    )
    return sample(prepared, settings, grid=grid, numerator=numerator)  # type: ignore[arg-type]


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


def test_cells_nearer_than_asked_are_left_out_and_those_without_depth_are_another_matter() -> None:
    depth = np.array([[[0, 1, 99, 100, 65535]]], np.uint16)  # cm
    prepared = Maps(np.zeros_like(depth, np.uint8), depth)

    def columns(**changes: Any) -> list[float]:
        return draw(prepared, grid=(5, 1), nearest_m=1.0, **changes)[0][:, 0].tolist()

    assert columns(zero_depth="keep") == [0, 3, 4]
    assert columns(zero_depth="ignore") == [3, 4]


def test_a_limit_that_no_class_reaches_draws_what_no_limit_does() -> None:
    prepared = maps(4, 20, 27)
    for limited, everything in zip(draw(prepared, 10**6), draw(prepared), strict=True):
        assert_array_equal(limited, everything)
