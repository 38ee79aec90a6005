import builders
import numpy as np
import oracles
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from dadist.classes import IGNORE
from dadist.prior.patch_descriptors import Clusters, cell_means, describe


def labels(height: int, width: int, seed: int = 0) -> torch.Tensor:
    """Blocks of a class, some of them unlabelled, and single pixels without a label."""
    random = np.random.default_rng(seed)
    coarse = random.choice(np.array([0, 1, 2, 4, IGNORE]), (2, -(-height // 5), -(-width // 7)))
    found = coarse.repeat(5, 1).repeat(7, 2)[:, :height, :width]
    found[random.random(found.shape) < 0.1] = IGNORE
    return torch.from_numpy(found)


# Cells that divide the map, that do not, and that are smaller than a pixel.
SIZES = [((32, 64), (4, 2)), ((33, 61), (5, 4)), ((5, 7), (6, 3))]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("size", "cells"), SIZES)
def test_means_over_cells_are_adaptive_average_pooling(size: tuple[int, int], cells: tuple[int, int]) -> None:
    maps = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert_close(cell_means(maps, cells), F.adaptive_avg_pool2d(maps, cells[::-1]))
    weights = torch.rand(2, 3, *cells[::-1])
    (mine,) = torch.autograd.grad((weights * cell_means(maps, cells)).sum(), maps)
    (theirs,) = torch.autograd.grad((weights * F.adaptive_avg_pool2d(maps, cells[::-1])).sum(), maps)
    assert_close(mine, theirs)


@pytest.mark.parametrize(("size", "patches"), SIZES)
def test_a_descriptor_is_that_of_the_loop(size: tuple[int, int], patches: tuple[int, int]) -> None:
    ids = labels(*size)
    found = describe(ids, builders.CLASSES, patches)
    assert found.shape == (2, patches[1], patches[0], 4 * builders.CLASSES)
    for image, down, across in np.ndindex(2, patches[1], patches[0]):
        expected = oracles.patch_descriptor(ids[image].numpy(), builders.CLASSES, patches, (across, down))
        assert_close(found[image, down, across], torch.tensor(expected))


def test_a_hand_worked_patch() -> None:
    ids = torch.tensor([[[0, 0, 1, 255], [0, 1, 1, 255], [2, 2, 255, 255], [2, 2, 255, 255]]])
    quarters = torch.tensor([[0.75, 0.25, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    assert torch.equal(describe(ids, 3, (1, 1)), quarters.view(1, 1, 1, 12))


@pytest.mark.parametrize(("size", "grid"), SIZES[:2])
def test_a_patch_is_of_the_kind_whose_centroid_is_nearest(size: tuple[int, int], grid: tuple[int, int]) -> None:
    patches, ids = builders.patches(), labels(*size, seed=3)
    found = Clusters(patches)(ids, grid)
    for image, down, across in np.ndindex(2, grid[1], grid[0]):
        descriptor = oracles.patch_descriptor(ids[image].numpy(), builders.CLASSES, grid, (across, down))
        assert found[image, down, across] == oracles.nearest_centroid(descriptor, patches.centroids, patches.members)
    assert len(found.unique()) > 2


def test_a_patch_without_a_label_is_of_no_kind() -> None:
    ids = torch.zeros(1, 8, 8, dtype=torch.int64)
    ids[:, :4, :4] = IGNORE
    found = Clusters(builders.patches())(ids, (2, 2))
    assert found[0, 0, 0] == IGNORE
    assert (found != IGNORE).sum() == 3


def test_no_patch_is_of_a_kind_without_members() -> None:
    ids = torch.zeros(1, 4, 4, dtype=torch.int64)  # all of class 0: the very centroid of the first kind
    centroids = np.tile(np.eye(7, dtype=np.float32)[:5], 4)
    alone, empty = (
        Clusters(builders.patches(centroids=centroids, members=np.array([first, 1, 1, 1, 1])))(ids, (1, 1)).item()
        for first in (1, 0)
    )
    assert (alone, empty) == (0, 1)
