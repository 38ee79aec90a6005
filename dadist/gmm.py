"""Mixtures of normals over (column, row, inverse depth), one a class, fitted to the source's labels and depth."""

import dataclasses
import functools
import logging
import math
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dadist.classes import IGNORE, ClassSet
from dadist.data.prepared import Prepared
from dadist.provenance import atomic

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Mixtures:
    """C classes of K normals over the scaled features (x sx, y sy, z).

    x is a column and y a row of the feature grid, from 0, and z = numerator / (cm + 1) is inverse depth. A component
    that a class does without has weight 0; a class without a fit has nothing else.
    """

    weights: NDArray[np.float64]  # (C, K), a row sums to 1, or to 0 where the class has no fit
    means: NDArray[np.float64]  # (C, K, 3)
    covariances: NDArray[np.float64]  # (C, K, 3, 3)
    scale: NDArray[np.float64]  # (2,) sx, sy: 1, 1 for cells (the authors'); 1 / grid height for fractions of it
    grid: tuple[int, int]  # cells across, cells down
    numerator: float  # of the inverse depth
    classes: ClassSet
    components: int  # K
    covariance: Literal["diag", "full"]
    seed: int
    images: int  # that the points were drawn from
    points: NDArray[np.int64]  # (C,) fitted to
    held_out: NDArray[np.float64]  # (C,) mean log-likelihood of points kept from the fit, nats; nan if there are none
    median: float  # a typical density: exp of the mean, over the points, of their class's median log-density

    def __post_init__(self) -> None:
        count, k = len(self.classes), self.components
        shapes = {"weights": (count, k), "means": (count, k, 3), "covariances": (count, k, 3, 3), "scale": (2,)}
        for name, expected in (shapes | {"points": (count,), "held_out": (count,)}).items():
            if (shape := np.shape(getattr(self, name))) != expected:
                raise ValueError(f"{name}: expected shape {expected} for {k} components a class, got {shape}")

    def save(self, path: Path) -> None:
        """Write to an ``.npz`` file, all or nothing."""
        with atomic(path) as temporary, temporary.open("wb") as file:
            values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
            np.savez(file, **{**values, "classes": self.classes.as_json()})

    @classmethod
    def load(cls, path: Path) -> "Mixtures":
        """Read what ``save`` wrote.

        Raises:
            FileNotFoundError: No such file.
            ValueError: The file holds something else.
        """
        remedy = "delete it and run the rule fit_gmm again"
        if not path.is_file():
            raise FileNotFoundError(f"{path}: expected mixtures, found no file; run the rule fit_gmm")
        values: dict[str, Any] = {}
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                for field in dataclasses.fields(cls):
                    value = arrays[field.name]
                    values[field.name] = value.item() if value.ndim == 0 else value
            values["classes"] = ClassSet.from_json(values["classes"])
            values["grid"] = (int(values["grid"][0]), int(values["grid"][1]))
            return cls(**values)
        except (ValueError, KeyError, IndexError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: expected mixtures as fit_gmm writes them, got {error}; {remedy}") from error


def centres(size: int, cells: int) -> NDArray[np.intp]:
    """Pixel under the centre of each cell, where ``cells`` cells span ``size`` pixels: ``(cells,)``."""
    return (2 * np.arange(cells) + 1) * size // (2 * cells)


def sample(
    prepared: Prepared,
    *,
    grid: tuple[int, int],
    numerator: float,
    points: int,
    seed: int,
    zero_depth: Literal["keep", "ignore"],
) -> list[NDArray[np.float64]]:
    """Draw grid cells of each class, uniformly from all images.

    Goes through the images twice, one in memory at a time: to count, and to fetch what was drawn.

    Args:
        prepared: Images with labels and depth.
        grid: Cells across and down. A cell has the label and depth of the pixel at its centre.
        numerator: Of the inverse depth numerator / (cm + 1).
        points: At most so many a class; all there are if there are fewer.
        seed: Of the draw.
        zero_depth: "ignore" leaves out cells without depth (0 cm); "keep" takes them with z = numerator, which gives
            several of the authors' mixtures a component there.

    Returns:
        Per class ``(n, 3)``: column, row, inverse depth.
    """
    count = len(prepared.classes)
    cells = functools.partial(_cells, prepared, grid, zero_depth)
    per_image = np.stack([np.bincount(seen, minlength=256)[:count] for seen, _ in cells()])
    random, totals = np.random.default_rng(seed), per_image.sum(0).tolist()
    drawn = [np.sort(random.choice(n, min(n, points), replace=False, shuffle=False)) for n in totals]

    found: list[list[NDArray[np.float64]]] = [[np.empty((0, 3))] for _ in range(count)]
    end = per_image.cumsum(0)  # occurrences of each class up to each image
    for (seen, depth_cm), starts, ends in zip(cells(), end - per_image, end, strict=True):
        for c in range(count):
            first, last = np.searchsorted(drawn[c], (starts[c], ends[c]))
            if first < last:
                at = np.flatnonzero(seen == c)[drawn[c][first:last] - starts[c]]
                found[c].append(np.stack((at % grid[0], at // grid[0], numerator / (depth_cm[at] + 1.0)), axis=1))
    return [np.concatenate(parts) for parts in found]


def fit(
    points: Sequence[NDArray[np.float64]],
    *,
    classes: ClassSet,
    components: int,
    covariance: Literal["diag", "full"],
    coordinates: Literal["cells", "height"],
    reg_covar: float,
    held_out: float,
    seed: int,
    grid: tuple[int, int],
    numerator: float,
    images: int,
    progress: Callable[[int], None] | None = None,
) -> Mixtures:
    """Fit one mixture a class by expectation maximisation, started from k-means.

    A class with fewer than ten points a component gets fewer components; one with fewer than two points gets none,
    so its density is 0, and is warned about.

    Args:
        points: Per class ``(n, 3)``: column, row, inverse depth, as ``sample`` draws them.
        classes: Class set.
        components: Per class; 5 in the authors' code.
        covariance: "diag" (the authors') or "full".
        coordinates: "cells" (the authors') or "height", which divides columns and rows by the grid's height.
        reg_covar: Added to every variance, in scaled features; what keeps a constant z (sky) from a variance of 0.
        held_out: Share of the points that is kept from the fit, to measure its likelihood.
        seed: Of k-means and of the choice of held-out points.
        grid: Cells across and down.
        numerator: Of the inverse depth.
        images: That the points come from.
        progress: Called with the number of classes done.
    """
    if not any(len(these) >= 2 for these in points):
        raise ValueError("points: expected two or more of some class, got none; see whether the labels are all ignored")
    scale = np.ones(2) if coordinates == "cells" else np.full(2, 1 / grid[1])
    fit_class = functools.partial(
        _fit_class, components=components, covariance=covariance, reg_covar=reg_covar, held_out=held_out, seed=seed
    )
    fits = []
    for name, these in zip(classes.names, points, strict=True):
        fits.append(fit_class(these * (*scale, 1.0), name=name))
        if progress:
            progress(len(fits))
    weights, means, covariances, used, likelihoods, medians = map(np.stack, zip(*fits, strict=True))
    return Mixtures(
        weights=weights,
        means=means,
        covariances=covariances,
        scale=scale,
        grid=grid,
        numerator=numerator,
        classes=classes,
        components=components,
        covariance=covariance,
        seed=seed,
        images=images,
        points=used,
        held_out=likelihoods,
        median=math.exp(np.average(medians, weights=used)),
    )


class _Fit(NamedTuple):
    """A class's share of Mixtures; ``median`` is a log-density."""

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]
    points: int
    held_out: float
    median: float


def _fit_class(
    points: NDArray[np.float64],
    *,
    components: int,
    covariance: str,
    reg_covar: float,
    held_out: float,
    seed: int,
    name: str,
) -> _Fit:
    """Fit scaled points ``(n, 3)`` of one class; components that it does without have weight 0."""
    weights, means = np.zeros(components), np.zeros((components, 3))
    covariances = np.tile(np.eye(3), (components, 1, 1))
    if len(points) < 2:
        LOG.warning("%s: %d points, so its density is 0; give fit_gmm more images", name, len(points))
        return _Fit(weights, means, covariances, 0, math.nan, 0.0)
    shuffled = np.random.default_rng(seed).permutation(points)
    kept = len(points) - min(int(held_out * len(points)), len(points) - 2)
    k = min(components, max(1, kept // 10))
    mixture = _expectation_maximisation(shuffled[:kept], k, covariance, reg_covar, seed, name)
    weights[:k], means[:k] = mixture.weights_, mixture.means_
    covariances[:k] = mixture.covariances_[:, None] * np.eye(3) if covariance == "diag" else mixture.covariances_
    likelihood = mixture.score(shuffled[kept:]) if kept < len(points) else math.nan
    return _Fit(weights, means, covariances, kept, likelihood, float(np.median(mixture.score_samples(shuffled[:kept]))))


def _expectation_maximisation(
    points: NDArray[np.float64], components: int, covariance: str, reg_covar: float, seed: int, name: str
) -> Any:
    """A fitted scikit-learn mixture; its warnings go to the log."""
    from sklearn.mixture import GaussianMixture  # seconds to import: only where needed
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    mixture = GaussianMixture(components, covariance_type=covariance, reg_covar=reg_covar, random_state=seed)
    # k-means adds up its threads' sums in the order they end in: one thread, for the same numbers every time.
    with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mixture.fit(points)
    for warning in caught:
        LOG.warning("%s: %s", name, warning.message)
    return mixture


def _cells(
    prepared: Prepared, grid: tuple[int, int], zero_depth: str
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.uint16]]]:
    """Labels and depth (cm) of each image's cells, flat; cells that do not count are ``IGNORE``."""
    labels, depth = prepared.labels, prepared.depth
    rows, columns = centres(labels.shape[1], grid[1])[:, None], centres(labels.shape[2], grid[0])
    for index in range(len(prepared)):
        seen, depth_cm = labels[index, rows, columns].ravel(), depth[index, rows, columns].ravel()
        yield (seen if zero_depth == "keep" else np.where(depth_cm > 0, seen, np.uint8(IGNORE))), depth_cm
