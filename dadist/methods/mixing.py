"""Class-mix: half of the classes of a source image are pasted on a target image; objects that are put elsewhere."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dadist.data.loader import Source
from dadist.data.transforms import class_mask
from dadist.runtime import distributed


class Mixed(NamedTuple):
    """A batch of mixed images, as ``paste`` makes them of the pairs of source and target, whatever their number."""

    images: Tensor  # (B, 3, H, W) in 0..255
    labels: Tensor  # (B, H, W)
    pasted: Tensor  # (B, 1, H, W) bool, True where it is the source


def paste(
    source: Source,
    images: Tensor,
    labels: Tensor,
    *,
    augment: Callable[[Tensor], Tensor],
    seed: tuple[int, ...],
    of_batch: bool = False,
    where: Tensor | None = None,
) -> Mixed:
    """Paste, and change the colours of what comes out; a function of its arguments alone, of all processes' together.

    Args:
        source: Whose classes are drawn, image by image.
        images: Of the target, of the same shape as the source's.
        labels: Of the target, ``(B, H, W)``.
        augment: An image ``(3, H, W)`` in 0..1 to another; draws from torch's generator.
        seed: Of the classes and of what ``augment`` draws.
        of_batch: Whether the classes of an image are drawn from those of the whole batch.
        where: ``(B, 1, H, W)`` bool, where anything may be pasted; None: everywhere.

    Sources: Olsson et al., ClassMix, WACV 2021, arxiv.org/abs/2007.07936; Tranheden et al., DACS, WACV 2021,
    arxiv.org/abs/2007.08702.
    """
    generator = np.random.default_rng(seed)
    mine = distributed.share(len(source.labels) * distributed.processes())
    pasted = class_mask(distributed.gather(source.labels), generator, of_batch=of_batch)[mine]  # (B, 1, H, W)
    if where is not None:
        pasted = pasted & where
    images = torch.where(pasted, source.images, images)
    labels = torch.where(pasted[:, 0], source.labels, labels)
    return Mixed(changed(images, augment, int(generator.integers(2**31))), labels, pasted)


def changed(images: Tensor, augment: Callable[[Tensor], Tensor], seed: int) -> Tensor:
    """Each image changed by itself, by what torch's generator draws with this seed; the same in several processes.

    Args:
        images: ``(B, 3, H, W)`` in 0..255.
        augment: An image ``(3, H, W)`` in 0..1 to another.
        seed: Of the draws of all processes' images.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(distributed.share(len(images) * distributed.processes()).start):
            augment(images.new_zeros(3, *images.shape[-2:]))  # draws what the images of the processes before take
        return torch.stack([augment(image / 255) for image in images]) * 255


def placed(
    image: Tensor, mask: Tensor, *, scale: float, where: tuple[float, float], mirrored: bool
) -> tuple[Tensor, Tensor]:
    """What is cut out of an image, elsewhere on an image of the same size, and whole.

    Each pixel is the one of the image that its centre falls into.

    Args:
        image: ``(3, H, W)``.
        mask: ``(H, W)`` bool, what is cut out.
        scale: Its new size, as a share of its old one; at most 1.
        where: How far down and across of the places that it may take, 0 to 1.
        mirrored: Whether left to right.

    Returns:
        Image and mask, as above.
    """
    found, inside = list[Tensor](), list[Tensor]()
    for line, share, backwards in ((mask.any(1), where[0], False), (mask.any(0), where[1], mirrored)):
        pixels = torch.arange(len(line), device=line.device)
        begin, end = line.int().argmax(), len(line) - line.flip(0).int().argmax()  # of what is cut out
        at = ((pixels + 0.5 - share * (len(line) - scale * (end - begin))) / scale).floor().long()
        inside.append((at >= 0) & (at < end - begin))
        found.append((end - 1 - at if backwards else begin + at).clamp(0, len(line) - 1))
    rows, columns = found[0][:, None], found[1][None]
    return image[:, rows, columns], mask[rows, columns] & inside[0][:, None] & inside[1][None]
