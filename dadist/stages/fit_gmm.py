"""Fit the prior: one Gaussian mixture a class over (x, y, inverse depth), on the source."""

from dataclasses import dataclass

from dadist import gmm
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
    """Draw pixels of every class, fit, save."""
    data, fit = Prepared(source), params.fit_gmm
    points = gmm.sample(
        data,
        grid=params.grid,
        numerator=params.inverse_depth,
        points=fit.points,
        seed=fit.seed,
        zero_depth=fit.zero_depth,
    )
    gmm.fit(
        points,
        classes=data.classes,
        components=fit.components,
        covariance=fit.covariance,
        coordinates=fit.coordinates,
        reg_covar=fit.reg_covar,
        held_out=fit.held_out,
        seed=fit.seed,
        grid=params.grid,
        numerator=params.inverse_depth,
        images=len(data),
        progress=Progress("class", len(points)),
    ).save(mixtures)


if __name__ == "__main__":
    stage(run)
