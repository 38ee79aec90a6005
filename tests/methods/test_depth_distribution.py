import math
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import builders
import numpy as np
import oracles
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from dadist.classes import IGNORE
from dadist.data.loader import Source
from dadist.data.transforms import flip
from dadist.losses.adversarial import SOURCE, TARGET
from dadist.methods.depth_distribution import METHOD, Hyperparameters
from dadist.model.segmenter import Outputs
from dadist.prior.density import RULES
from dadist.training.loop import train
from dadist.training.resume import State

ROWS, COLUMNS = builders.GRID[1], builders.GRID[0]
UPRIGHT = torch.zeros(2, dtype=torch.bool)  # no item is mirrored


def density_by_loop(labels: Tensor, z: Tensor, rule: str) -> Tensor:
    """Squashed density of every cell, one by one: labels (B, h, w), z (B, 1, h, w)."""
    mixtures = builders.mixtures()
    out = torch.zeros(z.shape)
    for b, y, x in np.ndindex(*labels.shape):
        c = int(labels[b, y, x])
        point = np.array([x, y, float(z[b, 0, y, x])])
        p = math.exp(oracles.log_density(mixtures.weights[c], mixtures.means[c], mixtures.covariances[c], point))
        squashed = {"exponential": 255 * (1 - math.exp(-1e6 * p)), "median": 1 - 2 ** (-p / mixtures.median), "none": p}
        out[b, 0, y, x] = squashed[rule]
    return out


def outputs(seed: int = 0) -> Outputs:
    """Random outputs on the grid; half of the depths are negative."""
    generator = torch.Generator().manual_seed(seed)
    return Outputs(
        torch.randn(2, 7, ROWS, COLUMNS, generator=generator),
        3 * torch.randn(2, 1, ROWS, COLUMNS, generator=generator),
        torch.randn(2, 1, ROWS, COLUMNS, generator=generator),
    )


def maps(of: Outputs) -> list[Tensor]:
    """Logits, depth and density."""
    assert of.depth is not None
    assert of.density is not None
    return [of.logits, of.depth, of.density]


def often_right(source: Source, logits: Tensor) -> Tensor:
    """The logits, made to agree with the labels at the cells' centres in the upper half."""
    agreed = logits.clone()
    for b, y, x in np.ndindex(2, ROWS // 2, COLUMNS):
        label = int(source.labels[b, 8 * y + 4, 8 * x + 4])
        if label != IGNORE:
            agreed[b, label, y, x] = 9.0
    return agreed


def test_the_terms_and_their_weights() -> None:
    weights = {"depth": 0.7, "balance_source": 0.6, "balance_target": 0.5, "adversarial": 0.3}
    method = builders.method("depth_distribution", **weights)
    terms = method.segmenter_terms(builders.source(), builders.target(), 0)
    assert builders.names_and_weights(terms) == [
        [("segmentation", 1.0), ("depth", 0.7), ("balance_source", 0.6)],
        [("balance_target", 0.5), ("adversarial", 0.3)],
    ]


def test_mixtures_are_asked_for() -> None:
    hyperparameters = builders.hyperparameters("depth_distribution")
    with pytest.raises(ValueError, match="expected mixtures, got none; fit_gmm makes them"):
        METHOD(builders.segmenter(METHOD.heads(hyperparameters)), hyperparameters, builders.context(artefacts={}))


TERMS = ["depth", "balance_source", "balance_target", "adversarial"]


@pytest.mark.parametrize("off", [(name,) for name in TERMS] + [("balance_target", "adversarial"), tuple(TERMS)])
def test_a_weight_of_0_takes_its_term_out_and_changes_no_other(off: tuple[str, ...]) -> None:
    def terms(**weights: float) -> dict[str, Tensor]:
        method = builders.method("depth_distribution", **weights)
        passes = [*method.segmenter_terms(builders.source(), builders.target(), 0), *method.critic_terms()]
        assert all(passes)  # none without a term
        return {term.name: term.value for one in passes for term in one}

    every, fewer = terms(), terms(**dict.fromkeys(off, 0.0))
    critic = {"critic_source", "critic_target"} if "adversarial" in off else set()
    assert fewer.keys() == every.keys() - {*off} - critic
    for name, value in fewer.items():
        assert torch.equal(value, every[name])


def test_without_an_adversarial_term_there_is_no_critic_to_train() -> None:
    method = builders.method("depth_distribution", adversarial=0.0)
    assert list(method.critics.parameters()) == []


def test_the_log_has_no_column_for_a_term_that_is_off(tmp_path: Path) -> None:
    method = builders.method("depth_distribution", depth=0.0, adversarial=0.0)
    train(
        method,
        lambda step: builders.source(),
        lambda step: builders.target(),
        builders.TrainingSettings(builders.DEMO.adapt.optimiser),
        iterations=2,
        state=State(tmp_path, ""),
    )
    header = (tmp_path / "losses.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "step,lr,segmentation,balance_source,balance_target"


def test_without_a_target_term_no_statistics_see_the_target() -> None:
    method = builders.method("depth_distribution", balance_target=0.0, adversarial=0.0)
    given = []
    method.segmenter.register_forward_pre_hook(lambda module, images: given.append(images))
    assert len(list(method.segmenter_terms(builders.source(), builders.target(), 0))) == len(given) == 1


FEATURES = {
    "density_segmentation": (7, ["segmentation", "density"]),
    "segmentation": (7, ["segmentation"]),
    "depth": (1, ["depth"]),
    "density": (1, ["density"]),
    "depth_segmentation": (7, ["segmentation", "depth"]),
    "depth_density_segmentation": (7, ["segmentation", "depth", "density"]),
}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("feature", FEATURES)
def test_the_critic_sees_the_product_of_the_maps_that_the_feature_names(feature: str) -> None:
    given = outputs()
    logits, depth, density = given.logits, given.depth, given.density
    assert depth is not None
    assert density is not None
    information = torch.from_numpy(oracles.self_information(logits.numpy()))
    maps = {"segmentation": information, "depth": depth, "density": density}
    channels, parts = FEATURES[feature]
    expected = torch.ones(2, channels, ROWS, COLUMNS)
    for part in parts:
        expected = expected * maps[part]
    method = builders.method("depth_distribution", feature=feature)
    assert_close(method.features(outputs(), (ROWS, COLUMNS))["adversarial"], expected, rtol=1e-9, atol=1e-12)
    assert method.critics["adversarial"][0].in_channels == channels


@pytest.mark.parametrize("feature", FEATURES)
def test_the_adversarial_term_trains_the_heads_of_its_feature_and_no_other(feature: str) -> None:
    method = builders.method("depth_distribution", feature=feature)
    term(method, "adversarial").backward()
    trained = {part for part, module in method.segmenter.named_children() if builders.gradients(module)}
    assert trained == {"backbone", *FEATURES[feature][1]}


def test_the_features_tested_are_those_of_the_configuration() -> None:
    assert set(FEATURES) == set(get_args(get_type_hints(Hyperparameters)["feature"]))


def test_the_printed_game_is_played_where_it_is_asked_for() -> None:
    method = builders.method("depth_distribution", adversarial_loss="log")
    fooled = term(method, "adversarial")
    answers = method.critics["adversarial"](method.seen["adversarial", TARGET])
    assert_close(fooled, answers.sigmoid().log().mean())  # log D(F_t)
    critic, shown = method.critics["adversarial"], method.seen["adversarial", SOURCE]
    source, target = (terms[0].value for terms in method.critic_terms())
    assert_close(source, critic(shown).sigmoid().log().mean())
    assert_close(target, (1 - answers.sigmoid()).log().mean())


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("reading", ["ground_truth", "masked"])
def test_the_source_density_is_that_of_the_loop(reading: str, rule: str) -> None:
    method, source = builders.method("depth_distribution", source_density=reading, squash=rule), builders.source()
    logits = often_right(source, outputs().logits)
    predicted, z = logits.argmax(1), torch.zeros(2, 1, ROWS, COLUMNS)
    for b, y, x in np.ndindex(2, ROWS, COLUMNS):
        row, column = math.floor((y + 0.5) * 32 / ROWS), math.floor((x + 0.5) * 64 / COLUMNS)
        if reading == "ground_truth" or source.labels[b, row, column] == predicted[b, y, x]:
            z[b, 0, y, x] = source.inverse_depth[b, 0, row, column]
    assert (z == 0).any() == (reading == "masked")
    expected = density_by_loop(predicted, z, rule)
    assert_close(method.source_density(logits, source), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("rule", RULES)
def test_the_target_density_is_that_of_the_loop_and_0_behind_the_camera(rule: str) -> None:
    method, given = builders.method("depth_distribution", squash=rule), outputs()
    assert given.depth is not None
    result, ahead = method.target_density(given, UPRIGHT), given.depth > 0
    assert 0 < ahead.sum() < ahead.numel()
    expected = torch.where(ahead, density_by_loop(given.logits.argmax(1), given.depth, rule), 0.0)
    assert (result[~ahead] == 0).all()
    assert_close(result, expected, rtol=1e-9, atol=1e-12)


def test_a_depth_of_0_has_no_target_density_but_a_source_density() -> None:
    method, given, source = builders.method("depth_distribution"), outputs(), builders.source()
    flat = source._replace(inverse_depth=torch.zeros_like(source.inverse_depth))
    assert (method.target_density(replace(given, depth=torch.zeros(2, 1, ROWS, COLUMNS)), UPRIGHT) == 0).all()
    assert (method.source_density(given.logits, flat) > 0).all()


@pytest.mark.parametrize("reading", ["ground_truth", "masked"])
def test_a_mirrored_batch_has_the_mirrored_density_of_the_batch(reading: str) -> None:
    method, source, given = builders.method("depth_distribution", source_density=reading), builders.source(), outputs()
    given = replace(given, logits=often_right(source, given.logits))
    which = torch.tensor([False, True])
    turned_outputs = Outputs(*(flip(one, which) for one in maps(given)))
    turned_source = Source(*(flip(one, which) for one in source[:-1]), mirrored=which)

    straight = method.source_density(given.logits, source), method.target_density(given, UPRIGHT)
    turned = method.source_density(turned_outputs.logits, turned_source), method.target_density(turned_outputs, which)
    for density, mirrored in zip(straight, turned, strict=True):
        assert torch.equal(mirrored, flip(density, which))
        assert not torch.equal(mirrored[1], density[1])
    blind = method.target_density(turned_outputs, UPRIGHT)  # as if nobody knew
    assert not torch.equal(blind, turned[1])


@pytest.mark.parametrize("rule", RULES)
def test_an_item_has_the_same_densities_alone_and_in_a_batch(rule: str) -> None:
    method, source, given = builders.method("depth_distribution", squash=rule), builders.source(), outputs()
    together = method.source_density(given.logits, source), method.target_density(given, UPRIGHT)
    for b in (0, 1):
        item = Outputs(*(one[[b]] for one in maps(given)))
        alone = method.source_density(item.logits, Source(*(one[[b]] for one in source)))
        assert torch.equal(alone, together[0][[b]])
        assert torch.equal(method.target_density(item, UPRIGHT[[b]]), together[1][[b]])


def term(method: Any, name: str) -> Tensor:
    passes = method.segmenter_terms(builders.source(), builders.target(), 0)
    (value,) = [term.value for terms in passes for term in terms if term.name == name]
    assert isinstance(value, Tensor)
    return value


@pytest.mark.parametrize("name", ["balance_source", "balance_target"])
def test_balance_trains_density_head_and_backbone_and_no_other_head(name: str) -> None:
    method = builders.method("depth_distribution")
    term(method, name).backward()
    network = method.segmenter
    trained = {part: bool(builders.gradients(module)) for part, module in network.named_children() if part != "decoder"}
    assert trained == {"backbone": True, "density": True, "segmentation": False, "depth": False}


def test_the_depth_term_trains_depth_head_and_backbone_and_no_other_head() -> None:
    method = builders.method("depth_distribution")
    term(method, "depth").backward()
    trained = {
        part: bool(builders.gradients(module))
        for part, module in method.segmenter.named_children()
        if part != "decoder"
    }
    assert trained == {"backbone": True, "density": False, "segmentation": False, "depth": True}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", ["balance_source", "balance_target"])
def test_balance_is_berhu_between_density_head_and_density(name: str) -> None:
    method = builders.method("depth_distribution")
    method.segmenter.eval()
    with torch.no_grad():
        method.segmenter.depth.layers[-1].bias.add_(2.0)  # so that most of the target has a depth ahead
    value = term(method, name).item()
    if name == "balance_source":
        given = method.segmenter(builders.source().images)
        expected = method.source_density(given.logits, builders.source())
    else:
        given = method.segmenter(builders.target().images)
        expected = method.target_density(given, UPRIGHT)
    assert expected.any()
    predicted = given.density.detach().numpy()
    loop = oracles.berhu(predicted, expected.numpy(), np.ones_like(predicted, bool), 0.2)
    assert value == pytest.approx(loop, rel=1e-9)


def test_the_density_is_no_part_of_what_is_trained_or_saved() -> None:
    method = builders.method("depth_distribution")
    assert not any(isinstance(module, type(method.density)) for module in method.segmenter.modules())
    assert isinstance(method.density, nn.Module)
    assert list(method.density.parameters()) == []
