import builders
import pytest
import torch

from dadist.registry import METHODS

SUPERVISED = [name for name in METHODS if not builders.method(name).TARGET_IMAGES]


def test_the_methods_that_see_no_target_image_are_these() -> None:
    assert SUPERVISED == ["warm_up", "source_only", "adabn"]


@pytest.mark.parametrize("name", SUPERVISED)
def test_supervised_training_has_one_term_and_no_critic(name: str) -> None:
    method = builders.method(name)
    terms = method.segmenter_terms(builders.source(), None, 0)
    assert builders.names_and_weights(terms) == [[("segmentation", 1.0)]]
    assert list(method.critic_terms()) == []
    assert list(method.critics.parameters()) == []
    assert method.segmenter.architecture.heads == ()


@pytest.mark.parametrize("name", SUPERVISED)
def test_supervised_training_keeps_the_network_that_it_trains(name: str) -> None:
    method = builders.method(name)
    before = [weight.detach().clone() for weight in method.segmenter.parameters()]
    method.after_step(0)
    assert method.result() is method.segmenter
    assert all(map(torch.equal, before, method.segmenter.parameters()))
