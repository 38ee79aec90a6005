import copy
import csv
import dataclasses
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import builders
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from dadist.config.network_sections import Optimiser
from dadist.config.records import ConfigError
from dadist.data.loader import Sampling, Source, SourceLoader, Target, TargetLoader
from dadist.methods.base import Term
from dadist.model import backbones
from dadist.registry import METHODS, RECIPES
from dadist.training.groups import repeats
from dadist.training.loop import WINDOW, _optimisers, decay, to_device, train
from dadist.training.loss_log import NotFiniteError
from dadist.training.resume import State

KEYS = itertools.count()
SGD, ADAMW = builders.optimiser("sgd", 2.5e-4), builders.optimiser("adamw", 2e-3, momentum=0.9)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def run(
    folder: Path, name: str, *, iterations: int = 3, optimiser: Optimiser = ADAMW, seed: int = 0, **hyperparameters: Any
) -> Any:
    """Train a method or recipe on two tiny splits."""
    method = builders.method(name, seed=seed, **hyperparameters)
    if not (folder / "source").exists():
        builders.split(folder / "source")
        builders.unlabelled(folder / "target")
    source, target = (builders.Prepared(folder / part) for part in ("source", "target"))
    sampling = Sampling(2, seed, True, "cpu")
    pseudo = source.labels if name in RECIPES else None
    train(
        method,
        SourceLoader(source, sampling, numerator=1000.0, zero_depth="ignore"),
        TargetLoader(target, sampling, pseudo),
        builders.TrainingSettings(optimiser),
        iterations=iterations,
        state=State(folder, f"{next(KEYS)}"),  # none goes on from another, however long it took
    )
    return method


class Line(nn.Module):
    """Two weights of 0, the first in the backbone."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.head = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.backbone.weight)
        nn.init.zeros_(self.head.weight)


class Slope:
    """A method whose loss is the sum of its weights: each step of SGD moves them by the rate."""

    TARGET_IMAGES = False
    companion_lr: float | None = None
    critic_lr = 0.5
    betas = (0.9, 0.99)

    def __init__(self, weight: float = 1.0, bad: dict[tuple[str, int], float] | None = None) -> None:
        self.segmenter, self.critics, self.companions = Line(), nn.ModuleDict(), nn.ModuleDict()
        self.weight, self.bad = weight, bad or {}
        self.seen: list[tuple[float, float]] = []

    def segmenter_terms(self, source: object, target: object, step: int) -> Iterator[list[Term]]:
        backbone, head = self.segmenter.backbone.weight.sum(), self.segmenter.head.weight.sum()
        yield [Term("first", backbone + self.bad.get(("first", step), 0.0), self.weight)]
        yield [Term("second", head + self.bad.get(("second", step), 0.0), self.weight)]

    def critic_terms(self) -> Iterator[list[Term]]:
        for companion in self.companions.values():
            yield [Term("companion", companion.weight.sum(), 1.0)]
        for critic in self.critics.values():
            yield [Term("critic", critic.weight.sum(), 1.0)]

    def after_step(self, step: int) -> None:
        self.seen.append((self.segmenter.backbone.weight.item(), self.segmenter.head.weight.item()))

    def result(self) -> Line:
        return self.segmenter

    def networks(self) -> dict[str, nn.Module]:
        return {"segmenter": self.segmenter, "companions": self.companions, "critics": self.critics}


def slide(path: Path, method: Slope, iterations: int, optimiser: Optimiser) -> list[tuple[float, float]]:
    """Train, and tell how far each of the two weights moved in each step."""
    train(method, _none, _none, builders.TrainingSettings(optimiser), iterations=iterations, state=State(path, ""))  # type: ignore[arg-type]
    return [(a - c, b - d) for (a, b), (c, d) in zip([(0.0, 0.0), *method.seen], method.seen, strict=False)]


def _none(step: int) -> None:
    return None


@pytest.mark.parametrize("name", [*METHODS, *RECIPES])
def test_every_method_trains_with_finite_losses(tmp_path: Path, name: str) -> None:
    before = [weight.detach().clone() for weight in builders.method(name).segmenter.parameters()]
    method = run(tmp_path, name)
    (row,) = rows(tmp_path / "losses.csv")
    assert row["step"] == "3"
    target = builders.target(labels=name in RECIPES) if method.TARGET_IMAGES else None
    passes = [*method.segmenter_terms(builders.source(), target, 0), *method.critic_terms()]
    assert list(row) == ["step", "lr", *(term.name for terms in passes for term in terms)]
    assert all(math.isfinite(float(value)) for value in row.values())
    moved = [not torch.equal(a, b) for a, b in zip(before, method.segmenter.parameters(), strict=True)]
    assert all(moved)
    assert all(weight.isfinite().all() for weight in method.result().parameters())


@pytest.mark.parametrize("name", [name for name in METHODS if len(builders.method(name).critics)])
def test_the_critics_learn_too(tmp_path: Path, name: str) -> None:
    fresh = builders.method(name)
    untrained = copy.deepcopy(fresh.critics.state_dict())
    trained = run(tmp_path, name).critics.state_dict()
    assert all(not torch.equal(untrained[key], trained[key]) for key in untrained)


@pytest.mark.parametrize("name", ["depth_distribution", "class_mix"])
def test_the_same_seed_gives_the_same_weights_bit_by_bit(tmp_path: Path, name: str) -> None:
    first = run(tmp_path, name).result().state_dict()
    torch.rand(5)
    again = run(tmp_path, name).result().state_dict()
    other = run(tmp_path, name, seed=1).result().state_dict()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_the_gradients_of_segmenter_and_critic_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    method = builders.method("depth_distribution")
    critic_terms = method.critic_terms
    kept: list[Tensor] = []

    def watched() -> Iterator[list[Term]]:
        assert all(weight.grad is None for weight in method.critics.parameters())
        kept.extend(weight.grad.clone() for weight in method.segmenter.parameters())
        yield from critic_terms()

    def after_step(step: int) -> None:
        assert all(map(torch.equal, kept, (weight.grad for weight in method.segmenter.parameters())))
        assert len(builders.gradients(method.critics)) == len(list(method.critics.parameters())) > 0
        kept.clear()

    monkeypatch.setattr(method, "critic_terms", watched)
    monkeypatch.setattr(method, "after_step", after_step)
    source, target = builders.source(), builders.target()
    train(
        method,
        lambda _: source,
        lambda _: target,
        builders.TrainingSettings(ADAMW),
        iterations=2,
        state=State(tmp_path, ""),
    )
    assert kept == []
    assert all(weight.requires_grad for weight in method.critics.parameters())


def test_a_method_that_sees_no_target_image_asks_for_none(tmp_path: Path) -> None:
    def target(step: int) -> Target:
        raise AssertionError("the target was opened")

    asked = []

    def source(step: int) -> Source:
        asked.append(step)
        return builders.source()

    method = builders.method("source_only")
    train(method, source, target, builders.TrainingSettings(SGD), iterations=3, state=State(tmp_path, ""))
    assert asked == [0, 1, 2]


def test_the_rate_decays_by_the_polynomial_of_hand_worked_numbers(tmp_path: Path) -> None:
    moves = slide(tmp_path, Slope(), 2, SGD)  # halfway at step 1, like 45 000 of 90 000
    assert moves[0] == pytest.approx((2.5e-4, 2.5e-4), rel=1e-5)
    assert moves[1] == pytest.approx((1.33972e-4, 1.33972e-4), rel=1e-5)  # 2.5e-4 * 0.5 ** 0.9
    assert [row["lr"] for row in rows(tmp_path / "losses.csv")] == ["1.340e-04"]


def test_the_published_rate_after_30_000_of_90_000_steps(tmp_path: Path) -> None:
    moves = slide(tmp_path, Slope(), 2, dataclasses.replace(SGD, poly_iterations=3))  # a third of the way at step 1
    assert moves[1] == pytest.approx((1.7356e-4, 1.7356e-4), abs=5e-9)


def test_the_decay_may_end_beyond_the_training(tmp_path: Path) -> None:
    plan = dataclasses.replace(SGD, power=1.0, poly_iterations=4)
    moves = [backbone for backbone, _ in slide(tmp_path, Slope(), 3, plan)]
    assert moves == pytest.approx([2.5e-4, 2.5e-4 * 3 / 4, 2.5e-4 / 2], rel=1e-4)


def test_a_decay_that_ends_within_the_training_is_refused_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"poly_iterations: expected at least the 3 iterations .*, got 2; set it"):
        slide(tmp_path, Slope(), 3, dataclasses.replace(SGD, poly_iterations=2))
    assert not (tmp_path / "losses.csv").exists()


def test_the_heads_learn_at_their_own_multiple_of_the_rate(tmp_path: Path) -> None:
    moves = slide(tmp_path, Slope(), 2, dataclasses.replace(SGD, head_lr_mult=10.0, power=1.0))
    assert moves[0] == pytest.approx((2.5e-4, 2.5e-3), rel=1e-4)
    assert moves[1] == pytest.approx((1.25e-4, 1.25e-3), rel=1e-4)


def test_published_repeats_step_a_backbone_weight_once_for_each_module_that_holds_it(tmp_path: Path) -> None:
    # SGD on a list that names a weight several times, which is a step after the other on the same gradient.
    plan = dataclasses.replace(SGD, lr=0.1, momentum=0.5, weight_decay=0.2, backbone_repeats="published")
    method = builders.method("source_only")
    backbone = dict(method.segmenter.backbone.named_parameters())
    starts = {name: weight.detach().clone() for name, weight in backbone.items()}
    optimisers = _optimisers(method, plan)
    for number in range(1, 3):
        for weight in method.segmenter.parameters():
            weight.grad = torch.full_like(weight, float(number))
        for one, times in optimisers:
            for _ in range(times):
                one.step()
    for name, weight in backbone.items():
        holders = [
            part
            for part, module in method.segmenter.backbone.named_modules()
            if part and weight in set(module.parameters())
        ]
        expected, velocity = starts[name], 0.0
        for number in range(1, 3):
            for _ in holders:
                velocity = 0.5 * velocity + number + 0.2 * expected
                expected = expected - 0.1 * velocity
        assert_close(weight.detach(), expected)


@pytest.mark.parametrize(
    ("name", "times"), [("conv1.weight", 1), ("layer1.0.conv2.weight", 3), ("layer3.0.downsample.0.weight", 4)]
)
def test_weights_of_resnet_101_repeat_as_in_the_published_code(name: str, times: int) -> None:
    with torch.device("meta"):
        network = backbones.backbone("resnet101")
    plan = dataclasses.replace(SGD, backbone_repeats="published")
    assert repeats(name, plan) == times
    convolutions = [repeats(own, plan) for own, weight in network.named_parameters() if weight.ndim == 4]
    assert [convolutions.count(count) for count in (1, 3, 4)] == [1, 99, 4]
    assert len(convolutions) == 104


def test_repeats_are_refused_for_another_optimiser_than_sgd() -> None:
    with pytest.raises(ConfigError, match="expected once with adamw, got published"):
        dataclasses.replace(ADAMW, backbone_repeats="published")


def test_a_term_counts_by_its_weight_and_is_logged_without(tmp_path: Path) -> None:
    moves = slide(tmp_path, Slope(weight=4.0), 2, dataclasses.replace(SGD, power=0.0))
    assert moves[0] == pytest.approx((1e-3, 1e-3), rel=1e-4)
    (row,) = rows(tmp_path / "losses.csv")
    assert float(row["first"]) == pytest.approx(-5e-4, rel=1e-3)  # the mean of 0 and -1e-3


def test_sgd_gathers_momentum_and_decays_weights(tmp_path: Path) -> None:
    plan = dataclasses.replace(SGD, lr=0.1, momentum=0.5, weight_decay=0.2, power=0.0)
    moves = [backbone for backbone, _ in slide(tmp_path, Slope(), 2, plan)]
    # Step 0: velocity 1, weight -0.1. Step 1: gradient 1 + 0.2 * -0.1 = 0.98, velocity 0.5 + 0.98 = 1.48.
    assert moves == pytest.approx([0.1, 0.148], rel=1e-5)


def test_adamw_steps_by_the_rate_whatever_the_size_of_the_gradient(tmp_path: Path) -> None:
    plan = dataclasses.replace(ADAMW, lr=0.1, weight_decay=0.5, power=0.0)
    moves = [backbone for backbone, _ in slide(tmp_path, Slope(weight=1000.0), 2, plan)]
    # A constant gradient moves by the rate; from step 1 on the weight, -0.1, also decays by 0.1 * 0.5 of itself.
    assert moves == pytest.approx([0.1, 0.1 - 0.005], rel=1e-4)


def test_the_critics_follow_adam_at_their_own_rate_and_the_same_decay(tmp_path: Path) -> None:
    method = Slope()
    critic = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(critic.weight)
    method.critics["critic"] = critic
    slide(tmp_path, method, 2, dataclasses.replace(SGD, power=1.0))
    assert critic.weight.item() == pytest.approx(-(0.5 + 0.25), rel=1e-4)


@pytest.mark.parametrize(("rate", "moved"), [(0.25, -(0.25 + 0.125)), (None, -2 * (0.1 + 0.05))])
def test_companions_follow_adam_at_a_rate_of_their_own_or_learn_as_the_heads_do(
    tmp_path: Path, rate: float | None, moved: float
) -> None:
    method, companion = Slope(), nn.Linear(1, 1, bias=False)
    nn.init.zeros_(companion.weight)
    method.companions["companion"], method.companion_lr = companion, rate
    slide(tmp_path, method, 2, dataclasses.replace(SGD, lr=0.1, head_lr_mult=2.0, power=1.0))
    assert companion.weight.item() == pytest.approx(moved, rel=1e-4)


def test_the_rates_rise_over_the_warm_up_and_then_decay_as_without_it() -> None:
    # CLAN: 5000 of 100 000 steps.
    plan = dataclasses.replace(SGD, warm_up=5000)
    assert 2.5e-4 * decay(0, 100_000, plan) == 0
    assert 2.5e-4 * decay(2500, 100_000, plan) == pytest.approx(1.25e-4)
    assert 2.5e-4 * decay(5000, 100_000, plan) == pytest.approx(2.38721e-4, rel=1e-5)
    assert decay(7, 100, dataclasses.replace(SGD, warm_up=0)) == pytest.approx(0.93**0.9)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_term_that_is_no_number_is_named_with_its_step(tmp_path: Path, value: float) -> None:
    with pytest.raises(NotFiniteError, match=rf"loss term 'second': expected a finite number, got {value} at step 3; "):
        slide(tmp_path, Slope(bad={("second", 3): value}), 5, SGD)
    assert rows(tmp_path / "losses.csv") == []


def test_the_term_that_failed_first_is_named_and_not_those_that_followed(tmp_path: Path) -> None:
    bad = {("second", WINDOW + 2): math.nan, ("first", WINDOW + 3): math.nan}
    with pytest.raises(NotFiniteError, match=rf"loss term 'second': .* at step {WINDOW + 2}; "):
        slide(tmp_path, Slope(bad=bad), 2 * WINDOW, SGD)
    assert [row["step"] for row in rows(tmp_path / "losses.csv")] == [str(WINDOW)]


def test_losses_are_written_once_a_window_and_at_the_end(tmp_path: Path) -> None:
    method = Slope()
    slide(tmp_path, method, 2 * WINDOW + 5, dataclasses.replace(SGD, power=0.0))
    table = rows(tmp_path / "losses.csv")
    assert [int(row["step"]) for row in table] == [WINDOW, 2 * WINDOW, 2 * WINDOW + 5]
    # Means of the window's own steps: -lr times the mean of 20..39, and of 40..44.
    assert [float(row["first"]) for row in table[1:]] == pytest.approx([-2.5e-4 * 29.5, -2.5e-4 * 42], rel=1e-3)


class Late(Slope):
    """A second term from the second window on, and a first one that then pauses."""

    def segmenter_terms(self, source: object, target: object, step: int) -> Iterator[list[Term]]:
        first, second = super().segmenter_terms(source, target, step)
        if step < 2 * WINDOW:
            yield first
        if step >= WINDOW:
            yield second


def test_a_term_that_begins_later_gets_a_column_and_one_that_pauses_keeps_its_own(tmp_path: Path) -> None:
    method = Late()
    slide(tmp_path, method, 3 * WINDOW, SGD)
    table = rows(tmp_path / "losses.csv")
    assert [list(row) for row in table] == [["step", "lr", "first", "second"]] * 3
    assert [bool(row["first"]) for row in table] == [True, True, False]
    assert [bool(row["second"]) for row in table] == [False, True, True]


def test_a_training_without_steps_leaves_the_weights_and_a_header(tmp_path: Path) -> None:
    method = Slope()
    assert slide(tmp_path, method, 0, dataclasses.replace(SGD, poly_iterations=90000)) == []
    assert (tmp_path / "losses.csv").read_text(encoding="utf-8").split() == ["step,lr"]


def test_networks_are_put_into_training_mode(tmp_path: Path) -> None:
    method = builders.method("source_only")
    method.segmenter.eval()
    train(
        method,
        lambda _: builders.source(),
        _none,
        builders.TrainingSettings(SGD),
        iterations=1,
        state=State(tmp_path, ""),
    )  # type: ignore[arg-type]
    assert all(module.training for module in method.segmenter.modules())


def test_all_networks_of_a_method_move_to_the_device() -> None:
    method = builders.method("class_mix")
    method.critics["critic"] = nn.Linear(1, 1)
    to_device(method, "meta")
    networks = (method.segmenter, method.teacher, method.critics)
    assert {str(p.device) for network in networks for p in network.parameters()} == {"meta"}
