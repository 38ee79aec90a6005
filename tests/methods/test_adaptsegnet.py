import builders
import pytest
import torch
from torch.testing import assert_close

from dadist.losses.adversarial import SOURCE, TARGET
from dadist.model.segmenter import Outputs


def test_the_terms_and_their_weights_on_two_levels() -> None:
    weights = {"segmentation_auxiliary": 0.1, "adversarial": 0.3, "adversarial_auxiliary": 0.2}
    method = builders.method("adaptsegnet", **weights)
    terms = method.segmenter_terms(builders.source(), builders.target(), 0)
    assert builders.names_and_weights(terms) == [
        [("segmentation", 1.0), ("segmentation_auxiliary", 0.1)],
        [("adversarial", 0.3), ("adversarial_auxiliary", 0.2)],
    ]
    assert [[name for name, _ in one] for one in builders.names_and_weights(method.critic_terms())] == [
        ["critic_source"],
        ["critic_auxiliary_source"],
        ["critic_target"],
        ["critic_auxiliary_target"],
    ]


def test_the_critic_sees_the_probabilities_of_hand_worked_logits_enlarged_before_the_softmax() -> None:
    logits = torch.tensor([[0.0, 4.0], [0.0, 0.0]]).view(1, 2, 1, 2)
    feature = builders.method("adaptsegnet").features(Outputs(logits), (1, 3))["adversarial"]
    odds = torch.tensor([0.0, 2.0, 4.0]).exp()  # halfway between the two logits
    assert_close(feature[0, :, 0], torch.stack([odds / (1 + odds), 1 / (1 + odds)]))


@pytest.mark.parametrize(
    ("loss", "on_source", "on_target"),
    [("bce", [0.693147, 2.126928], [0.693147, 0.126928]), ("least_squares", [0.0, 4.0], [1.0, 1.0])],
)
def test_the_game_of_hand_worked_answers(loss: str, on_source: list[float], on_target: list[float]) -> None:
    method = builders.method("adaptsegnet", adversarial_loss=loss)
    method.critics["adversarial"] = torch.nn.Identity()
    answers = torch.tensor([0.0, 2.0]).view(1, 1, 1, 2)
    assert_close(method.critic_loss("adversarial", answers, SOURCE), torch.tensor(on_source).mean())
    assert_close(method.critic_loss("adversarial", answers, TARGET), torch.tensor(on_target).mean())
