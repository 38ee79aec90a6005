"""Columns and rows of what a network says, so that a study can be planned without one.

Nothing here imports torch, but for a backbone of timm, which is asked what it makes. tests/model holds each to what
its network makes.
"""

from collections.abc import Callable
from typing import Protocol

from dadist.config.timm_models import PREFIX, describe

Grid = tuple[int, int]


class Chosen(Protocol):
    """A network, as far as its grid depends on it: the section `adapt.network`, and an Architecture."""

    @property
    def backbone(self) -> str:
        """A key of BACKBONES, or ``timm:`` and a name."""

    @property
    def decoder(self) -> str:
        """A key of DECODERS."""

    @property
    def stride(self) -> int | None:
        """Output stride that a backbone with several is asked for."""


def halved(times: int) -> Callable[[int], int]:
    """So many strides of 2, each rounding up: 24 cells of 192 pixels after three."""

    def cells(pixels: int) -> int:
        for _ in range(times):
            pixels = (pixels + 1) // 2
        return pixels

    return cells


def stride(cells: Callable[[int, int], Grid]) -> int:
    """Pixels between the cells of a grid."""
    pixels = 4096
    return round(pixels / (cells(pixels + 1, pixels + 1)[0] - 1))


def _pooled(pixels: int) -> int:
    """Of DeepLab's ResNet, whose max-pool rounds up: in ceil mode, padding 1 adds a cell to an even size."""
    return halved(1)(pixels) // 2 + 1


def _deeplab(pixels: int) -> int:
    """161 x 96 cells of 1280 x 760 pixels."""
    return halved(1)(_pooled(pixels))


Side = Callable[[int], int]

# Pixels of a side → cells of the first of the backbone's four stages, of the second, and of the last.
SIDES: dict[str, tuple[Side, Side, Side]] = {
    "resnet101": (_pooled, _deeplab, _deeplab),
    "street": (halved(2), halved(3), halved(3)),
    "efficientnet_lite0": (halved(2), halved(3), halved(3)),
    **dict.fromkeys(("mit_b0", "mit_b1", "mit_b2", "mit_b3", "mit_b4", "mit_b5"), (halved(2), halved(3), halved(5))),
}
LAST = {8: halved(3), 16: halved(4), 32: halved(5)}  # of efficientnet_lite0, by the stride it is asked for

# What each decoder gives, of the cells of the first stage, of the second, and of the last.
DECODERS: dict[str, Callable[[int, int, int], int]] = {
    "deeplab": lambda first, second, last: last,
    "hypercolumns": lambda first, second, last: second,
    "daformer": lambda first, second, last: first,
    "vfm_uda": lambda first, second, last: 4 * last,
}


def known(backbone: str) -> bool:
    """Whether there may be such a backbone; timm's are looked up by `grid`."""
    return backbone in SIDES or backbone.startswith(PREFIX)


def grid(network: Chosen, width: int, height: int) -> Grid:
    """Columns and rows of the feature grid for images of ``width`` x ``height``.

    Raises:
        ValueError: There is no such backbone of timm, or it is not installed.
    """
    sides = _sides(network)
    fused = DECODERS[network.decoder]
    columns, rows = (fused(*(cells(side) for cells in sides)) for side in (width, height))
    return columns, rows


def _sides(network: Chosen) -> tuple[Side, Side, Side]:
    """An image comes to a backbone of timm at multiples of its last stride."""
    if network.backbone in SIDES:
        first, second, last = SIDES[network.backbone]
        return first, second, last if network.stride is None else LAST[network.stride]
    found = describe(network.backbone, network.stride).strides

    def stage(number: int) -> Side:
        return lambda pixels: -(-pixels // found[-1]) * found[-1] // found[number]

    return stage(0), stage(1), stage(3)
