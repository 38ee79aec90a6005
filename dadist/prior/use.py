"""The prior at work on a split: mixtures and scale from their files, depth from the split, on a network's grid."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dadist.config.prior_sections import Prior
from dadist.data.prepared import Prepared
from dadist.data.resize import centres
from dadist.model.segmenter import Outputs
from dadist.prior.alignment import Alignment
from dadist.prior.camera import SAME
from dadist.prior.fusion import Fusion, Given
from dadist.prior.likelihood import UNIT
from dadist.prior.mixtures import Mixtures


class PriorOf:
    """What the mixtures say of the images of a split.

    Args:
        files: The mixtures and, where depth has a say, what align_depth wrote.
        data: The split.
        where: Device of torch.
        of_head: Whether depth is that of the network's own head, and not of the split.

    Raises:
        ValueError: Depth of the split has a say, and it has none, or of another kind than was aligned.
    """

    def __init__(self, files: Sequence[Path], data: Prepared, where: str, *, of_head: bool = False) -> None:
        mixtures_file, *rest = files
        mixtures = Mixtures.load(mixtures_file)
        self.data, self.where, self.of_head = data, where, of_head
        self.alignment = Alignment.load(rest[0]) if rest else None
        view = self.alignment.view if self.alignment else SAME
        self.given, self.numerator = Given(mixtures, view=view).to(where), mixtures.numerator
        if self.alignment is not None and self.alignment.kind != "none" and not of_head:
            if not data.has_depth:
                raise ValueError(f"{data.folder}: expected depth, which prior.depth weighs, got none")
            if data.depth_kind != self.alignment.kind:
                raise ValueError(
                    f"{data.folder}: expected {self.alignment.kind} depth as {rest[0]} has it, got {data.depth_kind}; "
                    "delete that file and run the same command again"
                )

    def fusion(self, prior: Prior) -> Fusion:
        """With the weights of a section."""
        return Fusion(self.given, found(prior, self.alignment), noise_of(prior, self.alignment, self.numerator))

    def label(self, prior: Prior) -> str:
        """The weights, as a table says them."""
        return found(prior, self.alignment).label + " (found)" * (prior.place == "found")

    def z(self, rows: Sequence[int], said: Outputs) -> Tensor | None:
        """Inverse depth at the centres of the cells of some images, ``(B, 1, h, w)``; None where there is none.

        Args:
            rows: The images.
            said: What the network says of them.
        """
        if self.of_head:
            return said.depth
        if self.alignment is None or self.alignment.kind == "none":
            return None
        return at_cells(self.data.depth[list(rows)], self.given.grid, self.alignment, self.numerator).to(self.where)


def at_cells(depth: NDArray[np.uint16], grid: tuple[int, int], alignment: Alignment, numerator: float) -> Tensor:
    """Inverse depth at the centres of cells, ``(B, 1, h, w)``, of prepared depth ``(B, H, W)``; nan: none."""
    across, down = grid
    at = depth[:, centres(depth.shape[1], down)[:, None], centres(depth.shape[2], across)]
    return torch.from_numpy(alignment.z(at.astype(np.float32), numerator))[:, None]


def found(prior: Prior, alignment: Alignment | None) -> Prior:
    """A section with a number for the weight of the place, which is how unsure the network is if it asks."""
    if prior.place != "found":
        return prior
    assert alignment is not None  # prior_inputs.prior sees to it
    return replace(prior, place=round(alignment.unsure, 3))


def noise_of(prior: Prior, alignment: Alignment | None, numerator: float) -> tuple[float, float]:
    """s0, in units of z, and s1: those of the section, or as align_depth found them."""
    s0, s1 = prior.noise or (alignment.noise if alignment is not None else (0.0, 0.0))
    return s0 * numerator / UNIT, s1
