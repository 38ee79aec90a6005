"""Fit the prior: one Gaussian mixture per class, over place and inverse depth, on the source."""

from dataclasses import dataclass

from dadist.config.prior_sections import FitGmm
from dadist.config.records import Record
from dadist.data.joining import opened
from dadist.prior import fit, sampling
from dadist.runtime.progress import Progress
from dadist.stages import In, Out, stage


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    grid: tuple[int, int]  # cells
    inverse_depth: float
    fit_gmm: FitGmm


def run(params: Params, *, source: In, mixtures: Out) -> None:
    """Draw cells of every class, fit, save."""
    data = opened(source)
    drawn = sampling.sample(data, params.fit_gmm, grid=params.grid, numerator=params.inverse_depth)
    fit.fit(
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
