"""How a segmenter's heads hang together, a class a layout; a method says which it needs."""

from torch import Tensor

from dadist.model.heads import ASPP, Fusion, MeanHead
from dadist.model.segmenter import Architecture, Outputs, Segmenter


class Gated(Segmenter):
    """DADA's: the classifier reads the backbone's features times what the depth features make of them.

    Source: Vu et al., DADA, ICCV 2019.
    """

    def build(self, channels: int) -> None:
        """A depth head, the gate, the classifier."""
        super().build(channels)
        self.depth = depth = MeanHead(channels)
        self.fusion = Fusion(depth.width, channels)

    def read(self, middle: Tensor, x: Tensor) -> Outputs:
        """Logits and depth."""
        assert self.depth is not None
        features = self.depth.features(x)
        return Outputs(self.segmentation(self.fusion(x, features)), features.mean(dim=1, keepdim=True))


class Joint(Gated):
    """CTRL's: DADA's gate, depth by an ASPP of its own, and a second classifier on the gated features times depth.

    Its logits stand under ``extra["refined"]``; evaluation reads the first classifier's alone.

    Source: Saha et al., CTRL, CVPR 2021.
    """

    def build(self, channels: int) -> None:
        """The gated layout, the regression of depth from its features, the second classifier."""
        super().build(channels)
        self.regression = ASPP(self.fusion.decode.in_channels, 1, self.architecture.rates)
        self.refined = self.classifier(channels)

    def read(self, middle: Tensor, x: Tensor) -> Outputs:
        """Logits, depth and the refined logits."""
        assert self.depth is not None
        features = self.depth.features(x)
        fused, depth = self.fusion(x, features), self.regression(features)
        return Outputs(self.segmentation(fused), depth, extra={"refined": self.refined(fused * depth)})


CLASSES: dict[str, type[Segmenter]] = {
    "parallel": Segmenter,
    "gated": Gated,
    "joint": Joint,
}


def build(architecture: Architecture) -> Segmenter:
    """A segmenter with random weights."""
    return CLASSES[architecture.layout](architecture)
