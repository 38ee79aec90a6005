"""The mixtures of the authors' code, from a file that has no licence to come along: tests that need it skip without."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dadist.classes import CLASS_SETS
from dadist.prior.mixtures import Mixtures

FILE = Path(__file__).parents[1].parent / "shared" / "spec" / "gmm_reference.json"
SETS = ["16cls_161x96", "7cls_161x96", "7cls_81x41"]  # class set and grid

needed = pytest.mark.skipif(not FILE.is_file(), reason="the published parameters have no licence to come along")


def published(parameters: str) -> Mixtures:
    """One of SETS; what describes the fit is made up, for the authors do not say."""
    sets: Any = json.loads(FILE.read_text(encoding="utf-8"))
    classes, size = parameters.split("cls_")
    rows = [sets[parameters][name] for name in CLASS_SETS[classes].names]
    weights, means, variances = (
        np.array([[k[key] for k in row] for row in rows]) for key in ("pi", "mu_xyz", "var_xyz")
    )
    width, height = map(int, size.split("x"))
    return Mixtures(
        features="xyz",
        weights=weights,
        means=means,
        covariances=variances[..., None] * np.eye(3),
        scale=np.ones(2),
        grid=(width, height),
        numerator=65536,
        classes=CLASS_SETS[classes],
        components=5,
        covariance="diag",
        seed=1234,
        images=9400,
        points=np.ones(len(rows), np.int64),
        held_out=np.full(len(rows), np.nan),
        median=1.0,
    )
