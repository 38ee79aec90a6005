"""Several sources as one: their rows, their counts by weight, how often each is drawn, and what is refused."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders
import numpy as np
import pytest
from numpy.typing import NDArray

from dadist.config.methods import RareClasses
from dadist.data import rare_classes
from dadist.data.joining import Joined, join, opened
from dadist.data.loader import MixedOrder, Order, Sampling, SourceLoader, order_of
from dadist.data.prepared import Prepared
from dadist.prior import sampling
from dadist.storage.errors import DataError

SAMPLING = Sampling(batch=4, seed=7, mirror=True, device="cpu")


def joined(tmp_path: Path, counts: Sequence[int], weights: Sequence[float], **arrays: Any) -> Joined:
    """Sources of noise, or of one array each, as one."""
    for index, count in enumerate(counts):
        own = {name: value[index] for name, value in arrays.items()}
        builders.split(tmp_path / f"part{index}", count, seed=index, **own)
    join([tmp_path / f"part{index}" for index in range(len(counts))], weights, tmp_path / "set/sources")
    found = opened(tmp_path / "set/sources")
    assert isinstance(found, Joined)
    return found


def of_class(name: int, count: int) -> NDArray[np.uint8]:
    """Labels of one class everywhere."""
    return np.full((count, builders.HEIGHT, builders.WIDTH), name, np.uint8)


def test_rows_are_those_of_the_parts_in_their_order(tmp_path: Path) -> None:
    whole = joined(tmp_path, [3, 2], [1.0, 1.0])
    parts = [Prepared(tmp_path / name) for name in ("part0", "part1")]
    assert len(whole) == 5
    assert whole.names == [f"part0/{one}" for one in parts[0].names] + [f"part1/{one}" for one in parts[1].names]
    for name in ("images", "labels", "depth"):
        rows, expected = getattr(whole, name), np.concatenate([getattr(part, name) for part in parts])
        assert (rows.shape, rows.dtype, len(rows)) == (expected.shape, expected.dtype, 5)
        np.testing.assert_array_equal(rows[[4, 0, 3]], expected[[4, 0, 3]])
        np.testing.assert_array_equal(rows[np.array([2, 2])], expected[[2, 2]])
        np.testing.assert_array_equal(rows[1:4], expected[1:4])
        np.testing.assert_array_equal(rows[-1, 2:5, 3:9], expected[-1, 2:5, 3:9])
        np.testing.assert_array_equal(rows[3, [[0], [5]], [1, 2]], expected[3, [[0], [5]], [1, 2]])
        assert len(rows[[]]) == 0
        with pytest.raises(IndexError):
            rows[5]
    assert whole.pixels_of_each is not None
    np.testing.assert_array_equal(whole.pixels_of_each[3:], parts[1].pixels_of_each)


def test_pixels_count_by_weight(tmp_path: Path) -> None:
    pixels = builders.HEIGHT * builders.WIDTH
    whole = joined(tmp_path, [3, 1], [1.0, 3.0], labels=[of_class(0, 3), of_class(1, 1)])
    # A quarter of what is drawn is of the first source, three quarters of the second: of four images one and three.
    assert whole.pixels.tolist() == [pixels, 3 * pixels, 0, 0, 0, 0, 0]
    np.testing.assert_allclose(whole.chances, [1 / 12, 1 / 12, 1 / 12, 3 / 4])


def test_depth_is_there_if_every_part_has_it(tmp_path: Path) -> None:
    depth = np.full((2, builders.HEIGHT, builders.WIDTH), 500, np.uint16)
    whole = joined(tmp_path, [2, 2], [1.0, 1.0], depth=[depth, None])
    assert not whole.has_depth
    batch = SourceLoader(whole, SAMPLING, numerator=1000.0, zero_depth="keep")(0)
    assert not batch.valid.any()
    with pytest.raises(DataError, match=r"depth\.npy: expected depth, found no such file"):
        _ = whole.depth


def test_parts_of_two_sizes_are_refused(tmp_path: Path) -> None:
    images = [np.zeros((1, height, 64, 3), np.uint8) for height in (32, 16)]
    labels = [np.zeros((1, height, 64), np.uint8) for height in (32, 16)]
    with pytest.raises(DataError, match=r"part1: expected the size of .*part0, got another"):
        joined(tmp_path, [1, 1], [1.0, 1.0], images=images, labels=labels, depth=[None, None])


def test_a_part_that_was_made_anew_is_told(tmp_path: Path) -> None:
    joined(tmp_path, [2, 2], [1.0, 1.0])
    index = tmp_path / "part1/index.json"
    index.write_text(index.read_text().replace("0001", "0007"))
    with pytest.raises(
        DataError, match=r"part1: expected the source that .*sources was joined of, got another; delete .*sources, and"
    ):
        opened(tmp_path / "set/sources")
    index.unlink()
    with pytest.raises(DataError, match=r"part1: .* got none; delete .*sources, and run again"):
        opened(tmp_path / "set/sources")


# --- order


def test_an_epoch_has_of_each_source_what_its_weight_says() -> None:
    order = MixedOrder([30, 10], [0.25, 0.75], batch=4, seed=1)
    drawn = [row for step in range(10) for row in order(step)]
    assert sum(row < 30 for row in drawn) == 10
    large, small = (Counter(row for row in drawn if (row < 30) == first) for first in (True, False))
    assert set(large.values()) == {1}  # none twice before all have come
    assert set(small.values()) == {3}
    later = [row for step in range(10, 30) for row in order(step)]
    assert len({row for row in drawn + later if row < 30}) == 30  # three epochs go through the large source once


def test_a_batch_is_a_function_of_its_number_alone(tmp_path: Path) -> None:
    whole = joined(tmp_path, [5, 3], [1.0, 2.0])
    first, again = (SourceLoader(whole, SAMPLING, numerator=1000.0, zero_depth="ignore") for _ in range(2))
    batches = [first(step) for step in range(12)]
    for step in (11, 3, 7):  # as after a resume
        for one, other in zip(batches[step], again(step), strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())
    rows = [row for step in range(12) for row in first.order(step)]
    images = np.concatenate([batch.images.numpy() for batch in batches])
    mirrored = np.concatenate([batch.mirrored.numpy() for batch in batches])
    for row, image, turned in zip(rows, images, mirrored, strict=True):
        stored = whole.images[row].transpose(2, 0, 1).astype(np.float32)
        np.testing.assert_array_equal(image, stored[..., ::-1] if turned else stored)


def test_processes_share_the_one_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = joined(tmp_path, [5, 3], [1.0, 2.0])
    loader = SourceLoader(whole, replace(SAMPLING, crop=(16, 8)), numerator=1000.0, zero_depth="ignore")
    alone, halves = loader(3), []
    for mine in (slice(0, 2), slice(2, 4)):
        monkeypatch.setattr("dadist.runtime.distributed.share", lambda _, mine=mine: mine)
        halves.append(loader(3))
    for one, first, second in zip(alone, *halves, strict=True):
        np.testing.assert_array_equal(one.numpy(), np.concatenate([first.numpy(), second.numpy()]))


def test_one_source_has_the_order_that_it_had(tmp_path: Path) -> None:
    prepared = builders.split(tmp_path / "one")
    assert type(order_of(prepared, SAMPLING)) is Order
    assert type(opened(tmp_path / "one")) is Prepared


def test_rare_classes_count_and_are_drawn_by_weight(tmp_path: Path) -> None:
    whole = joined(tmp_path, [1, 1], [1.0, 3.0], labels=[of_class(0, 1), of_class(1, 1)])
    order = rare_classes.order(whole, SAMPLING, RareClasses(temperature=0.5, share=0.1))
    assert isinstance(order, rare_classes.RareOrder)
    expected = np.exp([1.5, 0.5])  # (1 - 1/4) / 0.5 and (1 - 3/4) / 0.5
    np.testing.assert_allclose(order.probability[:2], expected / expected.sum())
    alike = joined(tmp_path / "b", [1, 1], [1.0, 3.0], labels=[of_class(0, 1)] * 2)
    drawn = rare_classes.order(alike, SAMPLING, RareClasses(temperature=0.5, share=0.1))
    rows = Counter(row for step in range(500) for row in drawn(step))
    assert abs(rows[1] / 2000 - 0.75) < 0.03


# --- prior


@pytest.mark.parametrize(("points", "expected"), [(40, (10, 30)), (0, (64, 192))])
def test_points_of_the_mixtures_are_drawn_by_weight(tmp_path: Path, points: int, expected: tuple[int, int]) -> None:
    depths = [np.full((count, builders.HEIGHT, builders.WIDTH), cm, np.uint16) for count, cm in ((6, 99), (6, 199))]
    whole = joined(tmp_path, [6, 6], [1.0, 3.0], labels=[of_class(2, 6)] * 2, depth=depths)
    settings = replace(builders.DEMO.fit_gmm, points=points, nearest_m=0.0)
    found = sampling.sample(whole, settings, grid=builders.GRID, numerator=1000.0)
    first, second = (int(np.count_nonzero(found[2][:, 2] == z)) for z in (10.0, 5.0))
    assert (first, second) == expected  # all cells of the second, and a third as many of the first
    assert [len(one) for one in found] == [0, 0, sum(expected), 0, 0, 0, 0]
