"""A trained model at work, on images of any size: `dadist.load(path).predict(image)`."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dadist.classes import ClassSet
from dadist.data.readers.base import read_image, same_shape
from dadist.data.resize import Size, bicubic, frame_around
from dadist.deploy.fused import PriorAtUse
from dadist.deploy.tiling import Field, render, tiled, whole
from dadist.model.checkpoint import Checkpoint
from dadist.model.inference import device

logger = logging.getLogger(__name__)

LEAST_TILE = 128  # pixels of a side; with less around it, hardly a thing is recognised


@dataclass(frozen=True)
class Prediction:
    """What a model says of an image, pixel by pixel."""

    labels: NDArray[np.uint8]  # (H, W) train ids: index of the class in ``classes``
    confidence: NDArray[np.float32]  # (H, W) the model's probability of that class, 0..1
    depth_m: NDArray[np.float32] | None  # (H, W) metres, 655.35 for what is farther; None if the model has no depth
    classes: ClassSet  # names and colours, in train-id order


class Model:
    """A trained segmenter, ready to predict.

    Args:
        checkpoint: What `Checkpoint.load` read; kept without its weights, which the network has.
        where: Device of torch; "cuda" or "cpu".
        prior: Of the study, for images with depth.

    Raises:
        ValueError: The prior is of another class set.
    """

    def __init__(self, checkpoint: Checkpoint, where: str, prior: PriorAtUse | None = None) -> None:
        self.checkpoint, self.prior = replace(checkpoint, weights={}), prior
        if prior is not None:
            known = prior.mixtures.classes, prior.mixtures.numerator
            if known != (own := (self.classes, checkpoint.inverse_depth)):
                expected, got = (f"{classes.name} and inverse depth {z:g}" for classes, z in (own, known))
                raise ValueError(
                    f"prior: expected mixtures of class set {expected}, got {got}; take the model's study's"
                )
        self.segmenter = checkpoint.segmenter().to(where)

    @property
    def classes(self) -> ClassSet:
        """Names and colours, in train-id order."""
        return self.checkpoint.architecture.classes

    @property
    def has_depth(self) -> bool:
        """Whether it says how far things are."""
        return self.segmenter.has_depth

    def predict(
        self,
        image: NDArray[np.uint8] | str | Path,
        *,
        scale: float | None = None,
        tile: Size | None = None,
        batch: int = 1,
        size: Size | None = None,
        depth: NDArray[np.uint16] | str | Path | None = None,
    ) -> Prediction:
        """Classes, confidence and depth of an image.

        An image comes to the size that the network works at as `prepare` brings it there: one with the aspect ratio of
        the target's images is stretched as they were, or padded as they were; any other keeps its ratio and takes as
        many pixels.

        Args:
            image: ``(H, W, 3)`` uint8, red first; or a file, which is turned upright.
            scale: Look at the image at this share of its own size instead, by tiles: 1 for all of its pixels.
            tile: (width, height) of what the network takes at once, pixels; without it, the size it works at, or
                half of it, or a quarter, ..., where there is no room for that.
            batch: Tiles at once.
            size: (width, height) of the maps; without it, those of the image.
            depth: Of the image, for the prior: a file, or what `PriorAtUse.read` made of it.

        Returns:
            Maps of the image's own size, unless ``size`` says otherwise.

        Raises:
            ValueError: The file or array is no 8-bit colour image, or a number makes no sense.
            FileNotFoundError: There is no such file.
            MemoryError: Out of memory; the message says what to make smaller.
        """
        pixels = image if isinstance(image, np.ndarray) else photograph(Path(image))
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise ValueError(f"image: expected uint8 (H, W, 3), red first, got {pixels.dtype} {pixels.shape}")
        frame, shrinks = self.checkpoint.frame, tile is None and depth is None
        tile = tile or (frame.width, frame.height)
        if min(*tile, batch) < 1 or (scale is not None and not 0 < scale <= 8):
            raise ValueError(
                f"expected a scale above 0 up to 8, tiles and a batch from 1 on, got {scale}, {tile}, {batch}"
            )
        own: Size = (pixels.shape[1], pixels.shape[0])
        near = self._depth(depth, scale, own)
        while True:
            try:
                with _explaining_lack_of_room(tile, batch):
                    field = self._field(pixels, scale, tile, batch, near)
                    found = render(field, size or own, self.checkpoint.inverse_depth)
                return Prediction(found.labels, found.confidence, found.depth_m, self.classes)
            except MemoryError:
                half = tile[0] // 2, tile[1] // 2
                if not shrinks or min(half) < LEAST_TILE:
                    raise
            logger.warning("no room for a tile of %dx%d; going on with %dx%d", *tile, *half)
            tile, batch = half, 1

    def _depth(
        self, depth: NDArray[np.uint16] | str | Path | None, scale: float | None, size: Size
    ) -> NDArray[np.uint16] | None:
        if depth is None:
            return None
        if self.prior is None or scale is not None:
            raise ValueError("depth: expected a prior to compare it with, and no scale: places are of whole images")
        found = depth if isinstance(depth, np.ndarray) else self.prior.read(Path(depth))
        if not same_shape(found.shape[::-1], size):
            of, (width, height) = "depth" if isinstance(depth, np.ndarray) else depth, found.shape[::-1]
            raise ValueError(f"{of}: expected the shape of the image, {size[0]}x{size[1]}, got {width}x{height}")
        return found

    def _field(
        self, image: NDArray[np.uint8], scale: float | None, tile: Size, batch: int, depth: NDArray[np.uint16] | None
    ) -> Field:
        """In one pass, if the network's input has no more pixels than a tile, or if there is depth."""
        own: Size = (image.shape[1], image.shape[0])
        if scale is None:
            content, frame = self.checkpoint.frame.of(own)
        else:
            content = frame = max(round(own[0] * scale), 1), max(round(own[1] * scale), 1)
        if frame[0] * frame[1] > tile[0] * tile[1] and depth is None:
            return tiled(self.segmenter, bicubic(image, content, content), tile, batch)
        around = frame_around(own, frame, "stretch" if content == frame else "pad")  # as `score` brings maps to labels
        end = [(pixels - 1) / max(most - 1, 1) for pixels, most in zip(own, around, strict=True)]
        found = whole(self.segmenter, bicubic(image, content, frame), (end[0], end[1]))
        return found if depth is None or self.prior is None else self.prior.fuse(found, depth, content, frame)


def load(path: str | Path, where: str | None = None, prior: PriorAtUse | None = None) -> Model:
    """A model from its file; runs no code from it, and needs nothing else.

    Args:
        path: A model.pt of this project.
        where: Device of torch; without it, a GPU if there is one.
        prior: Of its study, for images with depth.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is broken or something else.
    """
    return Model(Checkpoint.load(Path(path)), where or device(), prior)


def photograph(path: Path) -> NDArray[np.uint8]:
    """An image file of one's own, ``(H, W, 3)`` RGB, upright: what `prepare` takes it for.

    Raises:
        DataError: It is damaged, or has more than 8 bits, or is no file.
        FileNotFoundError: There is no such file.
    """
    return read_image(path)


@contextlib.contextmanager
def _explaining_lack_of_room(tile: Size, batch: int) -> Iterator[None]:
    """Out of memory, on whichever device, as one MemoryError with a remedy."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = ("out of memory", "allocate memory", "could not create a", "bad_alloc")  # the third is oneDNN's
        if not isinstance(error, MemoryError) and not any(word in str(error) for word in known):
            raise
        raise MemoryError(
            f"expected room for {batch} tiles of {tile[0]}x{tile[1]} at once, got too little memory; "
            "make --tile smaller (such as 512x512), --batch 1, or close other programs"
        ) from error
