import logging
import math
from pathlib import Path

import builders
import numpy as np
import pytest

from dadist.config.methods import RareClasses
from dadist.data.loader import Order, Sampling, SourceLoader
from dadist.data.prepared import Prepared
from dadist.data.rare_classes import RareOrder, order
from dadist.storage.errors import DataError

COMMON, RARE, ABSENT, SMALL = 0, 3, 5, 6


def split(folder: Path) -> Prepared:
    """Eight images of class 0; the third and the seventh are half of class 3, the first has two pixels of class 6."""
    labels = np.zeros((8, 32, 64), np.uint8)
    labels[[2, 6], :, 48:] = RARE
    labels[2, :, 32:48] = RARE
    labels[0, 0, :2] = SMALL
    return builders.split(folder, 8, labels=labels)


def rare(
    prepared: Prepared, *, temperature: float = 0.1, share: float = 0.1, batch: int = 4, seed: int = 1
) -> RareOrder:
    return RareOrder(prepared, batch, seed, None, RareClasses(temperature, share))


def test_a_class_is_drawn_by_the_softmax_of_how_rare_it_is(tmp_path: Path) -> None:
    found = rare(split(tmp_path / "split"))
    pixels = 8 * 32 * 64
    f = {COMMON: (pixels - 3 * 16 * 32 - 2) / pixels, RARE: 3 * 16 * 32 / pixels}
    odds = {name: math.exp((1 - share) / 0.1) for name, share in f.items()}
    expected = [odds.get(name, 0.0) / sum(odds.values()) for name in range(7)]  # no image has enough of class 6
    np.testing.assert_allclose(found.probability, expected, rtol=1e-12)
    assert {RARE: [2, 6], COMMON: [*range(8)]} == {name: found.images[name].tolist() for name in (RARE, COMMON)}


def test_images_are_drawn_as_often_as_their_classes(tmp_path: Path) -> None:
    found = rare(split(tmp_path / "split"), temperature=0.5)
    rows = np.array([found(step) for step in range(1000)])
    assert rows.shape == (1000, 4)
    p = found.probability
    shares = np.bincount(rows.ravel(), minlength=8) / rows.size
    expected = np.full(8, p[COMMON] / 8) + np.isin(np.arange(8), [2, 6]) * p[RARE] / 2
    np.testing.assert_allclose(shares, expected, atol=0.03)  # 4000 draws: four deviations of a third are 0.03


def test_a_batch_is_a_function_of_seed_and_step(tmp_path: Path) -> None:
    prepared = split(tmp_path / "split")
    assert rare(prepared)(5) == rare(prepared)(5)
    assert [rare(prepared)(step) for step in range(9)] != [rare(prepared, seed=2)(step) for step in range(9)]


def test_with_a_temperature_near_0_only_the_rarest_class_is_drawn(tmp_path: Path) -> None:
    found = rare(split(tmp_path / "split"), temperature=1e-4)
    assert {row for step in range(50) for row in found(step)} == {2, 6}


def test_crops_have_enough_of_the_class_where_ten_tries_find_one(tmp_path: Path) -> None:
    prepared = split(tmp_path / "split")
    sampling = Sampling(4, 1, mirror=False, device="cpu", crop=(16, 16))
    found = order(prepared, sampling, RareClasses(1e-4, 0.1))
    load = SourceLoader(prepared, sampling, numerator=1000.0, zero_depth="keep", order=found)
    shares = [(image == RARE).float().mean().item() for step in range(20) for image in load(step).labels]
    assert np.mean([share >= 0.1 for share in shares]) > 0.95
    alike = SourceLoader(prepared, sampling, numerator=1000.0, zero_depth="keep", order=Order(8, 4, 1))
    shares = [(image == RARE).float().mean().item() for step in range(20) for image in alike(step).labels]
    assert np.mean([share >= 0.1 for share in shares]) < 0.5


def test_what_is_drawn_how_often_stands_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    prepared = split(tmp_path / "split")
    with caplog.at_level(logging.INFO):
        assert type(order(prepared, Sampling(4, 1, mirror=False, device="cpu"), None)) is Order
        assert not caplog.text
        order(prepared, Sampling(4, 1, mirror=False, device="cpu"), RareClasses(0.5, 0.1))
    assert "rare classes, by how often they are drawn: nature 0.835 (2 images), flat 0.165 (8 images)," in caplog.text


def test_a_share_that_no_image_reaches_is_refused(tmp_path: Path) -> None:
    labels = np.arange(32 * 64, dtype=np.uint8).reshape(1, 32, 64) % 7
    prepared = builders.split(tmp_path / "split", 1, labels=labels)
    with pytest.raises(
        DataError, match=r"split: expected an image of which one class has 0\.5 or more, got none; lower"
    ):
        rare(prepared, share=0.5)
