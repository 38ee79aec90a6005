"""Weigh the number of components: how likely points that no fit has seen are under mixtures of 1, 2, and so on."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from dadist.config.prior_sections import FitGmm
from dadist.config.records import Record
from dadist.data.joining import opened
from dadist.prior import fit, sampling
from dadist.report.component_curves import plot, table
from dadist.runtime.progress import Progress
from dadist.stages import In, Out, stage


@dataclass(frozen=True)
class Params(Record):
    """Settings of this stage."""

    grid: tuple[int, int]  # cells
    inverse_depth: float
    components: tuple[int, ...]
    fit_gmm: FitGmm  # with the number of components left open


def run(params: Params, *, source: In, likelihoods: Out, curves: Out) -> None:
    """Draw cells of every class, fit them with each number of components, write how likely the held-out ones are."""
    data = opened(source)
    drawn = sampling.sample(data, params.fit_gmm, grid=params.grid, numerator=params.inverse_depth)
    progress, found = Progress("number of components", len(params.components)), []
    for components in params.components:
        mixtures = fit.fit(
            drawn,
            dataclasses.replace(params.fit_gmm, components=components),
            classes=data.classes,
            grid=params.grid,
            numerator=params.inverse_depth,
            images=len(data),
        )
        found.append(mixtures.held_out)
        progress(len(found))
    for write, path in ((table, likelihoods), (plot, curves)):
        write(np.stack(found), params.components, data.classes.names, path)


if __name__ == "__main__":
    stage(run)
