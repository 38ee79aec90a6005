import math
from pathlib import Path

import builders
import numpy as np
import pytest
import torch
from made_mixtures import mixtures

from dadist.config.prior_sections import AlignDepth
from dadist.data.resize import centres
from dadist.prior.alignment import align, inverse, look
from dadist.prior.likelihood import Seen
from dadist.prior.mixtures import Mixtures

CLASSES, GRID, EVEN = 7, (8, 6), np.ones(7)


def street() -> Mixtures:
    """Classes that stand at several distances, some of them at two; the numerator is that of z = 10 / m."""
    random = np.random.default_rng(0)
    means = np.stack([random.uniform(0, 8, (CLASSES, 2)), random.uniform(0, 6, (CLASSES, 2))], axis=-1)
    z = np.array([[0.02, 0.02], [0.3, 0.8], [1.5, 0.6], [0.4, 0.2], [2.5, 1.0], [0.7, 0.3], [1.2, 0.5]])
    deviation = np.maximum(0.15 * z, 0.02)
    covariances = np.zeros((CLASSES, 2, 3, 3))
    covariances[..., 0, 0], covariances[..., 1, 1], covariances[..., 2, 2] = 4, 3, deviation**2
    found = mixtures(np.full((CLASSES, 2), 0.5), np.concatenate([means, z[..., None]], axis=-1), covariances, grid=GRID)
    return Mixtures(**{**vars(found), "numerator": 1000.0})


def drawn(of: Mixtures, count: int, noise: tuple[float, float], sure: float) -> tuple[torch.Tensor, ...]:
    """Cells, what a network that is right so often says of them, and z give or take the noise."""
    random = np.random.default_rng(1)
    c, k = random.integers(0, CLASSES, count), random.integers(0, 2, count)
    roots = np.sqrt(np.diagonal(of.covariances, axis1=-2, axis2=-1))[c, k]
    x, y, z = (of.means[c, k] + roots * random.normal(size=(count, 3))).T
    inside = (x > -0.5) & (x < GRID[0] - 0.5) & (y > -0.5) & (y < GRID[1] - 0.5) & (z > 0)
    c, x, y, z = c[inside], x[inside], y[inside], z[inside]
    z = z + (noise[0] + noise[1] * z) * random.normal(size=len(z))
    said = np.where(random.random(len(c)) < sure, c, random.integers(0, CLASSES, len(c)))
    probability = np.full((len(c), CLASSES), (1 - sure) / (CLASSES - 1))
    probability[np.arange(len(c)), said] = sure
    cell = np.rint(y).astype(np.int64) * GRID[0] + np.rint(x).astype(np.int64)
    return torch.from_numpy(cell), torch.from_numpy(np.log(probability)), torch.from_numpy(z)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("scale", "offset"), [(2.3, 0.015), (0.8, 0.015), (4.0, 0.1)])
def test_a_scale_and_a_shift_are_found_again(scale: float, offset: float) -> None:
    of = street()
    cell, said, z = drawn(of, 20_000, (0.02, 0.1), 0.8)
    found = align(of, Seen(cell, said, (z - offset) / scale), "relative", EVEN)
    assert found.scale == pytest.approx(scale, rel=0.02)
    assert found.offset == pytest.approx(offset, abs=0.02)
    assert found.noise[1] == pytest.approx(0.1, rel=0.25)
    best = found.scales[int(np.argmax(found.curve))]
    assert abs(math.log(best / scale)) < math.log(found.scales[1] / found.scales[0])  # the curve's top is there too


@pytest.mark.usefixtures("float64")
def test_of_depth_in_metres_the_noise_alone_is_sought() -> None:
    of = street()
    found = align(of, Seen(*drawn(of, 20_000, (0.02, 0.2), 0.8)), "metric", EVEN)
    assert (found.scale, found.offset, found.curve) == (1.0, 0.0, [])
    assert found.noise[1] == pytest.approx(0.2, rel=0.15)


def test_depth_that_is_the_same_everywhere_is_refused() -> None:
    same = Seen(torch.zeros(5, dtype=torch.int64), torch.zeros(5, CLASSES), torch.ones(5))
    with pytest.raises(ValueError, match="expected depth that differs from cell to cell, got 5 cells of one depth"):
        align(street(), same, "relative", EVEN)


def test_prepared_depth_as_z() -> None:
    depth = np.array([0, 1, 1999, 65535], np.float32)
    np.testing.assert_allclose(inverse(depth, "metric", 1000.0), [np.nan, 500, 0.5, 1000 / 65536], rtol=1e-6)
    relative = inverse(depth, "relative", 1000.0, scale=2.0, offset=0.5)
    np.testing.assert_allclose(relative, [np.nan, 0.5, 0.5 + 2 * 1998 / 65534, 2.5], rtol=1e-6)
    for kind in ("metric", "relative"):  # of tensors likewise
        tensor = inverse(torch.from_numpy(depth.copy()), kind, 1000.0)
        np.testing.assert_allclose(tensor.numpy(), inverse(depth, kind, 1000.0), rtol=1e-6)
    assert depth[0] == 0


def test_how_unsure_a_network_is_by_hand() -> None:
    said = torch.tensor([[0.7, 0.2, 0.1], [0.25, 0.5, 0.25]]).log()
    assert Seen(torch.zeros(2, dtype=torch.int64), said, torch.ones(2)).unsure == pytest.approx(0.4)


def test_no_cell_of_padding_is_looked_at_and_none_without_depth(tmp_path: Path) -> None:
    data = builders.split(tmp_path / "train", 3)
    content = np.array([[builders.WIDTH // 2, builders.HEIGHT]] * 3)
    data.content = content  # the right half of each frame is padding
    asked = AlignDepth("given", images=3, cells=100_000, seed=1)
    seen = look(builders.segmenter().eval(), data, builders.mixtures(), asked, batch=2, progress=lambda done: None)
    across, down = builders.GRID
    at = centres(builders.HEIGHT, down)[:, None], centres(builders.WIDTH, across)
    inside = (data.depth[:, *at] > 0) & (at[1] < builders.WIDTH // 2)
    assert len(seen.r) == inside.sum() > 0
    assert seen.cell.tolist() == [cell for one in inside for cell in np.flatnonzero(one)]
    assert not seen.r.isnan().any()
