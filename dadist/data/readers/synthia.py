"""SYNTHIA-RAND-CITYSCAPES: 9400 rendered images, 1280x760, with classes and depth.

    RGB/*.png              8-bit RGB
    GT/LABELS/*.png        16-bit, three channels: class id in the first (red), instance in the second
    parsed_LABELS/*.png    one channel of class ids: a repackaging, read where GT/LABELS is absent
    Depth/*.png            16-bit centimetres, one channel or three equal ones

Source: README of the SYNTHIA-RAND-CITYSCAPES package.
"""

from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dadist import classes
from dadist.data.readers.base import Files, NoOptions, Reader, WrongPackageError, decode, kind
from dadist.data.readers.label_files import decode_labels
from dadist.data.readers.listing import listing, require
from dadist.storage.errors import DataError

UNPACK = "unpack the package SYNTHIA-RAND-CITYSCAPES there (RAND_CVPR16 is another one, without this depth)"
VOID = 0  # class id


class Synthia(Reader):
    """Reads the package as it is shipped."""

    dataset = "synthia"
    splits = ("all",)
    labelled = ("all",)
    counts = MappingProxyType({"all": 9400})
    shipped = """SYNTHIA-RAND-CITYSCAPES (synthia-dataset.net, not RAND_CVPR16), unpacked so that the folder holds
    RGB/0000000.png …         9400 images, 1280x760
    GT/LABELS/0000000.png …   class and instance ids, 16-bit (or parsed_LABELS/: one channel)
    Depth/0000000.png …       centimetres, 16-bit"""

    def ids(self, root: Path) -> dict[int, str | None]:
        """The raw ids 0 to 22; the folder does not matter."""
        return classes.ids("synthia")

    def files(self, root: Path, split: str, *, labels: bool, depth: bool) -> list[Files]:
        """The scenes; the only split is ``"all"``."""
        if split != "all":
            raise ValueError(f"split of SYNTHIA: expected 'all', got {split!r}; the package is not divided")
        if (root / "GTTXT").is_dir() and not (root / "Depth").is_dir():
            raise WrongPackageError(
                f"{root}: expected the package SYNTHIA-RAND-CITYSCAPES, got RAND_CVPR16 (GTTXT/, no Depth/); {UNPACK}"
            )
        images = listing(root / "RGB", "*.png", UNPACK)
        label_files = self._beside(images, self._label_folder(root)) if labels else [None] * len(images)
        depth_files = self._beside(images, root / "Depth") if depth else [None] * len(images)
        return [Files(image.stem, image, *pair) for image, *pair in zip(images, label_files, depth_files, strict=True)]

    def read_labels(self, path: Path) -> NDArray[np.uint8]:
        """Class ids of a file of either folder.

        Raises:
            DataError: It is 8-bit colour, or its ids go beyond 255.
        """
        drawn = decode_labels(path)
        if not drawn.numbers and drawn.bits != 16:
            raise DataError(
                f"{path}: expected 16-bit labels with 3 channels (or one channel), got {drawn.kind}; "
                "a program that keeps only the high byte, such as PIL, has rewritten it: copy the file again "
                "from the package"
            )
        ids = drawn.values if drawn.numbers else drawn.values[..., 0]
        if ids.max() > 255:
            raise DataError(
                f"{path}: expected class ids 0 to 22 in the first channel, got {ids.max()}; "
                "the channels are reversed or scaled: copy the file again from the package"
            )
        return drawn.void(ids, VOID)

    def read_depth(self, path: Path) -> NDArray[np.uint16]:
        """Centimetres.

        Raises:
            DataError: It is not 16-bit, or its channels differ.
        """
        stored = decode(path)
        if stored.dtype != np.uint16:
            raise DataError(
                f"{path}: expected 16-bit depth in centimetres, got {kind(stored)}; copy the file again from the "
                "package SYNTHIA-RAND-CITYSCAPES: 8 bits cannot be turned back into centimetres"
            )
        if stored.ndim == 3 and (stored != stored[..., :1]).any():
            raise DataError(
                f"{path}: expected three equal channels of depth in centimetres, got channels that differ "
                "(depth packed over R, G and B, as other SYNTHIA packages have it?); "
                "take Depth/ of the package SYNTHIA-RAND-CITYSCAPES"
            )
        return np.ascontiguousarray(stored if stored.ndim == 2 else stored[..., 0])

    @staticmethod
    def _label_folder(root: Path) -> Path:
        shipped, parsed = root / "GT" / "LABELS", root / "parsed_LABELS"
        return parsed if not shipped.is_dir() and parsed.is_dir() else shipped

    @staticmethod
    def _beside(images: list[Path], folder: Path) -> list[Path]:
        """The files of ``folder`` that are named like the images."""
        listing(folder, "*.png", UNPACK)
        return require([folder / image.name for image in images], f"the copy is not complete: {UNPACK}")


Options = NoOptions


def reader(options: NoOptions) -> Reader:
    """There is one way to read it."""
    return Synthia()
