"""Photographs of one's own, in whatever form they come: files, images of PIL, arrays."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from dadist.data.readers.base import read_image

WIDE = ("I", "F")  # how PIL's modes of more than 8 bits begin

# A photograph: (H, W, 3) uint8, red first; or one that PIL has opened; or a file. The latter two are turned upright.
Photograph = NDArray[np.uint8] | Image.Image | str | Path


def photograph(image: Photograph) -> NDArray[np.uint8]:
    """A photograph of one's own, ``(H, W, 3)`` RGB, upright: what `prepare` takes a file for.

    An alpha channel of a file or of PIL's is dropped, grey becomes three equal channels.

    Raises:
        DataError: A file is damaged, or has more than 8 bits, or is no file.
        FileNotFoundError: There is no such file.
        ValueError: An array has another shape or type, or PIL's image has more than 8 bits.
    """
    if isinstance(image, str | Path):
        if Path(image).is_dir():
            raise ValueError(
                f"{image}: expected a photograph, got a folder; `dadist predict` takes one, predict_each its files"
            )
        return read_image(Path(image))
    if isinstance(image, Image.Image):
        if image.mode.startswith(WIDE):
            raise ValueError(f"image: expected 8 bits per channel, got mode {image.mode} of PIL; convert it to RGB")
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    if not isinstance(image, np.ndarray):
        got = type(image).__name__
        raise ValueError(f"image: expected an array, an image of PIL or a file, got {got}; predict_each takes several")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        several = "; give several to predict_each" if image.ndim == 4 else ""
        raise ValueError(f"image: expected uint8 (H, W, 3), red first, got {image.dtype} {image.shape}{several}")
    return image
