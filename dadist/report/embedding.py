"""Pixels of source and target in two joint spaces, brought to the plane: is a class at one place, whatever its domain?

The spaces are those beside the poster's Table 4: self-information times depth, and self-information times density.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from dadist.classes import IGNORE
from dadist.config.sections import Embed
from dadist.data.prepared import Prepared, spread
from dadist.data.resize import centres
from dadist.losses.information import self_information
from dadist.model.inference import outputs
from dadist.model.segmenter import Segmenter
from dadist.storage.atomic import atomic
from dadist.storage.seal import sealed

SPACES = ("depth + segmentation", "density + segmentation")
COLUMNS = ("space", "domain", "label", "x", "y")


def embed(segmenter: Segmenter, source: Prepared, target: Prepared, settings: Embed) -> pd.DataFrame:
    """Draw pixels of both domains and bring each space to the plane by itself, with a t-SNE.

    A class gives a domain at most ``points`` / classes of its pixels. The source's class is its label; the target's is
    the network's own prediction, since no label of the target is opened here.

    Args:
        segmenter: In eval mode, with heads for depth and density.
        source: With labels.
        target: Images alone are read.
        settings: How many, and how.

    Returns:
        Columns of COLUMNS, one row per pixel and space.

    Source: van der Maaten & Hinton, Visualizing Data using t-SNE, JMLR 2008; the poster gives no parameter.
    """
    from sklearn.manifold import TSNE  # seconds to import, for this alone

    parts = [_drawn(segmenter, data, settings, labelled=data is source) for data in (source, target)]
    features = [np.concatenate([part[0][space] for part in parts]) for space in range(len(SPACES))]
    labels = np.concatenate([part[1] for part in parts])
    domains = np.repeat(["source", "target"], [len(part[1]) for part in parts])
    rows = []
    for name, points in zip(SPACES, features, strict=True):
        perplexity = min(settings.perplexity, max((len(points) - 1) / 3, 1.0))
        flat = TSNE(2, perplexity=perplexity, random_state=settings.seed, init="pca").fit_transform(points)
        rows.append(pd.DataFrame({"space": name, "domain": domains, "label": labels, "x": flat[:, 0], "y": flat[:, 1]}))
    return pd.concat(rows, ignore_index=True)[list(COLUMNS)]


def save(rows: pd.DataFrame, path: Path) -> None:
    """Write as CSV, sealed."""
    with atomic(path) as temporary:
        temporary.write_text(sealed(rows.round(3).to_csv(index=False)), encoding="utf-8")


def _drawn(
    segmenter: Segmenter, data: Prepared, settings: Embed, *, labelled: bool
) -> tuple[list[NDArray[np.float32]], NDArray[np.int64]]:
    """Features ``(N, C)`` of each space and classes ``(N,)`` of the cells that are drawn from one domain."""
    features: list[list[NDArray[np.float32]]] = [[] for _ in SPACES]
    labels: list[NDArray[np.uint8]] = []
    for row in spread(len(data), settings.images).tolist():
        found = outputs(segmenter, data.images[row : row + 1])
        if found.depth is None or found.density is None:
            raise ValueError("embed.method: expected a network with heads for depth and density; name such a method")
        surprise = self_information(found.logits)
        height, width = found.logits.shape[-2:]
        at = np.ix_(centres(data.height, height), centres(data.width, width))
        seen = data.labels[row][at] if labelled else found.logits[0].argmax(0).to(torch.uint8).cpu().numpy()
        labels.append(np.where(data.inside([row])[0][at], seen, IGNORE).ravel())
        for space, other in zip(features, (found.depth, found.density), strict=True):
            space.append((surprise * other.float())[0].flatten(1).T.cpu().numpy())
    whole = np.concatenate(labels)
    chosen = _balanced(whole, len(data.classes), settings)
    return [np.concatenate(space)[chosen] for space in features], whole[chosen].astype(np.int64)


def _balanced(labels: Sequence[int] | NDArray[np.uint8], classes: int, settings: Embed) -> NDArray[np.int64]:
    """Indices of as many of each class, in rising order."""
    random, most = np.random.default_rng(settings.seed), max(settings.points // classes, 1)
    found = [np.flatnonzero(np.asarray(labels) == label) for label in range(classes)]
    drawn = [random.choice(one, most, replace=False) if len(one) > most else one for one in found]
    return np.sort(np.concatenate(drawn))
