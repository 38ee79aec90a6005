"""A trained model at work, on images of any size: `dadist.load(path).predict(image)`."""

import contextlib
import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dadist.classes import ClassSet
from dadist.data.readers.base import same_shape
from dadist.data.resize import Size, bicubic, frame_around
from dadist.deploy.fused import PriorAtUse
from dadist.deploy.overlapped import overlapped, side_by_side
from dadist.deploy.photographs import Photograph, photograph
from dadist.deploy.prediction import Prediction
from dadist.deploy.tiling import Field, tiled, whole, wholes
from dadist.model.checkpoint import Checkpoint
from dadist.model.inference import device

logger = logging.getLogger(__name__)

SMALLEST_TILE = 16  # pixels of a side: with smaller ones an image is thousands
LEAST_TILE = 128  # pixels of a side; with less around it, hardly a thing is recognised


class _Framed(NamedTuple):
    """An image as the network takes it."""

    pixels: NDArray[np.uint8]  # (H, W, 3)
    end: tuple[float, float]  # share of width and of height at which the image's last pixel lies
    content: Size  # what the image takes of it
    own: Size  # of the image


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
        self.segmenter = checkpoint.predicting(where)

    def __repr__(self) -> str:
        """In words: backbone, classes, and the size that it works at."""
        frame, backbone = self.checkpoint.frame, self.checkpoint.architecture.backbone
        return f"<dadist model: {backbone}, {len(self.classes)} classes, {frame.width}x{frame.height}>"

    @property
    def classes(self) -> ClassSet:
        """Names and colours, in train-id order."""
        return self.checkpoint.architecture.classes

    @property
    def has_depth(self) -> bool:
        """Whether it says how far things are."""
        return self.segmenter.has_depth

    @property
    def pixels(self) -> float:
        """What the network takes of an image; on a GPU, for which one is enough at once, infinity."""
        frame, on_processor = self.checkpoint.frame, next(self.segmenter.parameters()).device.type == "cpu"
        return frame.width * frame.height if on_processor else math.inf

    def predict(
        self,
        image: Photograph,
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
            image: ``(H, W, 3)`` uint8, red first; an image of PIL, or a file, which are turned upright.
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
        pixels = photograph(image)
        frame, shrinks = self.checkpoint.frame, tile is None and depth is None
        tile = tile or (frame.width, frame.height)
        if isinstance(tile, str) or len(tile) != 2 or min(tile) < SMALLEST_TILE:
            raise ValueError(f"tile: expected (width, height) of {SMALLEST_TILE} pixels or more, got {tile!r}")
        if batch < 1 or (scale is not None and not 0 < scale <= 8):
            raise ValueError(f"expected a scale above 0 up to 8 and a batch from 1 on, got {scale}, {batch}")
        own: Size = (pixels.shape[1], pixels.shape[0])
        near = self._depth(depth, scale, own)
        while True:
            try:
                with _explaining_lack_of_room(tile, batch):
                    field = self._field(pixels, scale, tile, batch, near)
                return self._of(field, size or own)
            except MemoryError:
                half = tile[0] // 2, tile[1] // 2
                if not shrinks or min(half) < LEAST_TILE:
                    raise
            logger.warning("no room for a tile of %dx%d; going on with %dx%d", *tile, *half)
            tile, batch = half, 1

    def predict_each(self, images: Iterable[Photograph], *, batch: int = 4) -> Iterator[Prediction]:
        """Predictions of many images, one after the other, as `predict` makes them without tiles.

        Neighbours that come to one size go through the network together; on a processor each has its cores, unless the
        network takes large ones. About ``batch`` are in memory at once.

        Args:
            images: Of any sizes; an array ``(B, H, W, 3)`` is such images, too.
            batch: How many are in the network at once, at most.

        Raises:
            ValueError: One is no 8-bit colour image, or the batch is less than 1.
            FileNotFoundError: There is no such file.
            MemoryError: Out of memory, even with one at once.
        """
        if batch < 1:
            raise ValueError(f"expected a batch from 1 on, got {batch}")
        if isinstance(images, str | Path | Image.Image) or getattr(images, "ndim", 4) == 3:
            raise ValueError("images: expected several, such as a list, got one; give it to predict")
        if (workers := min(side_by_side(self.pixels), batch)) > 1:
            yield from overlapped(map(photograph, images), self.predict, lambda found: found, workers)
            return
        remaining = map(photograph, images)
        while group := list(islice(remaining, batch)):
            framed = [(image, self._framed(image, None)) for image in group]
            for _, alike in groupby(framed, key=lambda one: one[1].pixels.shape):
                yield from self._together(list(alike))

    def _together(self, group: list[tuple[NDArray[np.uint8], _Framed]]) -> Iterator[Prediction]:
        """Of images that the network sees at one size; one by one where there is no room for all of them."""
        _, (first, *_) = group[0]
        try:
            with _explaining_lack_of_room((first.shape[1], first.shape[0]), len(group)):
                fields = wholes(
                    self.segmenter, np.stack([one.pixels for _, one in group]), [one.end for _, one in group]
                )
        except MemoryError:
            yield from (self.predict(image) for image, _ in group)
            return
        for field, (_, one) in zip(fields, group, strict=True):
            yield self._of(field, one.own)

    def _of(self, field: Field, size: Size) -> Prediction:
        return Prediction(field, size, self.checkpoint.inverse_depth, self.classes)

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
        framed = self._framed(image, scale)
        height, width = framed.pixels.shape[:2]
        if width * height > tile[0] * tile[1] and depth is None:
            return tiled(self.segmenter, framed.pixels, tile, batch)
        found = whole(self.segmenter, framed.pixels, framed.end)
        if depth is None or self.prior is None:
            return found
        return self.prior.fuse(found, depth, framed.content, (width, height))

    def _framed(self, image: NDArray[np.uint8], scale: float | None) -> _Framed:
        own: Size = (image.shape[1], image.shape[0])
        if scale is None:
            content, frame = self.checkpoint.frame.of(own)
        else:
            content = frame = max(round(own[0] * scale), 1), max(round(own[1] * scale), 1)
        around = frame_around(own, frame, "stretch" if content == frame else "pad")  # as `score` brings maps to labels
        width, height = ((pixels - 1) / max(most - 1, 1) for pixels, most in zip(own, around, strict=True))
        return _Framed(bicubic(image, content, frame), (width, height), content, own)


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
