"""How a segmenter's heads hang together, a class a layout; a method says which it needs."""

from torch import Tensor

from dadist.model.heads import Fusion, MeanHead
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


CLASSES: dict[str, type[Segmenter]] = {
    "parallel": Segmenter,
    "gated": Gated,
}


def build(architecture: Architecture) -> Segmenter:
    """A segmenter with random weights."""
    return CLASSES[architecture.layout](architecture)
