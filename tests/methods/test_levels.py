"""What the methods on one level or two share."""

import builders
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from dadist.methods.levels import AdversarialLevels, MultiLevel
from dadist.model.segmenter import Outputs, upsample
from dadist.registry import METHODS

LEVELS = [name for name in METHODS if isinstance(builders.method(name), MultiLevel)]
CRITICS = [name for name in LEVELS if isinstance(builders.method(name), AdversarialLevels)]


def auxiliary(name: str, weight: float) -> dict[str, float]:
    """Every weight of the auxiliary level, the same."""
    return {key: weight for key in vars(builders.DEMO.objectives[name]) if key.endswith("_auxiliary")}


def test_the_methods_on_levels_are_these() -> None:
    assert LEVELS == ["adaptsegnet", "minent", "advent"]
    assert CRITICS == ["adaptsegnet", "advent"]


@pytest.mark.parametrize("name", LEVELS)
def test_without_weights_of_its_own_there_is_no_auxiliary_level(name: str) -> None:
    method = builders.method(name, **auxiliary(name, 0.0))
    passes = builders.names_and_weights(method.segmenter_terms(builders.source(), builders.target(), 0))
    assert method.segmenter.architecture.heads == ()
    assert [len(one) for one in passes] == [1, 1]
    assert len(list(method.critic_terms())) == 2 * len(method.critics)


@pytest.mark.parametrize("name", LEVELS)
def test_any_weight_of_the_auxiliary_level_asks_for_its_classifier(name: str) -> None:
    for key in (none := auxiliary(name, 0.0)):
        method = builders.method(name, **{**none, key: 0.25})
        passes = builders.names_and_weights(method.segmenter_terms(builders.source(), builders.target(), 0))
        assert method.segmenter.architecture.heads == ("auxiliary",)
        assert [one for terms in passes for one in terms if one[0].endswith("_auxiliary")] == [(key, 0.25)]


@pytest.mark.parametrize("name", LEVELS)
def test_the_auxiliary_segmentation_is_cross_entropy_of_the_auxiliary_logits(name: str) -> None:
    method, source = builders.method(name, **auxiliary(name, 0.5)), builders.source()
    method.segmenter.eval()
    terms, _ = method.segmenter_terms(source, builders.target(), 0)
    outputs = method.segmenter(source.images)
    for term, logits in zip(terms, (outputs.logits, outputs.extra["auxiliary"]), strict=True):
        assert_close(term.value, method.labelled(logits, source.labels))


@pytest.mark.parametrize("name", LEVELS)
def test_the_auxiliary_terms_reach_its_classifier_and_not_what_lies_above_the_middle_layer(name: str) -> None:
    method = builders.method(name, **auxiliary(name, 0.5))
    for terms in method.segmenter_terms(builders.source(), builders.target(), 0):
        main, other = terms
        assert other.name == f"{main.name}_auxiliary"
        method.segmenter.zero_grad()
        other.value.backward(retain_graph=True)
        assert builders.gradients(method.segmenter.auxiliary)
        assert builders.gradients(method.segmenter.backbone.layer3)
        assert not builders.gradients(method.segmenter.backbone.layer4)
        assert not builders.gradients(method.segmenter.segmentation)


@pytest.mark.parametrize("name", CRITICS)
def test_each_critic_sees_the_same_of_its_own_level(name: str) -> None:
    method = builders.method(name, **auxiliary(name, 0.5))
    main, other = torch.randn(2, 2, 7, 4, 8, generator=torch.Generator().manual_seed(0)).unbind()
    seen: dict[str, Tensor] = method.features(Outputs(main, extra={"auxiliary": other}), (8, 16))
    assert list(seen) == ["adversarial", "adversarial_auxiliary"] == list(method.critics)
    for feature, logits in zip(seen.values(), (main, other), strict=True):
        assert_close(feature, method.feature(upsample(logits, (8, 16))))
