"""A network of timm as a backbone: its names of weights stay timm's."""

import sys
from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from dadist.config.timm_models import create, describe
from dadist.model.backbones import Backbone, Published


class TimmBackbone(Backbone):
    """Features of a network of timm, with random weights.

    An image comes to it at the next multiples of its last stride, by bilinear interpolation: so what it makes has as
    many cells as its strides say, for odd sizes too, and the whole of the image stays in view. A transformer gives the
    features of four blocks, evenly spread, after its last normalisation; it resamples its positions to the image.

    Args:
        name: ``timm:`` and timm's name.
        stride: Output stride to ask it for; None: its own.

    Raises:
        ValueError: As `describe` does.
    """

    def __init__(self, name: str, stride: int | None) -> None:
        super().__init__()
        self.model = describe(name, stride)
        self.widths, self.strides = self.model.widths, self.model.strides
        self.network = create(self.model)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features of four stages or blocks."""
        step = self.strides[-1]
        size = [(side + step - 1) // step * step for side in images.shape[-2:]]
        found: list[Tensor] = self.network.forward_intermediates(
            F.interpolate(images, size=size, mode="bilinear"),
            indices=list(self.model.indices),
            norm=self.model.plain,
            output_fmt="NCHW",
            intermediates_only=True,
        )
        return tuple(found)

    def layers(self) -> dict[str, int]:
        """As timm counts them: 0 of the stem, then one more for each block.

        Raises:
            ValueError: timm does not count those of this network.
        """
        from timm.models import group_parameters

        if not hasattr(self.network, "group_matcher"):
            raise ValueError(
                f"layer_decay: expected 1.0 with timm:{self.model.name}, whose layers timm does not count, got less; "
                "set it so, or take another backbone"
            )
        found = group_parameters(self.network, self.network.group_matcher(coarse=False), reverse=True)
        return {f"network.{name}": int(layer) for name, layer in found.items()}

    def positions(self) -> set[str]:
        """What timm says not to decay: positions and tokens."""
        said = self.network.no_weight_decay() if hasattr(self.network, "no_weight_decay") else ()
        named = {name for name, _ in self.network.named_parameters()}
        return {f"network.{name}" for name in named.intersection(said)}

    def published(self, weights: Mapping[str, Tensor]) -> Published:
        """A file of timm, or of the network's authors where timm can read it; positions at this network's size."""
        filtered: dict[str, Any] = dict(weights)
        convert = getattr(sys.modules[type(self.network).__module__], "checkpoint_filter_fn", None)
        if convert is not None:
            filtered = convert(filtered, self.network)
        tensors = {f"backbone.network.{name}": value for name, value in filtered.items()}
        return Published(tensors, f"weights of timm's {self.model.name}", None)
