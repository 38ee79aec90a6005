"""What every method keeps to, and what the two bases do."""

from collections.abc import Iterator

import builders
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from dadist.classes import IGNORE
from dadist.config.methods import requirements
from dadist.data.loader import Target
from dadist.losses.segmentation import cross_entropy
from dadist.methods.adversarial import Adversarial
from dadist.methods.base import Supervised, Term
from dadist.model.precision import computing_in
from dadist.model.segmenter import upsample
from dadist.registry import METHODS, RECIPES
from dadist.training.loop import called

HALF = builders.context().horizon // 2  # what a method does at the beginning alone is over


def cases() -> Iterator[tuple[str, dict[str, float]]]:
    """Every method and recipe as the demo has it, and on two levels or at two resolutions where it may be."""
    for name in (*METHODS, *RECIPES):
        yield name, {}
        second = {key for key in getattr(builders.DEMO.objectives.get(name), "__dict__", ()) if "_auxiliary" in key}
        if second:
            yield name, dict.fromkeys(second, 0.5)
        if hasattr(builders.DEMO.objectives.get(name), "detail"):
            yield name, {"detail": 0.1}


CASES = list(cases())
WITH_CRITICS = [(name, values) for name, values in CASES if len(builders.method(name, **values).critics)]
ADVERSARIAL = [(name, values) for name, values in WITH_CRITICS if isinstance(builders.method(name), Adversarial)]


def target_of(method: Supervised, name: str) -> Target | None:
    return builders.target(labels=name in RECIPES) if method.TARGET_IMAGES else None


def segmenter_terms(method: Supervised, name: str, step: int = HALF) -> Iterator[list[Term]]:
    """The segmenter's terms on noise, with the critics frozen as the trainer has them."""
    method.critics.requires_grad_(False)
    yield from method.segmenter_terms(builders.source(), target_of(method, name), step)
    method.critics.requires_grad_(True)


@pytest.mark.parametrize("step", [0, HALF])
@pytest.mark.parametrize(("name", "values"), CASES)
def test_a_method_yields_scalar_terms_with_names_of_their_own(name: str, values: dict[str, float], step: int) -> None:
    method = builders.method(name, **values)
    passes = [*segmenter_terms(method, name, step), *method.critic_terms()]
    terms = [term for one in passes for term in one]
    assert len({term.name for term in terms}) == len(terms) > 0
    assert all(term.value.shape == () and term.value.isfinite() and term.weight > 0 for term in terms)
    assert all(any(term.value.requires_grad for term in one) for one in passes)


@pytest.mark.parametrize(("name", "values"), CASES)
def test_a_method_keeps_a_network_of_its_own_architecture(name: str, values: dict[str, float]) -> None:
    method = builders.method(name, **values)
    assert method.result().architecture == method.segmenter.architecture
    assert method.segmenter.architecture.heads == method.heads(method.hyperparameters)
    assert method.segmenter.architecture.layout == method.layout(method.hyperparameters)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_while_planning_whether_its_network_has_a_density(name: str) -> None:
    heads = builders.method(name).segmenter.architecture.heads
    assert requirements(name).density == {"depth", "density"}.issubset(heads)


@pytest.mark.parametrize(("name", "values"), CASES)
def test_a_method_learns_in_bfloat16_by_losses_in_float32(name: str, values: dict[str, float]) -> None:
    method = builders.method(name, **values)
    with computing_in("bfloat16", called(method)):
        for passes in (segmenter_terms(method, name), method.critic_terms()):
            for terms in passes:
                assert all(term.value.dtype == torch.float32 for term in terms)
                builders.backward(iter([terms]))
    gradients = [weight.grad for network in called(method) for weight in network.parameters()]
    assert all(one.isfinite().all() for one in gradients if one is not None)


@pytest.mark.parametrize(("name", "values"), WITH_CRITICS)
def test_critics_learn_from_their_own_terms_alone_and_the_other_networks_from_theirs(
    name: str, values: dict[str, float]
) -> None:
    method = builders.method(name, **values)
    others = [weight for one in (method.segmenter, method.companions) for weight in one.parameters()]
    builders.backward(segmenter_terms(method, name))
    assert all(weight.grad is None for weight in method.critics.parameters())
    assert builders.gradients(method.segmenter.backbone)
    before = [None if weight.grad is None else weight.grad.clone() for weight in others]
    builders.backward(method.critic_terms())
    for critic in method.critics.values():
        assert all(weight.grad is not None for weight in critic.parameters())
        assert builders.gradients(critic)
    assert_close([weight.grad for weight in others], before, rtol=0, atol=0)


@pytest.mark.parametrize(("name", "values"), ADVERSARIAL)
def test_a_critic_is_fooled_in_one_term_and_told_each_domain_in_another(name: str, values: dict[str, float]) -> None:
    method = builders.method(name, **values, critic_scale=0.75, critic_lr=0.125)
    found = [one for terms in builders.names_and_weights(segmenter_terms(method, name)) for one in terms]
    assert set(method.critics) == set(method.weights)
    assert {(critic, method.weight(critic, HALF)) for critic in method.critics} <= set(found)
    told = [critic.replace("adversarial", "critic") for critic in method.critics]
    expected = [[(f"{critic}_{domain}", 0.75)] for domain in ("source", "target") for critic in told]
    assert builders.names_and_weights(method.critic_terms()) == expected
    assert method.critic_lr == 0.125


@pytest.mark.parametrize(("name", "values"), ADVERSARIAL)
def test_every_critic_is_fooled_by_the_backbone(name: str, values: dict[str, float]) -> None:
    method = builders.method(name, **values)
    terms = {term.name: term.value for one in segmenter_terms(method, name) for term in one}
    for critic in method.critics:
        method.segmenter.zero_grad()
        terms[critic].backward(retain_graph=True)
        assert builders.gradients(method.segmenter.backbone)


@pytest.mark.parametrize(("name", "values"), ADVERSARIAL)
def test_a_critic_whose_term_weighs_nothing_is_not_there(name: str, values: dict[str, float]) -> None:
    nothing = dict.fromkeys(builders.method(name, **values).weights, 0.0)
    method = builders.method(name, **{**values, **nothing})
    terms = [term.name for one in segmenter_terms(method, name) for term in one]
    assert not set(terms) & set(nothing)
    assert not len(method.critics)
    assert list(method.critic_terms()) == []


class Told(nn.Module):
    """A critic that answers 2 for features of 1, and -1 for those of 0."""

    def forward(self, feature: torch.Tensor) -> torch.Tensor:
        return 3 * feature.mean((1, 2, 3), keepdim=True) - 1


def test_the_critic_learns_source_from_target_and_the_segmenter_the_other_way_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method = builders.method("advent")
    method.critics["adversarial"] = Told()
    features = iter([torch.zeros(2, 7, 4, 8), torch.ones(2, 7, 4, 8)])  # source, then target
    monkeypatch.setattr(method, "features", lambda outputs, size: {"adversarial": next(features)})
    _, on_target = method.segmenter_terms(builders.source(), builders.target(), 0)
    assert_close(on_target[-1].value, torch.tensor(2.0).exp().log1p())  # the answer 2, called source: -log(1 - D)
    source, target = (terms[0].value for terms in method.critic_terms())
    assert_close(source, torch.tensor(-1.0).exp().log1p())  # the answer -1, called source
    assert_close(target, torch.tensor(-2.0).exp().log1p())  # the answer 2, called target: -log D


def test_the_segmentation_term_is_weighted_cross_entropy_at_the_labels_size() -> None:
    weights = torch.linspace(0.5, 2.0, builders.CLASSES)
    segmenter, source = builders.segmenter().eval(), builders.source()
    method = Supervised(segmenter, None, builders.context(class_weights=weights))
    ((term,),) = method.segmenter_terms(source, None, 0)
    logits = upsample(segmenter(source.images).logits, (32, 64))
    assert_close(term.value, cross_entropy(logits, source.labels, weights=weights))
    assert not torch.isclose(term.value, cross_entropy(logits, source.labels))


def test_a_batch_without_any_label_costs_nothing() -> None:
    source = builders.source()
    unlabelled = source._replace(labels=torch.full_like(source.labels, IGNORE))
    ((term,),) = builders.method("source_only").segmenter_terms(unlabelled, None, 0)
    assert term.value == 0
