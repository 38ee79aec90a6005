import math

import numpy as np
import pytest
import reference
import torch
from made_mixtures import made_up, mixtures
from numpy.typing import NDArray
from oracles import log_density
from scipy.stats import multivariate_normal
from torch import Tensor
from torch.testing import assert_close

from dadist.classes import IGNORE
from dadist.prior import density
from dadist.prior.density import RULES, Density, squash
from dadist.prior.mixtures import Mixtures


def evaluate(of: Mixtures, labels: NDArray[np.int64], z: NDArray[np.float64], *, positive: bool = False) -> Tensor:
    return Density(of)(torch.from_numpy(labels), torch.from_numpy(z)[:, None].float(), positive=positive)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("scale", [1.0, 1 / 5])
@pytest.mark.parametrize("features", ["xyz", "xy", "xz", "yz", "x", "y", "z"])
def test_density_is_the_formulas(full: bool, scale: float, features: str) -> None:
    of = made_up((9, 5), scale=scale, full=full, features=features)
    random = np.random.default_rng(1)
    labels = random.choice(np.array([*range(7), IGNORE]), (3, 5, 9))
    z = np.where(labels == 4, random.normal(1, 0.1, labels.shape), random.uniform(-5, 25, labels.shape))
    expected = torch.zeros(3, 1, 5, 9)
    for b, y, x in np.ndindex(labels.shape):
        if (c := labels[b, y, x]) != IGNORE:
            point = np.array([{"x": x * scale, "y": y * scale, "z": z[b, y, x]}[feature] for feature in features])
            expected[b, 0, y, x] = math.exp(log_density(of.weights[c], of.means[c], of.covariances[c], point))
    assert (expected > 1e-12).double().mean() > 0.6
    assert_close(evaluate(of, labels, z), expected, rtol=1e-9, atol=1e-30)


@pytest.mark.usefixtures("float64")
def test_density_is_scipys() -> None:
    of = made_up((6, 4))
    labels, z = np.full((1, 4, 6), 3), np.full((1, 4, 6), 7.5)
    y, x = np.mgrid[:4, :6]
    expected = sum(
        weight * multivariate_normal(mean, covariance).pdf(np.stack((x, y, z[0]), axis=-1))
        for weight, mean, covariance in zip(of.weights[3], of.means[3], of.covariances[3], strict=True)
    )
    assert_close(evaluate(of, labels, z)[0, 0], torch.from_numpy(expected), rtol=1e-9, atol=0)


@pytest.mark.usefixtures("float64")
def test_density_of_a_hand_worked_normal() -> None:
    one = np.ones((7, 1))
    of = mixtures(
        one, np.tile([2.0, 1.0, 10.0], (7, 1, 1)), np.tile(np.diag([4.0, 1.0, 25.0]), (7, 1, 1, 1)), grid=(5, 3)
    )
    p = evaluate(of, np.zeros((1, 3, 5), np.int64), np.full((1, 3, 5), 15.0))
    peak = (2 * math.pi) ** -1.5 / (2 * 1 * 5)
    assert p[0, 0, 1, 2].item() == pytest.approx(peak * math.exp(-0.5), rel=1e-9)  # one deviation in z
    assert p[0, 0, 2, 4].item() == pytest.approx(peak * math.exp(-1.5), rel=1e-9)  # and one in x and in y


def test_ignored_pixels_and_classes_without_a_fit_have_density_zero() -> None:
    labels = np.full((2, 5, 9), IGNORE)
    labels[1] = 5
    p = evaluate(made_up((9, 5)), labels, np.full(labels.shape, 3.0))
    assert_close(p, torch.zeros(2, 1, 5, 9))


def test_only_positive_depth_counts_where_that_is_asked() -> None:
    of, labels = made_up((9, 5)), np.zeros((1, 5, 9), np.int64)
    z = np.linspace(-1, 1, 45).reshape(labels.shape).round(6)
    everywhere, positive = evaluate(of, labels, z), evaluate(of, labels, z, positive=True)
    assert (everywhere > 0).all()
    assert (z == 0).any()
    assert_close(positive, torch.where(torch.from_numpy(z > 0)[:, None], everywhere, 0))


def test_depth_has_no_say_where_z_is_no_feature() -> None:
    of, labels = made_up((9, 5), features="xy"), np.full((1, 5, 9), 3)
    behind = evaluate(of, labels, np.full(labels.shape, -4.0), positive=True)
    assert (behind > 0).all()
    assert_close(behind, evaluate(of, labels, np.full(labels.shape, 9.0)))


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("rule", RULES)
def test_an_item_has_the_same_density_alone_and_in_a_batch(positive: bool, rule: str) -> None:
    random = np.random.default_rng(2)
    labels = random.choice(np.array([*range(7), IGNORE]), (6, 5, 9))
    z = random.uniform(-5, 25, labels.shape)
    of = made_up((9, 5))
    batch = squash(evaluate(of, labels, z, positive=positive), rule=rule, median=1e-3)
    alone = [evaluate(of, labels[[b]], z[[b]], positive=positive) for b in range(6)]
    assert torch.equal(batch, torch.cat([squash(one, rule=rule, median=1e-3) for one in alone]))


def test_a_depth_that_is_far_off_has_density_zero_and_a_gradient_without_nan() -> None:
    density, labels = Density(made_up((9, 5))), torch.arange(45).view(1, 5, 9) % 7
    z = torch.full((1, 1, 5, 9), 1e8, requires_grad=True)
    p = density(labels, z, positive=True)
    p.sum().backward()
    assert_close(p, torch.zeros_like(p))
    assert z.grad is not None
    assert_close(z.grad, torch.zeros_like(z))


def test_density_is_computed_in_single_precision_whatever_the_depths_precision() -> None:
    density, labels = Density(made_up((9, 5))), torch.arange(45).view(1, 5, 9) % 7
    z = torch.full((1, 1, 5, 9), 8.0)
    with torch.autocast("cpu", torch.bfloat16):
        half = density(labels, z.bfloat16(), positive=True)
    assert half.dtype == torch.float32
    assert_close(half, density(labels, z, positive=True), rtol=0, atol=0)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("full", [True, False])
def test_maps_larger_than_a_block_are_the_same_in_blocks(full: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    random, of = np.random.default_rng(3), made_up((9, 5), full=full)
    labels, z = random.choice(np.array([*range(7), IGNORE]), (3, 5, 9)), random.uniform(-5, 25, (3, 5, 9))
    whole = evaluate(of, labels, z)
    monkeypatch.setattr(density, "BLOCK", 32)  # of 135 cells
    assert_close(evaluate(of, labels, z), whole, rtol=1e-12, atol=0)


@pytest.mark.parametrize("positive", [True, False])
def test_density_needs_no_value_to_know_its_shapes(positive: bool) -> None:
    # What would make a GPU wait for the processor, .item() or a choice by mask, is refused on this device.
    of, at = Density(made_up((9, 5))).to("meta"), torch.device("meta")
    labels, z = torch.zeros(2, 5, 9, dtype=torch.int64, device=at), torch.zeros(2, 1, 5, 9, device=at)
    assert of(labels, z, positive=positive).shape == (2, 1, 5, 9)


def test_the_tables_stay_out_of_checkpoints_and_follow_the_module() -> None:
    density = Density(made_up((9, 5)))
    assert density.state_dict() == {}
    assert {table.device.type for table in density.to("meta").buffers()} == {"meta"}
    assert not list(density.parameters())


def test_maps_of_another_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected labels \(B, 5, 9\) and z \(B, 1, 5, 9\), got \(1, 9, 5\)"):
        Density(made_up((9, 5)))(torch.zeros(1, 9, 5, dtype=torch.int64), torch.zeros(1, 1, 9, 5), positive=True)


def test_squash_of_hand_worked_densities() -> None:
    p = torch.tensor([0, 1e-12, 1e-6, 1.0])
    assert_close(
        squash(p, rule="exponential", median=1.0),
        torch.tensor([0, 255e-6, 255 * (1 - math.exp(-1)), 255]),
        rtol=1e-5,
        atol=0,
    )
    assert_close(
        squash(p, rule="median", median=1e-6), torch.tensor([0, math.log(2) * 1e-6, 0.5, 1]), rtol=1e-5, atol=0
    )
    assert_close(squash(p, rule="none", median=1.0), p, rtol=0, atol=0)
    with pytest.raises(ValueError, match="rule: expected one of exponential, median, none, got 'linear'"):
        squash(p, rule="linear", median=1.0)


# class set and grid of the parameters, class, x, y, z, p, squashed p: worked out from the published parameters.
FIXTURES = [
    ("16cls_161x96", "road", 80, 90, 200, 1.505097e-6, 198.391),
    ("16cls_161x96", "road", 80, 48, 30, 7.116061e-7, 129.832),
    ("16cls_161x96", "building", 40, 20, 25, 4.603310e-6, 252.445),
    ("16cls_161x96", "building", 40, 20, 0, 1.264023e-6, 182.959),
    ("16cls_161x96", "vegetation", 120, 30, 70, 1.159076e-6, 174.987),
    ("16cls_161x96", "sky", 80, 10, 1.0, 0.1862150, 255.000),
    ("16cls_161x96", "car", 75, 70, 200, 3.028047e-7, 66.620),
    ("16cls_161x96", "pole", 80, 32, 34, 2.417095e-6, 232.259),
    ("7cls_161x96", "flat", 80, 89, 212, 1.492090e-6, 197.650),
    ("7cls_161x96", "human", 81, 36, 28, 3.182944e-6, 244.427),
    ("7cls_81x41", "flat", 40, 38, 213, 6.857693e-6, 254.732),
    ("7cls_81x41", "object", 39, 13, 31, 1.170303e-5, 254.998),
]


@reference.needed
@pytest.mark.parametrize("parameters", reference.SETS)
def test_density_of_the_published_mixtures(parameters: str) -> None:
    of = reference.published(parameters)
    width, height = of.grid
    for _, name, x, y, z, expected, squashed in [row for row in FIXTURES if row[0] == parameters]:
        labels, depth = (
            np.full((1, height, width), of.classes.names.index(name)),
            np.full((1, height, width), float(z)),
        )
        p = evaluate(of, labels, depth)[0, 0, y, x]
        assert p.item() == pytest.approx(expected, rel=1e-5)
        assert squash(p, rule="exponential", median=1.0).item() == pytest.approx(squashed, rel=1e-5)


@reference.needed
def test_the_published_sky_is_gone_a_hundredth_off_its_depth() -> None:
    p = evaluate(reference.published("16cls_161x96"), np.full((1, 96, 161), 9), np.full((1, 96, 161), 1.01))[
        0, 0, 10, 80
    ]
    assert p.item() == pytest.approx(6.7e-22, rel=0.02)
