"""The prior at use: depth files beside the photographs correct a model's classes, without any training."""

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from dadist.config.prior_sections import Place, Prior
from dadist.data.readers.depth_files import read
from dadist.data.resize import Size, nearest
from dadist.deploy.tiling import Field
from dadist.prior.alignment import Alignment
from dadist.prior.fusion import Fusion, Given
from dadist.prior.mixtures import Mixtures
from dadist.prior.use import at_cells, found, noise_of

# What config/defaults.yaml has.
WEIGHTS: tuple[float, Place] = (1.0, 0.5)
NOISE, FLOOR = (0.1, 0.1), -30.0


class PriorAtUse:
    """What the mixtures of a study say of photographs with depth files.

    Args:
        folder: results/SETTING/prior of the study: mixtures.npz, and alignment.json for depth.
        weights: Of depth given the place, and of the place; "found" for the latter: how unsure align_depth found the
            model.
        metres: What 1 in a depth file is; None for relative depth.

    Raises:
        FileNotFoundError: A file of the study is not there.
        ValueError: It is broken, or the depth of the study is of another kind than ``metres`` says.
    """

    def __init__(self, folder: Path, weights: tuple[float, Place] = WEIGHTS, metres: float | None = None) -> None:
        self.mixtures, self.alignment = (
            Mixtures.load(folder / "mixtures.npz"),
            Alignment.load(folder / "alignment.json"),
        )
        self.prior = found(Prior(weights[0], weights[1], NOISE, FLOOR, "labels", "files"), self.alignment)
        self.metres, self._fusions = metres, dict[Size, Fusion]()
        if self.alignment.kind == "none":
            raise ValueError(f"{folder}: expected a study with depth files, got one that was aligned without any")
        if (self.alignment.kind == "metric") != (metres is not None):
            wanted = "what 1 in them is in metres" if metres is None else "none, since it has no unit"
            raise ValueError(
                f"metres of the depth files: expected {wanted}: {folder} is of {self.alignment.kind} depth"
            )
        if metres is not None and not 0 < metres < math.inf:
            raise ValueError(f"metres of the depth files: expected a number above 0, got {metres}")

    def read(self, path: Path) -> NDArray[np.uint16]:
        """Depth of a file, as the study prepares it, ``(H, W)``.

        Raises:
            DataError: It is damaged, or holds no depth.
            FileNotFoundError: There is no such file.
        """
        return read(path, "metric" if self.alignment.kind == "metric" else "relative", self.metres)

    def fuse(self, field: Field, depth: NDArray[np.uint16], content: Size, frame: Size) -> Field:
        """What a network says of an image in one pass, with the prior's terms added.

        Args:
            field: Of the frame.
            depth: Of the image, ``(H, W)`` at any size.
            content: (width, height) that the image takes of the frame, on its upper left.
            frame: (width, height) of what the network saw.
        """
        height, width = field.logits.shape[-2:]
        if (width, height) not in self._fusions:
            given = Given(self.mixtures, (width, height), self.alignment.view).to(field.logits.device)
            noise = noise_of(self.prior, self.alignment, self.mixtures.numerator)
            self._fusions[width, height] = Fusion(given, self.prior, noise)
        z = at_cells(nearest(depth, content, frame, 0)[None], (width, height), self.alignment, self.mixtures.numerator)
        with torch.no_grad():
            (logits,) = self._fusions[width, height](field.logits[None], z.to(field.logits.device))
        return field._replace(logits=logits)
