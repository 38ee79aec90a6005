from collections.abc import Callable

import builders
import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from dadist.classes import IGNORE
from dadist.methods.mixing import Mixed, paste

STILL = torch.nn.Identity()


def mixed(batch: int = 2, *, step: int = 0, augment: Callable[[Tensor], Tensor] = STILL) -> Mixed:
    source, target = builders.source(batch), builders.target(batch, labels=True)
    assert target.labels is not None
    return paste(source, target.images, target.labels, augment=augment, seed=(1, 2, step))


@pytest.mark.parametrize("batch", [1, 2, 3, 5])
def test_pairs_of_any_number_are_mixed_one_by_one(batch: int) -> None:
    source, target = builders.source(batch), builders.target(batch, labels=True)
    assert target.labels is not None
    images, labels, pasted = mixed(batch)
    m = pasted.float()
    torch.testing.assert_close(images, m * source.images + (1 - m) * target.images)
    assert torch.equal(labels, torch.where(pasted[:, 0], source.labels, target.labels))
    assert (m.mean((1, 2, 3)) > 0).all()
    assert (m.mean((1, 2, 3)) < 1).all()


def test_of_four_values_of_which_one_is_ignored_two_are_pasted_whole() -> None:
    values = torch.tensor([0, 1, 2, IGNORE])
    source = builders.source(1)._replace(labels=values.repeat(16)[None, None].expand(1, 32, 64).contiguous())
    target = builders.target(1, labels=True)
    assert target.labels is not None
    found = set()
    for step in range(30):
        pasted = paste(source, target.images, target.labels, augment=STILL, seed=(0, 2, step)).pasted
        chosen = [value for value in values.tolist() if pasted[:, 0][source.labels == value].any()]
        assert len(chosen) == 2
        assert all(pasted[:, 0][source.labels == value].all() for value in chosen)
        found.add(tuple(chosen))
    assert len(found) == 6


def test_what_is_done_to_images_is_a_function_of_the_seed_and_leaves_the_random_state_alone() -> None:
    jitter = v2.Compose([v2.ColorJitter(0.5, 0.5, 0.5, 0.2), v2.RandomApply([v2.GaussianBlur(5, (0.1, 2.0))], 0.5)])
    state = torch.get_rng_state()
    first = mixed(4, augment=jitter)
    assert torch.equal(torch.get_rng_state(), state)
    torch.rand(3)
    assert torch.equal(first.images, mixed(4, augment=jitter).images)
    assert not torch.equal(first.images, mixed(4, step=1, augment=jitter).images)
    assert torch.equal(first.labels, mixed(4).labels)
