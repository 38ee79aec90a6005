import itertools

import builders
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dadist.deploy import tiling
from dadist.deploy.prediction import Prediction
from dadist.deploy.tiling import begins, tiled, whole
from dadist.model.segmenter import Outputs


class Pointwise(nn.Module):
    """Says the colour of every eighth pixel, and sees nothing else: borders of tiles mean nothing to it."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))
        self.shapes: list[tuple[int, ...]] = []

    @staticmethod
    def grid(width: int, height: int) -> tuple[int, int]:
        return (width - 1) // 8 + 1, (height - 1) // 8 + 1

    def forward(self, images: Tensor) -> Outputs:
        self.shapes.append(tuple(images.shape))
        cells = images[..., ::8, ::8]
        return Outputs(cells, cells[:, :1] + 1)


def noise(width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_tiles_overlap_by_a_quarter_or_more_and_end_at_the_border() -> None:
    assert begins(4, 4) == begins(3, 4) == [0]
    assert begins(9, 4) == [0, 2, 5]  # at most 3 cells from one to the next
    assert begins(480, 160) == [0, 107, 213, 320]
    for cells in range(5, 60):
        for span in range(1, cells):
            places = begins(cells, span)
            assert (places[0], places[-1]) == (0, cells - span)
            widest = max(after - before for before, after in itertools.pairwise(places))
            assert 0 < widest <= max(span - round(tiling.OVERLAP * span), 1)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("batch", [1, 3, 100])
@pytest.mark.parametrize("tile", [(64, 32), (65, 33), (40, 200), (1000, 1000)])
def test_tiles_of_a_network_that_sees_no_border_are_the_whole(tile: tuple[int, int], batch: int) -> None:
    image, network = noise(201, 97), Pointwise()
    one, many = whole(network, image, (1.0, 1.0)), tiled(network, image, tile, batch)  # type: ignore[arg-type]
    assert many.depth is not None
    assert one.depth is not None
    torch.testing.assert_close(many.logits, one.logits, rtol=1e-9, atol=0)
    torch.testing.assert_close(many.depth, one.depth, rtol=1e-9, atol=0)
    assert many.end == (25, 12)
    assert max(shape[0] for shape in network.shapes[1:]) <= batch
    assert all(shape[3] <= tile[0] + 8 and shape[2] <= tile[1] + 8 for shape in network.shapes[1:])


@pytest.mark.parametrize("size", [(1, 1), (8, 300), (199, 90), (130, 1)])
def test_an_image_that_ends_between_cells_is_continued(size: tuple[int, int]) -> None:
    image = np.full((size[1], size[0], 3), 7, np.uint8)
    said = tiled(Pointwise(), image, (64, 32), 2)  # type: ignore[arg-type]
    assert said.end == ((size[0] - 1) / 8, (size[1] - 1) / 8)
    torch.testing.assert_close(said.logits, torch.full_like(said.logits, 7))
    assert Prediction(said, size, 1.0, builders.SEVEN).labels.shape == size[::-1]


def test_no_seam_shows_where_tiles_meet() -> None:
    network = builders.segmenter(seed=1).eval()
    ramp = np.linspace(0, 255, 513)[None, :, None] * np.linspace(0.5, 1, 257)[:, None, None]
    image = np.broadcast_to(ramp, (257, 513, 3)).astype(np.uint8)
    said = tiled(network, image, (256, 256), 1).logits  # tiles from the cells 0, 16 and 32 on
    steps = (said[..., 1:] - said[..., :-1]).abs().amax(0)[8:-8]  # (rows, 64), away from the image's own border
    assert begins(64, 32) == [0, 16, 32]
    # Where tiles begin and end, the map changes no faster than elsewhere.
    seams = [15, 16, 31, 32, 47, 48]
    others = [column for column in range(8, 56) if column not in seams]
    assert steps[:, seams].max() < 1.2 * steps[:, others].max()
    # Side by side instead, two tiles say of their common border what differs by more.
    halves = [whole(network, part, (1.0, 1.0)).logits for part in (image[:, :257], image[:, 256:])]
    cut = (halves[0][..., -1] - halves[1][..., 0]).abs().amax(0)[8:-8]
    assert cut.max() > 1.5 * steps[:, seams].max()
