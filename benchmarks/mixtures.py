"""How fast mixtures are fitted and densities computed: ours, scikit-learn's, and the time to move the bytes once."""

import argparse
import functools
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

from benchmarks.density_baseline import (
    CLASSES,
    COMPONENTS,
    OURS,
    PART,
    check_equal,
    copy_speed,
    scikit,
    set_parameters,
    street,
    time_densities,
)
from benchmarks.timing import REPEATS, Timing, machine, one_thread, save, text, time_in_turns, timings
from dadist.model.inference import device, device_name
from dadist.prior import em

SAMPLE = 50_000  # points per class that scikit-learn gets where it does not get all
STEP_TOLERANCE = 1e-9  # of a parameter after one iteration, relative
FIT_TOLERANCE = 0.02  # of the mean log-density of held-out points after a whole fit, nats
Floats = NDArray[np.float64]


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("--pixels", type=int, default=10_000_000, help="of all classes, to fit (%(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of each way; the median counts (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Fitting mixtures and evaluating densities, against scikit-learn and against one reading of the data."""
    with one_thread(), threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit that would go on after 100 iterations counts as it is
        rows = [*_steps(asked), *_scaling(asked), *_fits(asked), *time_densities(asked.repeats, "cpu")]
        if device() == "cuda":
            rows += time_densities(asked.repeats, "cuda")
    name = machine() + (f", {device_name()}" if device() == "cuda" else "")
    save(rows, asked.out, name)
    sys.stdout.write(f"{name}; one thread, seconds of processor time, of wall-clock time on cuda\n\n{text(rows)}")


def _steps(asked: argparse.Namespace) -> list[Timing]:
    """One iteration over a tenth of the pixels, as one class."""
    points, rows = street(asked.pixels // 10, 0), list[Timing]()
    transposed = np.ascontiguousarray(points.T)  # as scikit-learn has them
    for covariance in ("diag", "full"):
        before = em.fit(points[:, :SAMPLE], COMPONENTS, covariance=covariance, reg_covar=1e-6, seed=1)
        step = functools.partial(em.step, points, before, covariance=covariance, reg_covar=1e-6)
        theirs = scikit(before, covariance)

        def their_step(theirs: Any = theirs, before: em.Mixture = before, covariance: str = covariance) -> Any:
            set_parameters(theirs, before, covariance)
            theirs._m_step(transposed, theirs._e_step(transposed)[1])
            return theirs

        ours, other = step()[0], their_step()
        covariances = other.covariances_[:, None] * np.eye(3) if covariance == "diag" else other.covariances_
        for name, a, b in zip(em.Mixture._fields, ours, (other.weights_, other.means_, covariances), strict=True):
            check_equal(f"{name} of a step, {covariance}", a, b, STEP_TOLERANCE * np.abs(b).max())
        seconds = time_in_turns({OURS: step, "scikit-learn": their_step}, repeats=asked.repeats)
        seconds["floor: points read once"] = points.nbytes / copy_speed(asked.repeats)
        case = f"EM iteration, {points.shape[1]} points, K = {COMPONENTS}, {covariance}"
        rows += timings(PART, case, seconds, ours=OURS, repeats=asked.repeats)
    return rows


def _scaling(asked: argparse.Namespace) -> list[Timing]:
    """One iteration over a sixteenth, a quarter and the whole of a tenth of the pixels."""
    largest, rows = street(16 * (asked.pixels // 160), 0), list[Timing]()
    before = em.fit(largest[:, :SAMPLE], COMPONENTS, covariance="diag", reg_covar=1e-6, seed=1)
    for times in (1, 4, 16):
        some = largest[:, : largest.shape[1] * times // 16]
        step = functools.partial(em.step, some, before, covariance="diag", reg_covar=1e-6)
        case = f"scaling, EM iteration, {some.shape[1]} points"
        seconds = time_in_turns({OURS: step}, repeats=asked.repeats)
        rows += timings(PART, case, seconds, ours=OURS, repeats=asked.repeats)
    return rows


def _fits(asked: argparse.Namespace) -> list[Timing]:
    """The fit of all classes from k-means on, timed once.

    The nats in a way's name say by how much its mean log-density of unseen points is above ours.
    """
    count = asked.pixels // len(CLASSES)
    points = [street(count, seed) for seed in range(len(CLASSES))]
    unseen = [street(2 * count, seed)[:, count:][:, :200_000] for seed in range(len(CLASSES))]
    sampled, full = f"scikit-learn, a sample of {min(count, SAMPLE)} per class", "scikit-learn, all"
    ways: dict[str, Callable[[Floats], Callable[[Floats], float]]] = {OURS: _our_fit, sampled: _sampled, full: _whole}
    times, likelihoods = {}, {}
    for name, way in ways.items():
        begin = time.process_time()
        fits = [way(these) for these in points]
        times[name] = time.process_time() - begin
        likelihoods[name] = statistics.mean(fit(these) for fit, these in zip(fits, unseen, strict=True))
    named = {}
    for name, seconds in times.items():
        if abs(gap := likelihoods[name] - likelihoods[OURS]) > FIT_TOLERANCE:
            raise ValueError(f"{name}: expected held-out points within {FIT_TOLERANCE} nat of ours, got {gap:+.4f}")
        named[name if name == OURS else f"{name} ({gap:+z.4f} nat)"] = seconds
    return timings(PART, f"whole fit, diag, {len(CLASSES)} x {count} points", named, ours=OURS, repeats=1)


def _our_fit(points: Floats) -> Callable[[Floats], float]:
    mixture = em.fit(points, COMPONENTS, covariance="diag", reg_covar=1e-6, seed=1)
    return lambda unseen: float(em.log_density(mixture, unseen).mean())


def _sampled(points: Floats) -> Callable[[Floats], float]:
    if points.shape[1] > SAMPLE:
        points = points[:, np.random.default_rng(1).choice(points.shape[1], SAMPLE, replace=False)]
    return _whole(points)


def _whole(points: Floats) -> Callable[[Floats], float]:
    from sklearn.mixture import GaussianMixture

    fitted = GaussianMixture(COMPONENTS, covariance_type="diag", random_state=1).fit(np.ascontiguousarray(points.T))
    return lambda unseen: float(fitted.score(np.ascontiguousarray(unseen.T)))
