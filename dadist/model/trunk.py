"""Networks that see images as a segmenter does, by a copy of its backbone: its weights so far are where they start."""

import copy

from torch import Tensor, nn

from dadist.model.heads import MeanHead
from dadist.model.segmenter import Segmenter, normalised


class Trunk(nn.Module):
    """A copy of a segmenter's backbone, which takes the same images."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.reversed = segmenter.reversed
        self.register_buffer("mean", segmenter.mean.clone())
        self.register_buffer("deviation", segmenter.deviation.clone())
        self.backbone = copy.deepcopy(segmenter.backbone)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """RGB ``(B, 3, H, W)`` in 0..255 to features ``(B, channels, h, w)``, the ``middle`` ones and the ``last``."""
        *_, middle, last = self.backbone(normalised(images, self))
        return {"middle": middle, "last": last}


class DepthNetwork(nn.Module):
    """Regresses one unbounded number per pixel; a network of its own beside the segmenter."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.trunk = Trunk(segmenter)
        self.head = MeanHead(segmenter.backbone.channels)

    def forward(self, images: Tensor) -> Tensor:
        """RGB ``(B, 3, H, W)`` in 0..255 to ``(B, 1, h, w)``."""
        depth: Tensor = self.head(self.trunk(images)["last"])
        return depth
