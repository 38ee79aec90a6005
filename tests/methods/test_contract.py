"""What every method keeps to, and what the two bases do."""

import builders
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from dadist.classes import IGNORE
from dadist.data.loader import Target
from dadist.losses.segmentation import cross_entropy
from dadist.methods.adversarial import Adversarial
from dadist.methods.base import Supervised
from dadist.methods.registry import METHODS, RECIPES
from dadist.model.segmenter import upsample

ADVERSARIAL = [name for name in METHODS if "adversarial" in builders.DEMO.objectives[name].knobs]


def target_of(method: Supervised, name: str) -> Target | None:
    return builders.target(labels=name in RECIPES) if method.TARGET_IMAGES else None


@pytest.mark.parametrize("name", [*METHODS, *RECIPES])
def test_a_method_yields_scalar_terms_with_names_of_their_own(name: str) -> None:
    method = builders.method(name)
    passes = list(method.segmenter_terms(builders.source(), target_of(method, name), 0)) + list(method.critic_terms())
    terms = [term for one in passes for term in one]
    assert len({term.name for term in terms}) == len(terms) > 0
    assert all(term.value.shape == () and term.value.isfinite() and term.weight > 0 for term in terms)
    assert all(any(term.value.requires_grad for term in one) for one in passes)


@pytest.mark.parametrize("name", [*METHODS, *RECIPES])
def test_a_method_keeps_a_network_of_its_own_architecture(name: str) -> None:
    method = builders.method(name)
    assert method.result().architecture == method.segmenter.architecture
    assert method.segmenter.architecture.heads == method.heads(method.knobs)
    assert method.segmenter.architecture.layout == method.LAYOUT


def test_the_adversarial_methods_are_these() -> None:
    assert ADVERSARIAL == ["advent", "dada", "ctrl", "depth_distribution"]
    assert all(isinstance(builders.method(name), Adversarial) for name in ADVERSARIAL)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_the_critics_game_ends_with_three_terms_in_this_order(name: str) -> None:
    method = builders.method(name, adversarial=0.25, critic_scale=0.75, critic_lr=0.125)
    _, on_target = builders.names_and_weights(method.segmenter_terms(builders.source(), builders.target(), 0))
    assert on_target[-1] == ("adversarial", 0.25)
    assert builders.names_and_weights(method.critic_terms()) == [[("critic_source", 0.75)], [("critic_target", 0.75)]]
    assert method.critic_lr == 0.125


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_the_critics_terms_train_the_critic_and_not_the_segmenter(name: str) -> None:
    method = builders.method(name)
    list(method.segmenter_terms(builders.source(), builders.target(), 0))
    for terms in method.critic_terms():
        terms[0].value.backward()
    assert len(builders.gradients(method.critics)) == len(list(method.critics.parameters())) == 10
    assert all(weight.grad is None for weight in method.segmenter.parameters())


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_the_adversarial_term_reaches_the_backbone_through_a_frozen_critic(name: str) -> None:
    method = builders.method(name)
    method.critics.requires_grad_(False)
    _, on_target = method.segmenter_terms(builders.source(), builders.target(), 0)
    on_target[-1].value.backward()
    assert all(weight.grad is None for weight in method.critics.parameters())
    assert builders.gradients(method.segmenter.backbone)
    assert builders.gradients(method.segmenter.segmentation)


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
    method = Supervised(segmenter, None, builders.ingredients(class_weights=weights))
    ((term,),) = method.segmenter_terms(source, None, 0)
    logits = upsample(segmenter(source.images).logits, (32, 64))
    assert_close(term.value, cross_entropy(logits, source.labels, weights=weights))
    assert not torch.isclose(term.value, cross_entropy(logits, source.labels))


def test_a_batch_without_any_label_costs_nothing() -> None:
    source = builders.source()
    unlabelled = source._replace(labels=torch.full_like(source.labels, IGNORE))
    ((term,),) = builders.method("source_only").segmenter_terms(unlabelled, None, 0)
    assert term.value == 0
