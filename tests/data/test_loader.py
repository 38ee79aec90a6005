from pathlib import Path

import builders
import numpy as np
import pytest
import torch
from torch.testing import assert_close

from dadist.data.loader import Order, Sampling, Source, SourceLoader, TargetLoader
from dadist.data.prepared import Prepared


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return builders.split(tmp_path / "split", 5)


def load(prepared: Prepared, step: int, *, mirror: bool = True, seed: int = 0, zero_depth: str = "keep") -> Source:
    sampling = Sampling(3, seed, mirror, "cpu")
    return SourceLoader(prepared, sampling, numerator=1000.0, zero_depth=zero_depth)(step)


def numbered(folder: Path) -> Prepared:
    """Five images; each pixel of image, label and depth tells which image and which column it is of."""
    index, column = np.arange(5)[:, None, None], np.arange(builders.WIDTH)
    grey = np.broadcast_to(index * 40 + column // 2, (5, builders.HEIGHT, builders.WIDTH))
    return builders.split(
        folder,
        images=np.stack([grey] * 3, -1).astype(np.uint8),
        labels=(grey % 7).astype(np.uint8),
        depth=(grey * 10 + 1).astype(np.uint16),
    )


@pytest.mark.parametrize(("items", "batch"), [(5, 2), (6, 3), (3, 4), (7, 1)])
def test_an_epoch_sees_every_item_once(items: int, batch: int) -> None:
    order = Order(items, batch, seed=3)
    drawn = [index for step in range(3 * items) for index in order(step)]
    assert len(drawn) == 3 * items * batch
    epochs = np.array(drawn[: 3 * items]).reshape(3, items)
    assert (np.sort(epochs) == np.arange(items)).all()


def test_epochs_and_seeds_draw_different_orders() -> None:
    first, second = (Order(50, 50, seed=3)(step) for step in (0, 1))
    assert first != second
    assert first != Order(50, 50, seed=4)(0)


def test_about_half_of_the_images_are_mirrored() -> None:
    share = np.mean([Order(5, 4, seed=3).flips(step) for step in range(500)])
    assert 0.45 < share < 0.55  # 2000 draws: three deviations are 0.034


def test_a_batch_is_a_pure_function_of_seed_and_step(prepared: Prepared) -> None:
    straight = [load(prepared, step) for step in range(4)]
    np.random.default_rng(0).random()
    torch.rand(3)
    for step in (3, 0, 2, 1):  # in another order, each from a new loader
        for mine, again in zip(straight[step], load(prepared, step), strict=True):
            assert torch.equal(mine, again)
    assert not torch.equal(straight[0].images, straight[1].images)
    assert not torch.equal(straight[0].images, load(prepared, 0, seed=1).images)


def test_an_empty_split_is_refused() -> None:
    with pytest.raises(ValueError, match="expected at least one image to train on, got none; look at"):
        Order(0, 2, seed=0)


def test_a_batch_has_the_documented_shapes_and_types(prepared: Prepared) -> None:
    images, labels, inverse_depth, valid, mirrored = load(prepared, 0)
    assert (images.shape, images.dtype) == ((3, 3, 32, 64), torch.float32)
    assert (labels.shape, labels.dtype) == ((3, 32, 64), torch.int64)
    assert (inverse_depth.shape, inverse_depth.dtype) == ((3, 1, 32, 64), torch.float32)
    assert (valid.shape, valid.dtype) == ((3, 1, 32, 64), torch.bool)
    assert (mirrored.shape, mirrored.dtype) == ((3,), torch.bool)
    assert images.is_contiguous()


def test_without_mirroring_a_batch_is_the_rows_of_the_split(prepared: Prepared) -> None:
    batch = load(prepared, 0, mirror=False)
    rows = Order(5, 3, seed=0)(0)
    assert_close(batch.images, torch.from_numpy(prepared.images[rows]).permute(0, 3, 1, 2).float())
    assert_close(batch.labels, torch.from_numpy(prepared.labels[rows]).long())
    assert not batch.mirrored.any()


def test_image_labels_and_depth_are_mirrored_together(tmp_path: Path) -> None:
    prepared = numbered(tmp_path / "split")
    mirrored = 0
    for step in range(10):
        batch = load(prepared, step, zero_depth="ignore")
        grey = batch.images[:, 0].long()
        assert torch.equal(batch.labels, grey % 7)
        assert_close(batch.inverse_depth[:, 0], 1000.0 / (grey * 10 + 2))
        assert torch.equal(batch.mirrored, grey[:, 0, 0] > grey[:, 0, -1])
        mirrored += int(batch.mirrored.sum())
    assert 5 < mirrored < 25


def test_target_images_and_pseudo_labels_are_mirrored_together(tmp_path: Path) -> None:
    prepared = numbered(tmp_path / "split")
    loader = TargetLoader(prepared, Sampling(3, 0, True, "cpu"), prepared.labels)
    for step in range(10):
        images, labels, mirrored, *depth, rows = loader(step)
        assert set(depth) == {None}
        assert labels is not None
        assert labels.dtype == torch.int64
        assert torch.equal(labels, images[:, 0].long() % 7)
        assert torch.equal(mirrored, images[:, 0, 0, 0] > images[:, 0, 0, -1])
        assert rows is not None
        assert rows.tolist() == loader.order(step)


def test_margins_and_padding_are_not_trusted_wherever_an_image_is_cut_and_mirrored(tmp_path: Path) -> None:
    """Red and green of a pixel are its column and its row."""
    row, column = np.mgrid[:32, :64].astype(np.uint8)
    images = np.broadcast_to(np.stack([column, row, row], -1), (4, 32, 64, 3))
    padded = builders.split(tmp_path / "split", images=images, labels=None, depth=None, content=[[48, 32]] * 4)
    sampling, seen = Sampling(2, 0, mirror=True, device="cpu", crop=(24, 20)), set()
    load = TargetLoader(padded, sampling, margins=(0.1, 0.25, 0.125, 0.0))
    for step in range(20):
        batch = load(step)
        assert batch.trusted is not None
        columns, rows = batch.images[:, 0], batch.images[:, 1]
        expected = (rows >= 3) & (rows < 24) & (columns >= 8) & (columns < 48)
        assert torch.equal(batch.trusted, expected)
        seen |= {bool(one) for one in batch.mirrored}
    assert seen == {False, True}
    assert TargetLoader(padded, sampling)(0).trusted is None


def test_only_images_with_pseudo_labels_are_drawn(tmp_path: Path) -> None:
    prepared = numbered(tmp_path / "split")
    loader = TargetLoader(prepared, Sampling(3, 0, False, "cpu"), prepared.labels[:2])
    drawn = {index for step in range(10) for index in loader.order(step)}
    assert drawn == {0, 1}


def test_source_and_target_are_drawn_apart(prepared: Prepared) -> None:
    sampling = Sampling(3, 0, True, "cpu")
    source = SourceLoader(prepared, sampling, numerator=1000.0, zero_depth="keep")
    target = TargetLoader(prepared, sampling)
    assert [source.order(step) for step in range(5)] != [target.order(step) for step in range(5)]
    assert any((source.order.flips(step) != target.order.flips(step)).any() for step in range(5))


def test_a_target_batch_opens_no_label(tmp_path: Path) -> None:
    images, labels, *_ = TargetLoader(builders.unlabelled(tmp_path / "split"), Sampling(2, 0, False, "cpu"))(0)
    assert images.shape == (2, 3, 32, 64)
    assert labels is None


@pytest.mark.parametrize(
    ("depth_cm", "expected"), [(999, 1.0), (0, 1000.0), (65535, 1000 / 65536), (1999, 0.5), (32767, 1000 / 32768)]
)
def test_inverse_depth_is_the_numerator_over_centimetres_and_one(
    tmp_path: Path, depth_cm: int, expected: float
) -> None:
    depth = np.full((2, 32, 64), depth_cm, np.uint16)
    batch = load(builders.split(tmp_path / "split", 2, depth=depth), 0)
    assert_close(batch.inverse_depth, torch.full((3, 1, 32, 64), expected))


def test_pixels_without_depth_are_kept_or_ignored_as_asked(tmp_path: Path) -> None:
    depth = np.tile(np.array([0, 1], np.uint16), (2, 32, 32))
    prepared = builders.split(tmp_path / "split", 2, depth=depth)
    assert load(prepared, 0, mirror=False, zero_depth="keep").valid.all()
    valid = load(prepared, 0, mirror=False, zero_depth="ignore").valid
    assert torch.equal(valid, torch.tensor([False, True]).repeat(32).expand(3, 1, 32, 64))


def test_padding_has_no_valid_depth(tmp_path: Path) -> None:
    prepared = builders.split(tmp_path / "split", 3, depth=np.full((3, 32, 64), 7, np.uint16), content=[[64, 20]] * 3)
    valid = load(prepared, 0, mirror=False, zero_depth="keep").valid
    assert valid[:, :, :20].all()
    assert not valid[:, :, 20:].any()


def test_the_targets_depth_is_mirrored_with_its_images_and_never_counts_where_it_is_missing(tmp_path: Path) -> None:
    prepared = numbered(tmp_path / "split")
    assert TargetLoader(prepared, Sampling(3, 0, True, "cpu"))(0).inverse_depth is None  # unless it is asked for
    loader = TargetLoader(prepared, Sampling(3, 0, True, "cpu"), numerator=1000.0)
    for step in range(5):
        batch = loader(step)
        assert batch.inverse_depth is not None
        assert batch.valid is not None
        assert_close(batch.inverse_depth[:, 0], 1000.0 / (batch.images[:, 0] * 10 + 2))
        assert batch.valid.all()
    gaps = np.tile(np.array([0, 1], np.uint16), (2, 32, 32))
    measured = builders.split(tmp_path / "gaps", 2, labels=None, depth=gaps)
    valid = TargetLoader(measured, Sampling(2, 0, False, "cpu"), numerator=1000.0)(0).valid
    assert valid is not None
    assert torch.equal(valid, torch.tensor([False, True]).repeat(32).expand(2, 1, 32, 64))


def test_depth_comes_as_it_is_stored_too_and_alone_where_it_is_relative(tmp_path: Path) -> None:
    prepared = numbered(tmp_path / "split")
    loader = TargetLoader(prepared, Sampling(3, 0, True, "cpu"), numerator=1000.0)
    for kind in ("metric", "relative"):
        prepared.depth_kind = kind
        batch = loader(0)
        assert batch.depth is not None
        assert_close(batch.depth, batch.images[:, 0] * 10 + 1)
        assert (batch.inverse_depth is None) == (batch.valid is None) == (kind == "relative")


def test_a_target_without_depth_has_none(tmp_path: Path) -> None:
    batch = TargetLoader(builders.unlabelled(tmp_path / "bare"), Sampling(2, 0, False, "cpu"), numerator=1000.0)(0)
    assert batch.inverse_depth is batch.valid is None


def test_a_crop_cuts_the_same_piece_out_of_image_labels_and_depth(tmp_path: Path) -> None:
    places = np.arange(32 * 64, dtype=np.uint16).reshape(32, 64) + 1  # each pixel says where it is
    images = np.stack([places // 64, places % 64, np.zeros_like(places)], -1).astype(np.uint8)
    arrays = {
        "images": np.stack([images] * 5),
        "labels": np.stack([places % 7] * 5).astype(np.uint8),
        "depth": np.stack([places] * 5),
    }
    prepared = builders.split(tmp_path / "split", **arrays)
    seen = set()
    for mirror in (False, True):
        loader = SourceLoader(prepared, Sampling(3, 0, mirror, "cpu", (24, 16)), numerator=1e6, zero_depth="ignore")
        for step in range(6):
            batch = loader(step)
            assert (batch.images.shape, batch.labels.shape) == ((3, 3, 16, 24), (3, 16, 24))
            place = (1e6 / batch.inverse_depth[:, 0] - 1).round().long()  # (B, 16, 24)
            assert torch.equal(batch.images[:, 0].long(), place // 64)
            assert torch.equal(batch.images[:, 1].long(), place % 64)
            assert torch.equal(batch.labels, place % 7)
            across, down = place[:, 0, 1] - place[:, 0, 0], place[:, 1, 0] - place[:, 0, 0]
            assert torch.equal(across, torch.where(batch.mirrored, -1, 1))
            assert (down == 64).all()
            seen |= set(place[:, 0, 0].tolist())
            assert all(map(torch.equal, batch, loader(step)))
    assert len(seen) > 20  # of 36


def test_crops_reach_every_corner_and_no_farther() -> None:
    corners = np.concatenate([Order(5, 4, seed=3).corners(step, (3, 1)) for step in range(200)])
    assert {tuple(corner) for corner in corners.tolist()} == {(x, y) for x in range(4) for y in range(2)}
    assert (Order(5, 4, seed=3).corners(0, (0, 0)) == 0).all()


def test_target_images_depth_and_pseudo_labels_are_cut_alike(tmp_path: Path) -> None:
    prepared = numbered(tmp_path / "split")
    sampling = Sampling(3, 0, True, "cpu", (10, 8))
    batch = TargetLoader(prepared, sampling, prepared.labels, numerator=1000.0)(1)
    assert batch.labels is not None
    assert batch.inverse_depth is not None
    assert batch.labels.shape == (3, 8, 10)
    assert torch.equal(batch.labels, batch.images[:, 0].long() % 7)
    assert_close(batch.inverse_depth[:, 0], 1000.0 / (batch.images[:, 0] * 10 + 2))


def test_a_source_without_depth_has_none_that_counts(tmp_path: Path) -> None:
    bare = builders.split(tmp_path / "bare", depth=None)
    for zero_depth in ("keep", "ignore"):
        batch = load(bare, 0, zero_depth=zero_depth)
        assert not batch.valid.any()
        assert batch.inverse_depth.isfinite().all()
