import builders
import oracles
import pytest
import torch
from torch.testing import assert_close

from dadist.model.segmenter import Outputs


def test_the_terms_and_their_weights() -> None:
    method = builders.method("advent", adversarial=0.3)
    terms = method.segmenter_terms(builders.source(), builders.target(), 0)
    assert builders.names_and_weights(terms) == [[("segmentation", 1.0)], [("adversarial", 0.3)]]


def test_the_terms_and_their_weights_on_two_levels() -> None:
    weights = {"segmentation_auxiliary": 0.1, "adversarial": 0.3, "adversarial_auxiliary": 0.2}
    terms = builders.method("advent", **weights).segmenter_terms(builders.source(), builders.target(), 0)
    assert builders.names_and_weights(terms) == [
        [("segmentation", 1.0), ("segmentation_auxiliary", 0.1)],
        [("adversarial", 0.3), ("adversarial_auxiliary", 0.2)],
    ]


@pytest.mark.usefixtures("float64")
def test_the_critic_sees_the_self_information_of_the_loop() -> None:
    logits = 3 * torch.randn(2, 7, 4, 8, generator=torch.Generator().manual_seed(0))
    feature = builders.method("advent").features(Outputs(logits), (4, 8))["adversarial"]
    assert_close(feature, torch.from_numpy(oracles.self_information(logits.numpy())), rtol=1e-9, atol=1e-12)


def test_the_critic_sees_logits_that_were_enlarged_before_the_softmax() -> None:
    logits = torch.tensor([[0.0, 4.0], [0.0, 0.0]]).view(1, 2, 1, 2)
    feature = builders.method("advent").features(Outputs(logits), (1, 3))["adversarial"]
    middle = torch.tensor([[2.0], [0.0]]).view(1, 2, 1, 1)  # halfway between the two logits
    expected = torch.from_numpy(oracles.self_information(middle.numpy())).float()
    assert_close(feature[..., 1:2], expected)
