import numpy as np
import pytest
import torch

from dadist.classes import IGNORE
from dadist.data.transforms import class_mask, flip


def test_the_chosen_items_are_mirrored_left_to_right() -> None:
    batch = torch.tensor([[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]])
    expected = torch.tensor([[[1, 2, 3], [4, 5, 6]], [[9, 8, 7], [12, 11, 10]]])
    assert torch.equal(flip(batch, np.array([False, True])), expected)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float32])
def test_mirroring_keeps_type_and_shape_and_undoes_itself(dtype: torch.dtype) -> None:
    batch = torch.randint(0, 2, (3, 4, 5, 6), generator=torch.Generator().manual_seed(0)).to(dtype)
    which = np.array([True, False, True])
    once = flip(batch, which)
    assert once.dtype == dtype
    assert not torch.equal(once, batch)
    assert torch.equal(flip(once, which), batch)


@pytest.mark.parametrize(
    ("present", "count"), [([3], 1), ([0, 1], 1), ([0, 4, IGNORE], 2), ([0, 1, 2, 3, 4], 3), ([0, 2, 5, IGNORE], 2)]
)
def test_half_of_an_images_classes_rounded_up_are_pasted_whole(present: list[int], count: int) -> None:
    labels = torch.tensor(present).repeat(6)[: len(present) * 6].view(1, 6, -1)
    for seed in range(20):
        mask = class_mask(labels, np.random.default_rng(seed))
        assert mask.shape == (1, 1, *labels.shape[1:])
        assert mask.dtype == torch.bool
        pasted = {c for c in present if mask[0, 0][labels[0] == c].any()}
        assert len(pasted) == count
        assert all(mask[0, 0][labels[0] == c].all() for c in pasted)


def test_every_class_has_its_turn_the_ignored_one_included() -> None:
    labels = torch.tensor([[[0, 1, 2, IGNORE]]])
    share = torch.stack([class_mask(labels, np.random.default_rng(seed))[0, 0, 0] for seed in range(400)]).float()
    assert ((share.mean(0) > 0.4) & (share.mean(0) < 0.6)).all()  # 400 draws: four deviations are 0.1


def test_of_a_whole_batch_half_of_its_classes_are_drawn_for_each_image() -> None:
    labels = torch.tensor([[[0, 0, 1, 1]], [[2, 3, IGNORE, IGNORE]]])
    drawn = set()
    for seed in range(200):
        mask = class_mask(labels, np.random.default_rng(seed), of_batch=True)[:, 0]
        random = np.random.default_rng(seed)
        for image, found in zip(labels, mask, strict=True):
            chosen = np.array([0, 1, 2, 3, IGNORE])[random.permutation(5)[:3]]  # 3 of 5, whatever the image has
            assert torch.equal(found, torch.from_numpy(np.isin(image, chosen)))
        drawn |= {int(one.sum()) for one in mask}
    assert drawn == {0, 1, 2, 3, 4}


def test_each_image_of_a_batch_draws_from_its_own_classes() -> None:
    labels = torch.tensor([[[0, 0, 1, 1]], [[5, 5, 5, 5]]])
    mask = class_mask(labels, np.random.default_rng(0))
    assert mask[0].sum() == 2
    assert mask[1].all()
