"""Two resolutions: a whole image at half its size, and parts of it at full size.

Source: Hoyer, Dai & Van Gool, HRDA, ECCV 2022, arxiv.org/abs/2204.13132.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dadist.config.grid import stride
from dadist.model.heads import init_head
from dadist.model.segmenter import Outputs, Segmenter, normalised, upsample

ATTENTION = 256  # most channels of what says where to trust which resolution


class TwoResolutions(Segmenter):
    """HRDA's: the context is the whole image at half its size; a detail is half as wide and high, at full size.

    Backbone and classifier are the same for both. With an attention a, one map per class that reads the context, and up
    the way from the context's grid to that of the image, the logits are up((1 - a) context) + up(a) detail. While it is
    trained, a forward sees one detail at random, the same of all images, and a is 0 elsewhere; the detail's own logits
    stand under ``extra["detail"]``. Without gradients it sees details that overlap by half, and takes their mean.

    A detail begins where cells of both grids begin: every 16 pixels, where a cell has 8. An image is continued to a
    multiple of that by its last row and column.
    """

    def build(self, channels: int) -> None:
        """The classifier and the attention."""
        super().build(channels)
        self.stride = stride(self.grid)
        width, classes = min(channels, ATTENTION), len(self.architecture.classes)
        self.attention = nn.Sequential(
            nn.Conv2d(channels, width, 1), nn.ReLU(inplace=True), nn.Conv2d(width, classes, 1)
        )
        self.attention.apply(init_head)

    def context(self, images: Tensor) -> Tensor:
        """Whole images at half their size."""
        return F.avg_pool2d(self._continued(images), 2)

    def forward(self, images: Tensor) -> Outputs:
        """RGB ``(B, 3, H, W)`` in 0..255 to outputs on the feature grid of images of this size."""
        whole, drawn = self._continued(images), self.training and torch.is_grad_enabled()
        height, width = sides = self._sides(whole.shape[-2:])  # of a detail
        corners = [self._drawn(images.shape[-2:], sides)] if drawn else self._windows(whole.shape[-2:], sides)
        parts = torch.cat([whole[..., top : top + height, left : left + width] for top, left in corners])
        details = self.read(*self._features(parts)).logits.chunk(len(corners))
        # The context comes last: what the backbone was asked for last is the whole image.
        middle, features = self._features(self.context(images))
        logits, trust = self.read(middle, features).logits, self.attention(features).sigmoid()
        size, cells = self._grid(whole.shape[-2:]), [(top // self.stride, left // self.stride) for top, left in corners]
        counts = _summed([torch.ones_like(one) for one in details], cells, size)
        detail = _summed(details, cells, size) / counts.clamp_min(1)
        if drawn:
            (down, across), seen = cells[0], trust.new_ones(self._grid((height // 2, width // 2)))
            trust = trust * _summed([seen], [(down // 2, across // 2)], trust.shape[-2:])
        rows, columns = self._grid(images.shape[-2:])
        fused = (upsample((1 - trust) * logits, size) + upsample(trust, size) * detail)[..., :rows, :columns]
        if not drawn:
            return Outputs(fused)
        return Outputs(fused, extra={"detail": details[0]}, crop=(*corners[0], height, width))

    def _features(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What the heads read of images of one resolution: the middle layer, and what the decoder makes."""
        stages = self.backbone(normalised(images, self))
        return stages[-2], self.decoder(stages)

    @property
    def _unit(self) -> int:
        """Pixels that are whole cells at both resolutions."""
        return 2 * self.stride

    def _grid(self, size: Sequence[int]) -> tuple[int, int]:
        """Rows and columns of the feature grid for images of a size (H, W)."""
        columns, rows = self.grid(size[1], size[0])
        return rows, columns

    def _continued(self, images: Tensor) -> Tensor:
        """Images whose sides are multiples of the unit."""
        height, width = images.shape[-2:]
        return F.pad(images, (0, -width % self._unit, 0, -height % self._unit), mode="replicate")

    def _sides(self, size: Sequence[int]) -> tuple[int, int]:
        """Height and width of a detail of images of a size (H, W)."""
        height, width = (max(side // (2 * self._unit), 1) * self._unit for side in size)
        return height, width

    def _drawn(self, size: Sequence[int], sides: Sequence[int]) -> tuple[int, int]:
        """Upper left corner of a detail in images of a size (H, W), by torch's generator, which a training saves."""
        room = [max(whole - part, 0) // self._unit + 1 for whole, part in zip(size, sides, strict=True)]
        down, across = (self._unit * int(torch.randint(places, ())) for places in room)
        return down, across

    def _windows(self, size: Sequence[int], sides: Sequence[int]) -> list[tuple[int, int]]:
        """Upper left corners of details that cover images of a size (H, W), half a detail apart."""
        apart = [max(part // (2 * self._unit), 1) * self._unit for part in sides]
        down, across = ([*range(0, size[i] - sides[i], apart[i]), size[i] - sides[i]] for i in (0, 1))
        return [(y, x) for y in down for x in across]


def _summed(parts: Sequence[Tensor], corners: Sequence[tuple[int, int]], size: Sequence[int]) -> Tensor:
    """The sum of maps ``(..., h, w)``, each from a corner on in a map of a size (H, W) that is 0 elsewhere."""
    total = parts[0].new_zeros(())
    for one, (top, left) in zip(parts, corners, strict=True):
        height, width = one.shape[-2:]
        total = total + F.pad(one, (left, size[1] - left - width, top, size[0] - top - height))
    return total
