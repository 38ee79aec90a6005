"""How fast mixtures are fitted and maps get their density: ours, scikit-learn's, and what moving the bytes takes."""

import argparse
import functools
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

from benchmarks.density_baseline import (
    CLASSES,
    COMPONENTS,
    OURS,
    PART,
    agree,
    copy_speed,
    densities,
    hand_over,
    scikit,
    street,
)
from benchmarks.timing import REPEATS, Line, lines, machine, race, save, text
from dadist.model.inference import device, device_name
from dadist.prior import em

SAMPLE = 50_000  # points a class that scikit-learn is given where it is not given all
STEP_AWAY, FIT_AWAY = 1e-9, 0.02  # how far a way may be from ours: share of a parameter, nats of held-out points
Floats = NDArray[np.float64]


def options(parser: argparse.ArgumentParser) -> None:
    """The flags of this part."""
    parser.add_argument("--pixels", type=int, default=10_000_000, help="of all classes, to fit (%(default)s)")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of each way; the median counts (%(default)s)")


def run(asked: argparse.Namespace) -> None:
    """Fitting mixtures and evaluating densities, against scikit-learn and against one reading of the data."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fit that would go on after 100 iterations counts as it is
            found = [*_steps(asked), *_growth(asked), *_fits(asked), *densities(asked.repeats, "cpu")]
            if device() == "cuda":
                found += densities(asked.repeats, "cuda")
    finally:
        torch.set_num_threads(threads)
    name = machine() + (f", {device_name()}" if device() == "cuda" else "")
    save(found, asked.out, name)
    sys.stdout.write(f"{name}; one thread, seconds of processor time, of wall-clock time on cuda\n\n{text(found)}")


def _steps(asked: argparse.Namespace) -> list[Line]:
    """One iteration over a tenth of the pixels, as one class."""
    points, found = street(asked.pixels // 10, 0), list[Line]()
    rows = np.ascontiguousarray(points.T)  # as scikit-learn has them
    for covariance in ("diag", "full"):
        before = em.fit(points[:, :SAMPLE], COMPONENTS, covariance=covariance, reg_covar=1e-6, seed=1)
        step = functools.partial(em.step, points, before, covariance=covariance, reg_covar=1e-6)
        theirs = scikit(before, covariance)

        def their_step(theirs: Any = theirs, before: em.Mixture = before, covariance: str = covariance) -> Any:
            hand_over(theirs, before, covariance)
            theirs._m_step(rows, theirs._e_step(rows)[1])
            return theirs

        ours, other = step()[0], their_step()
        covariances = other.covariances_[:, None] * np.eye(3) if covariance == "diag" else other.covariances_
        for name, a, b in zip(em.Mixture._fields, ours, (other.weights_, other.means_, covariances), strict=True):
            agree(f"{name} of a step, {covariance}", a, b, STEP_AWAY * np.abs(b).max())
        seconds = race({OURS: step, "scikit-learn": their_step}, repeats=asked.repeats)
        seconds["floor: points read once"] = points.nbytes / copy_speed(asked.repeats)
        case = f"EM iteration, {points.shape[1]} points, K = {COMPONENTS}, {covariance}"
        found += lines(PART, case, seconds, ours=OURS, repeats=asked.repeats)
    return found


def _growth(asked: argparse.Namespace) -> list[Line]:
    """One iteration over once, four and sixteen times as many points."""
    largest, found = street(16 * (asked.pixels // 160), 0), list[Line]()
    before = em.fit(largest[:, :SAMPLE], COMPONENTS, covariance="diag", reg_covar=1e-6, seed=1)
    for times in (1, 4, 16):
        some = largest[:, : largest.shape[1] * times // 16]
        step = functools.partial(em.step, some, before, covariance="diag", reg_covar=1e-6)
        case = f"growth, EM iteration, {some.shape[1]} points"
        found += lines(PART, case, race({OURS: step}, repeats=asked.repeats), ours=OURS, repeats=asked.repeats)
    return found


def _fits(asked: argparse.Namespace) -> list[Line]:
    """The fit of all classes from k-means on, timed once; nats are how much likelier unseen points are than by ours."""
    count = asked.pixels // len(CLASSES)
    points = [street(count, seed) for seed in range(len(CLASSES))]
    unseen = [street(2 * count, seed)[:, count:][:, :200_000] for seed in range(len(CLASSES))]
    sampled, full = f"scikit-learn, a sample of {min(count, SAMPLE)} a class", "scikit-learn, all"
    ways: dict[str, Callable[[Floats], Callable[[Floats], float]]] = {OURS: _our_fit, sampled: _sampled, full: _whole}
    times, likelihoods = {}, {}
    for name, way in ways.items():
        begun = time.process_time()
        fits = [way(these) for these in points]
        times[name] = time.process_time() - begun
        likelihoods[name] = statistics.mean(fit(these) for fit, these in zip(fits, unseen, strict=True))
    named = {}
    for name, seconds in times.items():
        if abs(gap := likelihoods[name] - likelihoods[OURS]) > FIT_AWAY:
            raise ValueError(f"{name}: expected held-out points within {FIT_AWAY} nat of ours, got {gap:+.4f}")
        named[name if name == OURS else f"{name} ({gap:+z.4f} nat)"] = seconds
    return lines(PART, f"whole fit, diag, {len(CLASSES)} x {count} points", named, ours=OURS, repeats=1)


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
