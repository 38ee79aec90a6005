"""Unsupervised domain adaptation for semantic segmentation by depth distribution.

A trained model, from Python::

    import dadist

    model = dadist.load("results/demo/depth_distribution/seed1/q2/model.pt")
    prediction = model.predict("street.jpg")
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dadist.deploy.predictor import Model

__version__ = "0.1.0"


def load(path: str | Path, where: str | None = None) -> "Model":
    """A trained model from its file; see `dadist.deploy.predictor.load`. Torch is imported by the call alone."""
    from dadist.deploy.predictor import load as read

    return read(path, where)
