import dataclasses
from pathlib import Path
from typing import Any

import builders
import numpy as np
import oracles
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dadist.classes import IGNORE
from dadist.config.prior_sections import ClusterPatches
from dadist.prior import patch_clustering
from dadist.prior.patches import Patches

SETTINGS = ClusterPatches(clusters=3, source=(4, 2), target=(2, 2), images=0, batch=64, seed=5)


def fit(descriptors: Any, **changes: Any) -> Patches:
    settings = dataclasses.replace(SETTINGS, **changes)
    return patch_clustering.fit(np.asarray(descriptors, np.float32), settings, classes=builders.SEVEN, images=9)


def of_three_kinds(count: int = 60) -> tuple[Any, Any]:
    """Descriptors near three corners, and their corners."""
    random = np.random.default_rng(2)
    which = random.integers(0, 3, count)
    return np.eye(3, 28, dtype=np.float32)[which] + random.normal(0, 0.01, (count, 28)).astype(np.float32), which


def test_every_patch_with_a_label_is_described_as_by_the_loop(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 7, (3, 32, 64), np.uint8)
    labels[1, :16, :16] = IGNORE
    prepared = builders.split(tmp_path / "source", 3, labels=labels)
    descriptors, images = patch_clustering.sample(prepared, SETTINGS)
    expected = [
        oracles.patch_descriptor(image, 7, (4, 2), (across, down))
        for image in labels
        for down in range(2)
        for across in range(4)
    ]
    assert_allclose(descriptors, [one for one in expected if any(one)], atol=1e-6)
    assert (len(descriptors), images) == (3 * 8 - 1, 3)


def test_no_more_images_than_asked_for_are_looked_at_and_those_are_drawn_by_the_seed(tmp_path: Path) -> None:
    prepared = builders.split(tmp_path / "source", 6)
    found = [
        patch_clustering.sample(prepared, dataclasses.replace(SETTINGS, images=2, seed=seed)) for seed in (5, 5, 6)
    ]
    assert [(len(descriptors), images) for descriptors, images in found] == [(16, 2)] * 3
    assert_array_equal(found[0][0], found[1][0])
    assert not np.array_equal(found[0][0], found[2][0])


def test_kinds_that_lie_apart_are_found_with_their_members() -> None:
    descriptors, which = of_three_kinds()
    patches = fit(descriptors)
    corners = patches.centroids.argmax(1)
    assert sorted(corners) == [0, 1, 2]
    assert_allclose(patches.centroids, np.eye(3, 28)[corners], atol=0.05)
    assert_array_equal(patches.members, np.bincount(which)[corners])
    assert (patches.source, patches.target, patches.seed, patches.images) == ((4, 2), (2, 2), 5, 9)


def test_the_same_descriptors_give_the_same_bits() -> None:
    descriptors, _ = of_three_kinds()
    first, again, other = (fit(descriptors, clusters=8, seed=seed) for seed in (1, 1, 2))
    assert first.centroids.tobytes() == again.centroids.tobytes()
    assert first.centroids.tobytes() != other.centroids.tobytes()


def test_fewer_descriptors_than_clusters_leave_some_without_members() -> None:
    patches = fit(np.eye(2, 28), clusters=4)
    assert patches.centroids.shape == (4, 28)
    assert sorted(patches.members.tolist()) == [0, 0, 1, 1]


def test_equal_descriptors_are_of_one_kind() -> None:
    patches = fit(np.repeat(np.eye(2, 28), 10, axis=0), clusters=5)
    assert patches.members.sum() == 20
    assert sorted(patches.members.tolist())[-2:] == [10, 10]


def test_a_source_without_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="patches: expected labelled ones, got none; see whether the labels are all"):
        fit(np.empty((0, 28)))
