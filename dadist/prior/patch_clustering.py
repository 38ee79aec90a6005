"""Finding the typical label patches of the source by k-means."""

import dataclasses
import logging
import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from dadist.classes import ClassSet
from dadist.config.prior_sections import ClusterPatches
from dadist.data.prepared import Prepared
from dadist.prior.patch_descriptors import Clusters, describe
from dadist.prior.patches import QUARTERS, Patches

LOG = logging.getLogger(__name__)

CHUNK = 65536  # patches that are assigned at once


def sample(
    prepared: Prepared, settings: ClusterPatches, progress: Callable[[int], None] | None = None
) -> tuple[NDArray[np.float32], int]:
    """The descriptors of all patches of some images, but for patches without a label.

    Args:
        prepared: Images with labels.
        settings: Read are ``images``, the most that are looked at, drawn by ``seed`` (0: all), and ``source``, the
            patches across and down.
        progress: Called with the number of images done.

    Returns:
        ``(n, 4 C)``, and of how many images they are.
    """
    count, most = len(prepared), settings.images or len(prepared)
    drawn = np.sort(np.random.default_rng(settings.seed).permutation(count)[:most])
    found = [np.empty((0, QUARTERS * len(prepared.classes)), np.float32)]
    for done, index in enumerate(drawn, 1):
        labels = torch.from_numpy(prepared.labels[index].astype(np.int64))[None]
        described = describe(labels, len(prepared.classes), settings.source).flatten(0, 2)
        found.append(described[described.any(1)].numpy())
        if progress:
            progress(done)
    return np.concatenate(found), len(drawn)


def fit(descriptors: NDArray[np.float32], settings: ClusterPatches, *, classes: ClassSet, images: int) -> Patches:
    """Cluster descriptors by mini-batch k-means; the same numbers every time.

    Where there are fewer descriptors than clusters each is a cluster of its own. What is left over, and a cluster that
    k-means itself leaves empty, has no members.

    Args:
        descriptors: ``(n, 4 C)``, as `sample` gives them.
        settings: ``clusters``, how many; ``batch``, descriptors per step of k-means; ``seed``; ``source`` and
            ``target``, which the file carries.
        classes: Class set.
        images: That the descriptors are of.

    Raises:
        ValueError: There is no descriptor.
    """
    if not len(descriptors):
        raise ValueError("patches: expected labelled ones, got none; see whether the labels are all ignored")
    k = min(settings.clusters, len(descriptors))
    centroids = np.zeros((settings.clusters, descriptors.shape[1]), np.float32)
    centroids[:k] = _centres(descriptors, k, settings)
    found = Patches(
        centroids=centroids,
        members=(np.arange(settings.clusters) < k).astype(np.int64),
        source=settings.source,
        target=settings.target,
        classes=classes,
        seed=settings.seed,
        images=images,
    )
    nearest, members = Clusters(found), np.zeros(settings.clusters, np.int64)
    for begin in range(0, len(descriptors), CHUNK):
        ids = nearest.nearest(torch.from_numpy(descriptors[begin : begin + CHUNK]))
        members += np.bincount(ids.numpy(), minlength=settings.clusters)
    return dataclasses.replace(found, members=members)


def _centres(descriptors: NDArray[np.float32], k: int, settings: ClusterPatches) -> NDArray[np.float32]:
    """What scikit-learn finds, ``(k, 4 C)``; its warnings go to the log."""
    from sklearn.cluster import MiniBatchKMeans  # seconds to import: only where needed
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    kmeans = MiniBatchKMeans(k, random_state=settings.seed, batch_size=settings.batch)
    # It adds up its threads' sums in the order they end in: one thread, for the same numbers every time.
    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kmeans.fit(descriptors)
    for warning in caught:
        LOG.warning("%s", warning.message)
    centres: NDArray[np.float32] = kmeans.cluster_centers_
    return centres
