"""Columns and rows of each backbone's features, so that a study can be planned without a network.

Nothing here imports torch. tests/model/test_backbones.py holds each to what its network makes.
"""

from collections.abc import Callable

Grid = tuple[int, int]


def three_strides(width: int, height: int) -> Grid:
    """Three strides of 2, each rounding up: 24 x 12 cells of 192 x 96 pixels."""
    return _halved(_halved(_halved(width))), _halved(_halved(_halved(height)))


def deeplab(width: int, height: int) -> Grid:
    """DeepLab's ResNet, whose max-pool rounds up: 161 x 96 cells of 1280 x 760 pixels."""

    def cells(pixels: int) -> int:
        pooled = _halved(pixels) // 2 + 1  # ceil mode with padding 1 adds a cell to an even size
        return _halved(pooled)

    return cells(width), cells(height)


def stride(grid: Callable[[int, int], Grid]) -> int:
    """Pixels between the cells of a grid."""
    pixels = 4096
    return round(pixels / (grid(pixels + 1, pixels + 1)[0] - 1))


def _halved(size: int) -> int:
    return (size + 1) // 2


GRIDS: dict[str, Callable[[int, int], Grid]] = {
    "resnet101": deeplab,
    "street": three_strides,
    "efficientnet_lite0": three_strides,
}
