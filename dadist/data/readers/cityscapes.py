"""Cityscapes: street scenes of 50 cities, 2048x1024, finely labelled; 2975 to train, 500 to validate.

    leftImg8bit/{train,val}/<city>/*_leftImg8bit.png    8-bit RGB
    gtFine/{train,val}/<city>/*_gtFine_labelIds.png     8-bit, one channel of label ids
    disparity/{train,val}/<city>/*_disparity.png        16-bit p: (p - 1) / 256 pixels, 0 = not measured
    camera/{train,val}/<city>/*_camera.json             baseline in metres, focal length fx in pixels

Without ``labels`` the folder gtFine is not looked at, without ``depth`` neither disparity nor camera, so they need not
exist.

Source: README and label definitions of cityscapesScripts.
"""

import json
import math
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from dadist import classes
from dadist.config.prior_sections import Camera
from dadist.data.readers.base import FAR_CM, Files, NoOptions, Reader, decode, kind, read_size
from dadist.data.readers.label_files import decode_labels
from dadist.data.readers.listing import listing, require
from dadist.storage.errors import DataError

IMAGE = "_leftImg8bit.png"
LABELS = "_gtFine_labelIds.png"
DISPARITY = "_disparity.png"
CAMERA = "_camera.json"
_AGAIN = "copy the file again from camera_trainvaltest.zip"
UNLABELED = 0  # label id


class Cityscapes(Reader):
    """Reads the packages as they are shipped."""

    dataset = "cityscapes"
    cameras = True
    splits = ("train", "val")  # the labels of "test" are not public
    labelled = ("train", "val")
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
        images = listing(root / "leftImg8bit" / split, f"*/*{IMAGE}", "unpack leftImg8bit_trainvaltest.zip there")
        images.sort(key=lambda path: path.name)
        names = [image.name.removesuffix(IMAGE) for image in images]
        parts = [f"{split}/{image.parent.name}/{name}" for name, image in zip(names, images, strict=True)]
        label_files: list[Path] | list[None] = [None] * len(images)
        depth_files: list[Path] | list[None] = [None] * len(images)
        if labels:
            wanted = [root / "gtFine" / f"{part}{LABELS}" for part in parts]
            label_files = require(wanted, self._remedy(wanted))
        if depth:
            depth_files = require(
                [root / "disparity" / f"{part}{DISPARITY}" for part in parts],
                "depth is made of disparities: unpack disparity_trainvaltest.zip there",
            )
            require(
                [root / "camera" / f"{part}{CAMERA}" for part in parts],
                "a disparity is a depth only with its camera: unpack camera_trainvaltest.zip there",
            )
        return [Files(*scene) for scene in zip(names, images, label_files, depth_files, strict=True)]

    def read_labels(self, path: Path) -> NDArray[np.uint8]:
        """Label ids.

        Raises:
            DataError: It is not 8-bit with one channel.
        """
        drawn = decode_labels(path)
        if not drawn.numbers or drawn.bits > 8:
            raise DataError(
                f"{path}: expected 8-bit label ids with one channel, got {drawn.kind}; "
                "take *_labelIds.png of gtFine_trainvaltest.zip, neither *_color.png nor *_instanceIds.png"
            )
        return drawn.void(drawn.values, UNLABELED)

    def read_depth(self, path: Path) -> NDArray[np.uint16]:
        """Centimetres along the optical axis, from a disparity and the camera that lies beside it.

        depth = baseline * fx / d with d = (p - 1) / 256; 0 where p is 0, 65535 beyond 655 m and where d is 0.

        Raises:
            DataError: The disparity is not 16-bit with one channel, or the camera lacks baseline or focal length.
            FileNotFoundError: There is no camera file.
        """
        stored = decode(path)
        if stored.dtype != np.uint16 or stored.ndim != 2:
            raise DataError(
                f"{path}: expected 16-bit disparities with one channel, got {kind(stored)}; "
                "copy the file again from disparity_trainvaltest.zip: 8 bits cannot be turned back into a depth"
            )
        product = math.prod(_numbers(self._camera_of(path, DISPARITY), "extrinsic.baseline", "intrinsic.fx", least=0))
        with np.errstate(divide="ignore"):
            depth_cm = np.rint(100 * product * 256 / (np.maximum(stored, 1) - 1.0)).clip(1, FAR_CM)
        return np.where(stored == 0, 0, depth_cm).astype(np.uint16)

    def camera(self, image: Path) -> Camera:
        """That of an image, from the file in the package beside.

        The horizon is the row in which a camera that looks down by its pitch sees what is far: v0 - fy tan(pitch).

        Raises:
            DataError: A number is missing.
            FileNotFoundError: There is no camera file.
        """
        path = self._camera_of(image, IMAGE)
        (focal,) = _numbers(path, "intrinsic.fy", least=0)
        column, row, pitch = _numbers(path, "intrinsic.u0", "intrinsic.v0", "extrinsic.pitch")
        _, height = read_size(image)
        # The files count from the centre of the first pixel.
        return Camera(focal / height, (row + 0.5 - focal * math.tan(pitch)) / height, (column + 0.5) / height)

    @staticmethod
    def _camera_of(file: Path, ending: str) -> Path:
        """The camera file of a file of another package, in the package beside."""
        split, city = file.parent.parent.name, file.parent.name
        return file.parents[3] / "camera" / split / city / f"{file.name.removesuffix(ending)}{CAMERA}"

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


def _numbers(path: Path, *names: str, least: float = -math.inf) -> list[float]:
    """Numbers of a camera file, by section and name.

    Raises:
        DataError: It is no JSON, or one is missing or not above ``least``.
        FileNotFoundError: There is no such file.
    """
    require([path], "unpack camera_trainvaltest.zip there")
    try:
        camera = json.loads(path.read_text(encoding="utf-8"))
        found = {name: camera[name.partition(".")[0]][name.partition(".")[2]] for name in names}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: expected {' and '.join(names)} of a camera, got {error!r}; {_AGAIN}") from error
    for name, value in found.items():
        if not isinstance(value, int | float) or not least < value < math.inf:
            wanted = "above 0" if least == 0 else "as a number"
            raise DataError(f"{path}: expected {name.partition('.')[2]} {wanted}, got {value!r}; {_AGAIN}")
    return [float(value) for value in found.values()]


Options = NoOptions


def reader(options: NoOptions) -> Reader:
    """There is one way to read it."""
    return Cityscapes()
