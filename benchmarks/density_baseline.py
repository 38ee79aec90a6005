"""How fast the density of a map is: ours, scikit-learn's, a loop over pixels, and the time to move the bytes once."""

import functools
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.timing import Timing, time_in_turns, timings
from dadist.classes import CLASS_SETS
from dadist.prior import em
from dadist.prior.density import Density
from dadist.prior.mixtures import Mixtures

PART, OURS, CLASSES, COMPONENTS, NUMERATOR = "mixtures", "ours", CLASS_SETS["16"], 5, 65536.0
GRID = (161, 96)
MAPS = {GRID: (1, 4), (1024, 512): (1, 4)}  # sizes of maps to batches
LOOPED = 500  # pixels that the loop over pixels gets
COPIED = 2**28  # bytes of the array whose copy is timed: more than caches hold
TOLERANCE = 1e-4  # of a density, computed in float32, relative
Floats = NDArray[np.float64]


def street(count: int, seed: int, grid: tuple[int, int] = GRID) -> Floats:
    """Points ``(3, n)`` as a class of street scenes has them: whole cells, near the horizon, most of them far."""
    random = np.random.default_rng(seed)
    left, right, above, below = random.uniform(1, 4, 4)
    row, column = random.beta(above, below, count), random.beta(left, right, count) * grid[0]
    metres = 2 + random.gamma(1.5, random.uniform(5, 25), count) * (1.5 - row)
    return np.stack((np.floor(column), np.floor(row * grid[1]), NUMERATOR / (100 * metres + 1)))


def copy_speed(repeats: int, on: str = "cpu") -> float:
    """Bytes per second that a copy moves, read and written."""
    source = torch.ones(COPIED, dtype=torch.uint8, device=on)
    target = torch.empty_like(source)
    clock = _wall if on == "cuda" else time.process_time
    return (
        source.nbytes * 2 / time_in_turns({"copy": lambda: target.copy_(source)}, repeats=repeats, clock=clock)["copy"]
    )


def time_densities(repeats: int, on: str) -> list[Timing]:
    """Density of maps of predicted classes, whose regions are eight cells wide and high.

    As ways take turns, none finds its tables in the cache; in a training it does not either.

    Args:
        repeats: Of each way.
        on: "cpu", where ours is compared with the others, or "cuda".

    Raises:
        ValueError: A way finds other densities than ours.
    """
    speed, rows = copy_speed(repeats, on), list[Timing]()
    for grid, batches in MAPS.items():
        mixtures = _mixtures(grid)
        density = Density(mixtures).to(on)
        for batch in batches:
            random = np.random.default_rng(batch)
            regions = random.integers(0, len(CLASSES), (batch, grid[1] // 8 + 1, grid[0] // 8 + 1))
            labels = regions.repeat(8, 1).repeat(8, 2)[:, : grid[1], : grid[0]].copy()
            z = NUMERATOR / (100 * random.uniform(3, 80, labels.shape) + 1)
            given = torch.from_numpy(labels).to(on), torch.from_numpy(z).float()[:, None].to(on)
            ways: dict[str, Callable[[], object]] = {OURS: functools.partial(density, *given, positive=False)}
            scaled = {OURS: 1.0}
            if on == "cpu":
                others = _other_ways(mixtures, labels, z)
                for name, (way, part) in others.items():
                    ours = density(*given, positive=False).numpy().ravel()[: len(way())]
                    check_equal(f"density, {name}", ours, way(), TOLERANCE * (np.abs(ours) + 1e-9))
                    ways[name], scaled[name] = way, part
            clock = _wall if on == "cuda" else time.process_time
            seconds = {
                name: each * scaled[name] for name, each in time_in_turns(ways, repeats=repeats, clock=clock).items()
            }
            # Class, depth and density of a pixel, and K entries of the table; a second table only for full covariances.
            bytes_read = labels.size * (8 + 4 + 4 + 4 * COMPONENTS * (2 if density.leans else 1))
            seconds["floor: bytes moved once"] = bytes_read / speed
            case = f"density on {on}, {batch} x {grid[1]}x{grid[0]}"
            rows += timings(PART, case, seconds, ours=OURS, repeats=repeats)
    return rows


def _other_ways(
    mixtures: Mixtures, labels: NDArray[np.int64], z: Floats
) -> dict[str, tuple[Callable[[], Floats], float]]:
    """Other ways to the density of a batch's first pixels, and the factor from their time to that of all pixels."""
    rows, columns = np.mgrid[: labels.shape[1], : labels.shape[2]]
    points = np.stack([*(np.broadcast_to(one, z.shape) for one in (columns, rows)), z], axis=-1).reshape(-1, 3)
    of_class, parameters = labels.ravel(), (mixtures.weights, mixtures.means, mixtures.covariances)
    fitted = [scikit(em.Mixture(*(one[c] for one in parameters)), "diag") for c in range(len(CLASSES))]
    variances = np.diagonal(mixtures.covariances, axis1=2, axis2=3)

    def by_class() -> Floats:
        p = np.empty(len(points))
        for c, mixture in enumerate(fitted):
            chosen = of_class == c
            p[chosen] = np.exp(mixture.score_samples(points[chosen])) if chosen.any() else 0
        return p

    def by_pixel() -> Floats:
        p = []
        for c, point in zip(of_class[:LOOPED], points, strict=False):
            total = 0.0
            for weight, mean, variance in zip(mixtures.weights[c], mixtures.means[c], variances[c], strict=True):
                total += weight * np.exp(-((point - mean) ** 2 / variance).sum() / 2) / np.sqrt(np.prod(variance))
            p.append(total / (2 * math.pi) ** 1.5)
        return np.array(p)

    share = len(points) / min(len(points), LOOPED)
    return {
        "scikit-learn, class by class": (by_class, 1.0),
        f"loop over pixels and components, {LOOPED} pixels scaled": (by_pixel, share),
    }


@functools.cache
def _mixtures(grid: tuple[int, int]) -> Mixtures:
    """Fitted to a few thousand points per class."""
    count = len(CLASSES)
    fits = [em.fit(street(4000, c, grid), COMPONENTS, covariance="diag", reg_covar=1e-2, seed=1) for c in range(count)]
    weights, means, covariances = map(np.stack, zip(*fits, strict=True))
    return Mixtures(
        features="xyz",
        weights=weights,
        means=means,
        covariances=covariances,
        scale=np.ones(2),
        grid=grid,
        numerator=NUMERATOR,
        classes=CLASSES,
        components=COMPONENTS,
        covariance="diag",
        seed=1,
        images=1,
        points=np.full(count, 4000),
        held_out=np.full(count, np.nan),
        median=1.0,
    )


def scikit(mixture: em.Mixture, covariance: str) -> Any:
    """A mixture as scikit-learn's object."""
    from sklearn.mixture import GaussianMixture

    theirs = GaussianMixture(len(mixture.weights), covariance_type=covariance)
    set_parameters(theirs, mixture, covariance)
    return theirs


def set_parameters(theirs: Any, mixture: em.Mixture, covariance: str) -> None:
    """Give scikit-learn's object the parameters of a mixture."""
    theirs.weights_, theirs.means_ = mixture.weights, mixture.means
    if covariance == "diag":
        theirs.covariances_ = np.diagonal(mixture.covariances, axis1=1, axis2=2)
        theirs.precisions_cholesky_ = 1 / np.sqrt(theirs.covariances_)
    else:
        theirs.covariances_ = mixture.covariances
        theirs.precisions_cholesky_ = np.linalg.inv(np.linalg.cholesky(mixture.covariances)).swapaxes(1, 2)


def check_equal(what: str, ours: NDArray[Any], theirs: NDArray[Any], tolerance: Any) -> None:
    """Raise ValueError where two ways differ by more than ``tolerance``, a number or an array of their shape."""
    if not (np.abs(ours - theirs) <= tolerance).all():
        largest = np.abs(ours - theirs).max()
        raise ValueError(f"{what}: expected ours within {np.max(tolerance):.1e}, got a difference of {largest}")


def _wall() -> float:
    torch.cuda.synchronize()
    return time.perf_counter()
