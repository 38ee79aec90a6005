"""Depth as files of anyone's hold it: distances, disparities, or what a monocular network says."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dadist.data.readers.arrays import read_array
from dadist.data.readers.base import FAR_CM, decode, kind
from dadist.storage.errors import DataError

Kind = Literal["metric", "disparity", "relative"]  # what grows with the numbers: distance; nearness in a unit; nearness


def given(of: Kind) -> str:
    """What `read` gives of a kind of file: "metric" or "relative"."""
    return "relative" if of == "relative" else "metric"


def read(path: Path, of: Kind, metres: float | None) -> NDArray[np.uint16]:
    """Depth of an image file, or of an array in a .npy file, which is ``(H, W)`` with axes of length 1 wherever.

    Metric depth and disparity as centimetres: infinity is far; what is no number, or not above 0, is no depth, 0.
    Relative depth as inverse depth from 1 to 65535, from the least to the largest number of the file; what is no number
    is no depth, 0.

    Args:
        path: Of the file.
        of: Metric: numbers times ``metres`` are the distance. Disparity: ``metres`` divided by them. Relative: how near
            things are, up to a scale and a shift.
        metres: None for relative depth.

    Raises:
        DataError: It has 8 bits and is not relative, channels that differ, or one number everywhere.
        FileNotFoundError: There is no such file.
    """
    if of == "relative":
        return _relative(path, _one_channel(path, least=1))
    assert metres is not None
    values = _one_channel(path, least=2).astype(np.float64)
    if of == "disparity":
        values = np.divide(1, values, out=np.full(values.shape, np.nan), where=values > 0)
    distance = np.nan_to_num(values * metres, nan=0, posinf=FAR_CM, neginf=0)
    return np.where(distance > 0, np.rint(distance * 100).clip(1, FAR_CM), 0).astype(np.uint16)


def _one_channel(path: Path, *, least: int) -> NDArray[Any]:
    """Numbers of ``least`` bytes or more, ``(H, W)``."""
    if path.suffix.lower() == ".npy":
        stored = read_array(path)
        got = f"an array of {stored.dtype} {stored.shape}"
        stored = stored.squeeze() if stored.ndim > 2 else stored
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
            f"{picture} a picture of depth: take the file that it was made from{network}"
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
