"""Fit the prior: one Gaussian mixture a class over place and inverse depth, on the source."""

from dataclasses import dataclass

from dadist import gmm, points
from dadist.config import FitGmm
from dadist.data.prepared import Prepared
from dadist.progress import Progress
from dadist.stages import In, Out, stage


@dataclass(frozen=True)
class Params:
    """Settings of this stage."""

    grid: tuple[int, int]  # cells
    inverse_depth: float
    fit_gmm: FitGmm


def run(params: Params, *, source: In, mixtures: Out) -> None:
    """Draw cells of every class, fit, save."""
    data = Prepared(source)
    drawn = points.sample(data, params.fit_gmm, grid=params.grid, numerator=params.inverse_depth)
    gmm.fit(
        drawn,
        params.fit_gmm,
        classes=data.classes,
        grid=params.grid,
        numerator=params.inverse_depth,
        images=len(data),
        progress=Progress("class", len(drawn)),
    ).save(mixtures)


if __name__ == "__main__":
    stage(run)
