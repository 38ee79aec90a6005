"""How alike two images are to a network that is not trained on the difference."""

from collections.abc import Mapping

from torch import Tensor


def perceptual_distance(features: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> Tensor:
    """Mean absolute difference of each layer's features, summed over the layers, in float32.

    Args:
        features: Of one image, by layer, ``(B, channels, h, w)`` each.
        others: Of the other image; same layers and shapes.

    Returns:
        Scalar.

    Source: Johnson et al., Perceptual Losses, ECCV 2016, as SPIGAN's reimplementations weigh the layers: each by one
    over its number of elements.
    """
    distances = [(found.float() - others[layer].float()).abs().mean() for layer, found in features.items()]
    return sum(distances[1:], start=distances[0])
