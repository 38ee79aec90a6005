"""One whole iteration of the method against loops written from the formulas: every term, and every gradient.

The method, and in the last tests the training loop, are the real ones; the network is replaced by tensors, so that a
term that is wired to the wrong output, domain or label shows.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import builders
import numpy as np
import oracles
import pytest
import torch
import widths
from torch import Tensor, nn

from dadist.classes import IGNORE
from dadist.data.loader import Source, Target
from dadist.methods.depth_distribution import METHOD
from dadist.model.segmenter import Outputs
from dadist.prior.mixtures import Mixtures
from dadist.training.loop import train
from dadist.training.resume import State

pytestmark = pytest.mark.usefixtures("float64")

CLASSES, GRID, SIZE = 7, (4, 3), (9, 6)  # both (width, height): no whole number of pixels per cell
WEIGHTS = {"segmentation": 1.0, "depth": 0.7, "balance_source": 0.6, "balance_target": 0.5, "adversarial": 0.3}
CRITIC_WEIGHTS = {"critic_source": 0.4, "critic_target": 0.4}
MIRRORED = {"source": [False, True], "target": [True, False]}  # what the mixtures stand for is not
PARTS = ("logits", "depth", "density")
READINGS = [(reading, rule) for reading in ("ground_truth", "masked") for rule in ("exponential", "median")]


class Leaves(nn.Module):
    """A network whose outputs are its parameters: some for the source's images, others for the target's."""

    def __init__(self, source: dict[str, Tensor], target: dict[str, Tensor], images: Tensor) -> None:
        super().__init__()
        self.backbone = nn.ParameterDict({f"source_{name}": nn.Parameter(value) for name, value in source.items()})
        self.backbone.update({f"target_{name}": nn.Parameter(value) for name, value in target.items()})
        self.of_source = images

    def forward(self, images: Tensor) -> Outputs:
        domain = "source" if images is self.of_source else "target"
        return Outputs(*(self.backbone[f"{domain}_{name}"] for name in PARTS))


def outputs(seed: int) -> dict[str, Tensor]:
    """Random outputs; a quarter of the depths is negative."""
    random = torch.Generator().manual_seed(seed)
    columns, rows = GRID
    return {
        "logits": 1.5 * torch.randn(2, CLASSES, rows, columns, generator=random),
        "depth": 8000 * torch.rand(2, 1, rows, columns, generator=random) - 2000,
        "density": 150 * torch.randn(2, 1, rows, columns, generator=random),
    }


def mixtures() -> Mixtures:
    """Densities of about 1e-6 over the grid and depths of some thousands: neither rule saturates."""
    random = np.random.default_rng(3)
    deviations = np.concatenate((random.uniform(1, 3, (CLASSES, 2, 2)), random.uniform(5e3, 2e4, (CLASSES, 2, 1))), 2)
    return dataclasses.replace(
        builders.mixtures(median=1.5e-6),
        means=random.uniform(0, 1, (CLASSES, 2, 3)) * (*GRID, 1e4),
        covariances=deviations[..., None] ** 2 * np.eye(3),
        grid=GRID,
        numerator=65536.0,
    )


class Setup:
    """The method on given outputs, and the oracle of the same iteration."""

    def __init__(self, reading: str, rule: str) -> None:
        random = torch.Generator().manual_seed(9)
        width, height = SIZE
        labels = torch.randint(0, CLASSES, (2, height, width), generator=random)
        labels[torch.rand(labels.shape, generator=random) < 0.15] = IGNORE
        given = {"source": outputs(1), "target": outputs(2)}
        for b, y, x in np.ndindex(2, 2, GRID[0]):  # the upper two rows are predicted right
            label = int(labels[b, 2 * y + 1, pixel_under(x, mirrored=MIRRORED["source"][b])])
            if label != IGNORE:
                given["source"]["logits"][b, label, y, x] = 4.0
        self.source = Source(
            torch.zeros(2, 3, height, width),
            labels,
            12000 * torch.rand(2, 1, height, width, generator=random),
            torch.rand(2, 1, height, width, generator=random) > 0.2,
            torch.tensor(MIRRORED["source"]),
        )
        self.target = Target(torch.ones(2, 3, height, width), None, torch.tensor(MIRRORED["target"]))
        self.class_weights = torch.linspace(0.2, 5.0, CLASSES)
        segmenter = Leaves(given["source"], given["target"], self.source.images)
        hyperparameters = {name: weight for name, weight in WEIGHTS.items() if name != "segmentation"}
        hyperparameters |= {"critic_scale": 0.4, "source_density": reading, "squash": rule, "critic_lr": 1e-3}
        context = builders.context(class_weights=self.class_weights, artefacts={"mixtures": mixtures()})
        network: Any = segmenter
        self.method = METHOD(network, builders.hyperparameters("depth_distribution", **hyperparameters), context)
        torch.manual_seed(6)
        self.critic = nn.Conv2d(CLASSES, 1, 2, stride=2)
        self.critic.weight.data *= 0.05  # so that its answers to features of some hundreds stay within a few nats
        self.method.critics["adversarial"] = self.critic
        self.passes = {
            domain: oracles.Pass(*(given[domain][name].double().numpy() for name in PARTS), MIRRORED[domain])
            for domain in given
        }
        truth = oracles.Truth(*(one.numpy() for one in self.source[1:4]), ignore=IGNORE)
        mixture = mixtures()
        self.oracle = oracles.Iteration(
            self.passes["source"],
            self.passes["target"],
            truth,
            oracles.Mixture(mixture.weights, mixture.means, mixture.covariances, mixture.median),
            self.class_weights.double().numpy(),
            reading=reading,
            rule=rule,
        )
        self.features = [self.oracle.feature(self.passes[domain]) for domain in ("source", "target")]
        self.kernel, self.bias = (value.detach().double().numpy() for value in (self.critic.weight, self.critic.bias))

    def terms(self, domain: str, given: oracles.Pass) -> dict[str, float]:
        """The oracle's terms of a pass."""
        return self.oracle.source(given) if domain == "source" else self.oracle.target(given, self.kernel, self.bias)

    def critic_terms(self, kernel: Any, bias: Any) -> dict[str, float]:
        """The oracle's terms of the critic."""
        return self.oracle.critic(*self.features, kernel, bias)

    def expected(self) -> dict[str, float]:
        """All terms by the oracle."""
        passes = {
            name: value for domain in self.passes for name, value in self.terms(domain, self.passes[domain]).items()
        }
        return {**passes, **self.critic_terms(self.kernel, self.bias)}

    def expected_slopes(self) -> dict[str, dict[str, Any]]:
        """Gradient of each term with respect to each output, by differences; nothing where a term cannot reach."""
        found: dict[str, dict[str, Any]] = {}
        for domain, given in self.passes.items():
            for part in PARTS:
                slopes = oracles.slopes(
                    lambda value, domain=domain, given=given, part=part: self.terms(
                        domain, dataclasses.replace(given, **{part: value})
                    ),
                    getattr(given, part),
                )
                for name, slope in slopes.items():
                    found.setdefault(name, {})[f"{domain}_{part}"] = slope
        return found


def pixel_under(cell: int, *, mirrored: bool) -> int:
    """Pixel under the centre of a column of the grid; of the image as it was, if it is mirrored."""
    if mirrored:
        return SIZE[0] - 1 - pixel_under(GRID[0] - 1 - cell, mirrored=False)
    return int((cell + 0.5) * SIZE[0] / GRID[0])


@pytest.fixture(scope="module", params=READINGS, ids=[" ".join(pair) for pair in READINGS])
def setup(request: pytest.FixtureRequest) -> Setup:
    """The iteration in each reading of the source density and under each rule of squashing."""
    with widths.float64():
        return Setup(*request.param)


@pytest.fixture(scope="module")
def slopes(setup: Setup) -> dict[str, dict[str, Any]]:
    """The gradients by differences; they take seconds."""
    return setup.expected_slopes()


def passes(setup: Setup) -> Iterator[tuple[str, Tensor, float]]:
    """Name, value and weight of every term, in the order of an iteration."""
    for terms in setup.method.segmenter_terms(setup.source, setup.target, 0):
        yield from terms
    for terms in setup.method.critic_terms():
        yield from terms


def close(result: Tensor | None, expected: Any) -> bool:
    """Whether a gradient is the expected one to 1e-5 of its largest number; none is 0 everywhere."""
    found = np.zeros(expected.shape) if result is None else result.double().numpy()
    return bool(np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max())


def test_the_iteration_has_something_to_show(setup: Setup) -> None:
    oracle = setup.oracle
    top = 255 if oracle.target_density.max() > 1 else 1
    for density in (oracle.source_density, oracle.target_density):
        assert np.ptp(density) > 0.4 * top
    assert 0 < (oracle.target_density == 0).sum() < oracle.target_density.size / 2
    assert (oracle.truth.labels == IGNORE).any()
    assert not oracle.truth.valid.all()


def test_the_readings_of_the_source_density_differ_where_the_prediction_is_wrong() -> None:
    truth, masked = (Setup(reading, "median") for reading in ("ground_truth", "masked"))
    differs = (truth.oracle.source_density != masked.oracle.source_density)[:, 0]
    right = np.zeros(differs.shape, bool)
    for b, y, x in np.ndindex(*right.shape):
        label = int(truth.source.labels[b, 2 * y + 1, pixel_under(x, mirrored=MIRRORED["source"][b])])
        right[b, y, x] = label == truth.passes["source"].logits[b, :, y, x].argmax()
    assert 0 < right.sum() < right.size
    assert np.array_equal(differs, ~right)


def test_every_term_is_the_oracles(setup: Setup) -> None:
    result = {name: value.item() for name, value, _ in passes(setup)}
    assert list(result) == [*WEIGHTS, *CRITIC_WEIGHTS]
    assert result == pytest.approx(setup.expected(), rel=1e-9)


def test_every_term_has_its_weight(setup: Setup) -> None:
    assert {name: weight for name, _, weight in passes(setup)} == {**WEIGHTS, **CRITIC_WEIGHTS}


@pytest.mark.parametrize("name", WEIGHTS)
def test_the_gradient_of_a_term_is_the_oracles(setup: Setup, slopes: dict[str, dict[str, Any]], name: str) -> None:
    leaves = dict(setup.method.segmenter.backbone.items())
    (value,) = [value for term, value, _ in passes(setup) if term == name]
    result = dict(zip(leaves, torch.autograd.grad(value, list(leaves.values()), allow_unused=True), strict=True))
    for leaf, expected in slopes[name].items():
        assert close(result[leaf], expected), leaf
    assert all(result[leaf] is None for leaf in leaves.keys() - slopes[name].keys())  # the other domain's


def test_terms_reach_the_outputs_they_may_and_no_other(slopes: dict[str, dict[str, Any]]) -> None:
    reached = {name: {leaf for leaf, slope in slopes[name].items() if slope.any()} for name in slopes}
    assert reached == {
        "segmentation": {"source_logits"},
        "depth": {"source_depth"},
        "balance_source": {"source_density"},
        "balance_target": {"target_density"},
        "adversarial": {"target_logits", "target_density"},
    }


def test_the_critic_learns_the_oracles_gradient_and_the_network_nothing_from_it(setup: Setup) -> None:
    for _ in setup.method.segmenter_terms(setup.source, setup.target, 0):
        pass
    leaves, critic = list(setup.method.segmenter.parameters()), [setup.critic.weight, setup.critic.bias]
    total = torch.stack([term.value for terms in setup.method.critic_terms() for term in terms]).sum()
    *none, weight, bias = torch.autograd.grad(total, [*leaves, *critic], allow_unused=True)
    assert none == [None] * 6
    for result, slope in (
        (weight, oracles.slopes(lambda kernel: setup.critic_terms(kernel, setup.bias), setup.kernel)),
        (bias, oracles.slopes(lambda bias: setup.critic_terms(setup.kernel, bias), setup.bias)),
    ):
        assert close(result, slope["critic_source"] + slope["critic_target"])


def test_the_loop_steps_by_the_weighted_sum_of_the_oracles_gradients(
    setup: Setup, slopes: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    fresh = Setup(setup.method.hyperparameters.source_density, setup.method.hyperparameters.squash)
    before = {name: value.detach().clone() for name, value in fresh.method.segmenter.backbone.items()}
    plain = builders.optimiser("sgd", 1.0)
    batches = (lambda _: fresh.source), (lambda _: fresh.target)
    train(fresh.method, *batches, builders.TrainingSettings(plain), iterations=1, state=State(tmp_path, ""))
    for leaf, value in fresh.method.segmenter.backbone.items():
        assert close(value.grad, sum(WEIGHTS[name] * slope[leaf] for name, slope in slopes.items() if leaf in slope))
        assert torch.equal(value, before[leaf] - (0 if value.grad is None else value.grad))
    assert fresh.method.segmenter.backbone["target_depth"].grad is None
    by_kernel = oracles.slopes(lambda kernel: setup.critic_terms(kernel, setup.bias), setup.kernel)
    assert close(fresh.critic.weight.grad, sum(CRITIC_WEIGHTS[name] * slope for name, slope in by_kernel.items()))
    header, row = (tmp_path / "losses.csv").read_text(encoding="utf-8").splitlines()
    logged = dict(zip(header.split(",")[2:], map(float, row.split(",")[2:]), strict=True))
    assert logged == pytest.approx(setup.expected(), rel=1e-4)  # five digits are written
