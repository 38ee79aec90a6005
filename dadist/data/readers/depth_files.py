"""Depth as files of anyone's hold it: distances, disparities, or what a monocular network says.

Source of the 24 bits: CARLA, sensors reference, depth camera: (R + 256 G + 65536 B) / (256^3 - 1) of 1000 m. The devkit
of SHIFT (SysCV/shift-dev, shift_dataset.py) divides by 256^3, which is 0.06 mm less at 1000 m.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dadist.data.readers.arrays import read_array
from dadist.data.readers.base import FAR_CM, decode, kind
from dadist.data.readers.exr import is_exr, read_exr
from dadist.storage.errors import DataError

Kind = Literal["metric", "disparity", "relative"]  # what grows with the numbers: distance; nearness in a unit; nearness
Channels = Literal["one", "rgb"]  # of a file: a number in one channel; or its lowest 8 bits in red, the highest in blue
PACKED = "; depth of 24 bits over red, green and blue, as CARLA has it, needs `depth_channels: rgb`"


def given(of: Kind) -> str:
    """What `read` gives of a kind of file: "metric" or "relative"."""
    return "relative" if of == "relative" else "metric"


def read(path: Path, of: Kind, metres: float | None, channels: Channels = "one") -> NDArray[np.uint16]:
    """Depth of an image file, OpenEXR too, or of an array in a .npy file: ``(H, W)`` with axes of length 1 wherever.

    Metric depth and disparity as centimetres: infinity is far; what is no number, or not above 0, is no depth, 0.
    Relative depth as inverse depth from 1 to 65535, from the least to the largest number of the file; what is no number
    is no depth, 0.

    Args:
        path: Of the file.
        of: Metric: numbers times ``metres`` are the distance. Disparity: ``metres`` divided by them. Relative: how near
            things are, up to a scale and a shift.
        metres: None for relative depth.
        channels: One: a number in one channel, or in several alike. RGB: red + 256 green + 65536 blue, of 8 bits each.

    Raises:
        DataError: It has other channels, or 8 bits and is not relative, or is relative with one number everywhere.
        FileNotFoundError: There is no such file.
    """
    if of == "relative":
        return _relative(path, _packed(path) if channels == "rgb" else _one_channel(path, least=1))
    assert metres is not None
    values = (_packed(path) if channels == "rgb" else _one_channel(path, least=2)).astype(np.float64)
    if of == "disparity":
        values = np.divide(1, values, out=np.full(values.shape, np.nan), where=values > 0)
    distance = np.nan_to_num(values * metres, nan=0, posinf=FAR_CM, neginf=0)
    return np.where(distance > 0, np.rint(distance * 100).clip(1, FAR_CM), 0).astype(np.uint16)


def _packed(path: Path) -> NDArray[np.uint32]:
    """Numbers of 24 bits over red, green and blue, ``(H, W)``; an alpha channel is dropped."""
    stored = decode(path)
    if stored.dtype != np.uint8 or stored.ndim != 3:
        raise DataError(
            f"{path}: expected depth of 24 bits over 8-bit red, green and blue, got {kind(stored)}; "
            "leave out `depth_channels` of the domain if it has its numbers in one channel"
        )
    return np.asarray(stored[..., :3].astype(np.uint32) @ np.array([1, 256, 65536], np.uint32))


def _one_channel(path: Path, *, least: int) -> NDArray[Any]:
    """Numbers of ``least`` bytes or more, ``(H, W)``."""
    if path.suffix.lower() == ".npy":
        stored = read_array(path)
        got = f"an array of {stored.dtype} {stored.shape}"
        stored = stored.squeeze() if stored.ndim > 2 else stored
    elif is_exr(path):
        stored, names = read_exr(path)
        got = f"channels {', '.join(names)}"
    else:
        stored = decode(path)
        got = kind(stored)
    if stored.ndim == 3 and np.array_equal(
        stored, np.broadcast_to(stored[..., :1], stored.shape), equal_nan=stored.dtype.kind == "f"
    ):
        stored = stored[..., 0]
    if stored.ndim != 2 or not stored.size or stored.dtype.kind not in "uif" or stored.dtype.itemsize < least:
        picture = "8 bits or colours are" if least > 1 else "colours are"
        network = " (`depth_kind: relative`, which is what depth networks say, takes 8 bits)" * (stored.ndim == 2)
        raise DataError(
            f"{path}: expected depth with one channel of {8 * least} bits or more, got {got}; "
            f"{picture} a picture of depth: take the file that it was made from{network}{PACKED * (stored.ndim == 3)}"
        )
    return stored


def _relative(path: Path, stored: NDArray[Any]) -> NDArray[np.uint16]:
    values = stored.astype(np.float64)
    known = np.isfinite(values)
    if not known.any() or (least := values[known].min()) == (most := values[known].max()):
        raise DataError(
            f"{path}: expected relative depth, got one number everywhere; run the depth network on this image again"
        )
    scaled = 1 + np.rint(65534 * ((np.where(known, values, least) - least) / (most - least)))
    return np.where(known, scaled, 0).astype(np.uint16)
