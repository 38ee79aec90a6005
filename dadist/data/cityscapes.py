"""Cityscapes: street scenes of 50 cities, 2048x1024, finely labelled; 2975 to train, 500 to validate.

    leftImg8bit/{train,val}/<city>/*_leftImg8bit.png    8-bit RGB
    gtFine/{train,val}/<city>/*_gtFine_labelIds.png     8-bit, one channel of label ids

Without ``labels`` the folder gtFine is not looked at, so it need not exist.

Source: README and label definitions of cityscapesScripts.
"""

from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dadist import classes
from dadist.data.base import DataError, Files, NoOptions, Reader, decode, kind, listing, require

IMAGE = "_leftImg8bit.png"
LABELS = "_gtFine_labelIds.png"


class Cityscapes(Reader):
    """Reads the two packages as they are shipped."""

    dataset = "cityscapes"
    splits = ("train", "val")  # the labels of "test" are not public
    counts = MappingProxyType({"train": 2975, "val": 500})
    shipped = """leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip (cityscapes-dataset.com), unpacked so that
the folder holds
    leftImg8bit/{train,val}/<city>/*_leftImg8bit.png     2975 and 500 images, 2048x1024
    gtFine/val/<city>/*_gtFine_labelIds.png              labels to evaluate with; gtFine/train is not needed
    disparity/val/, camera/val/                          for depth metrics alone (domain key `depth`)"""

    def ids(self, root: Path) -> dict[int, str | None]:
        """The label ids 0 to 33; the folder does not matter."""
        return classes.ids("cityscapes")

    def files(self, root: Path, split: str, *, labels: bool, depth: bool) -> list[Files]:
        """The scenes of ``"train"`` or ``"val"``, named like ``aachen_000000_000019``."""
        if split not in self.splits:
            raise ValueError(f"split of Cityscapes: expected one of {', '.join(self.splits)}, got {split!r}")
        if depth:
            raise ValueError(
                "depth of Cityscapes: expected depth = False, got True; the package has disparities and no depth, "
                "and its reader does not turn one into the other: take a source with depth, such as SYNTHIA"
            )
        images = listing(root / "leftImg8bit" / split, f"*/*{IMAGE}", "unpack leftImg8bit_trainvaltest.zip there")
        images.sort(key=lambda path: path.name)
        names = [image.name.removesuffix(IMAGE) for image in images]
        if not labels:
            return [Files(name, image, None, None) for name, image in zip(names, images, strict=True)]
        folder = root / "gtFine" / split
        wanted = [folder / image.parent.name / f"{name}{LABELS}" for name, image in zip(names, images, strict=True)]
        found = require(wanted, self._remedy(wanted))
        return [Files(name, image, path, None) for name, image, path in zip(names, images, found, strict=True)]

    def read_labels(self, path: Path) -> NDArray[np.uint8]:
        """Label ids.

        Raises:
            DataError: It is not 8-bit with one channel.
        """
        stored = decode(path)
        if stored.dtype != np.uint8 or stored.ndim != 2:
            raise DataError(
                f"{path}: expected 8-bit label ids with one channel, got {kind(stored)}; "
                "take *_labelIds.png of gtFine_trainvaltest.zip, neither *_color.png nor *_instanceIds.png"
            )
        return stored

    def read_depth(self, path: Path) -> NDArray[np.uint16]:
        """Never called: `files` gives no depth."""
        raise ValueError(f"{path}: expected no depth to be asked of Cityscapes; its reader has none")

    @staticmethod
    def _remedy(wanted: list[Path]) -> str:
        """What to do if a label file is missing, from what lies in its place."""
        remedy = "unpack gtFine_trainvaltest.zip there"
        first = next((path for path in wanted if not path.is_file()), None)
        if first is None:
            return remedy
        for other in ("_labelTrainIds.png", "_color.png"):
            if first.with_name(first.name.replace("_labelIds.png", other)).is_file():
                return f"*{other} cannot stand in, as the label ids are mapped here: {remedy}"
        return remedy


Options = NoOptions


def reader(options: NoOptions) -> Reader:
    """There is one way to read it."""
    return Cityscapes()
