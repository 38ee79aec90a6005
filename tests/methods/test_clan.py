import builders
import oracles
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from dadist.classes import IGNORE
from dadist.losses.adversarial import SOURCE, TARGET
from dadist.losses.segmentation import cross_entropy
from dadist.model.segmenter import Outputs, upsample


def terms_of(method: object, step: int = 50) -> dict[str, Tensor]:
    passes = method.segmenter_terms(builders.source(), builders.target(), step)  # type: ignore[attr-defined]
    return {term.name: term.value for one in passes for term in one}


class Answers(nn.Module):
    """A critic that answers 0 on the left and 2 on the right, whatever it sees."""

    def forward(self, feature: Tensor) -> Tensor:
        self.seen = feature
        return torch.tensor([0.0, 2.0]).view(1, 1, 1, 2).expand(len(feature), 1, 1, 2)


def test_the_terms_and_their_weights_are_damped_towards_the_horizon() -> None:
    method = builders.method("clan", adversarial=0.4, discrepancy=0.2)
    for step, left in ((0, 1.0), (25, 0.75), (99, 0.01), (100, 0.0)):  # of 100
        terms = method.segmenter_terms(builders.source(), builders.target(), step)
        assert builders.names_and_weights(terms) == [
            [("segmentation", 1.0), ("segmentation_second", 1.0)],
            [("adversarial", pytest.approx(0.4 * left))],
            [("discrepancy", pytest.approx(0.2 * left))],
        ]
        assert [one for ((_, one),) in builders.names_and_weights(method.critic_terms())] == [1.0, 1.0]


def test_a_weight_of_0_takes_the_discrepancy_out() -> None:
    assert set(terms_of(builders.method("clan", discrepancy=0.0))) == {
        "segmentation",
        "segmentation_second",
        "adversarial",
    }


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("gamma", [2.0, 0.0])
def test_each_classifier_learns_by_the_focal_loss_of_the_loop_with_the_weights_of_the_classes(gamma: float) -> None:
    method, source = builders.method("clan", gamma=gamma), builders.source()
    weights = torch.linspace(0.5, 2.0, builders.CLASSES)
    method.context = builders.context(class_weights=weights)
    method.segmenter.eval()
    terms, extra = terms_of(method), method.segmenter(source.images).extra
    for name, head in (("segmentation", "first"), ("segmentation_second", "second")):
        logits = upsample(extra[head], (32, 64)).detach()
        expected = oracles.focal_loss(logits.numpy(), source.labels.numpy(), IGNORE, weights.numpy(), gamma)
        assert_close(terms[name].item(), expected, rtol=1e-9, atol=0)
        if not gamma:
            assert_close(terms[name].detach(), cross_entropy(logits, source.labels, weights=weights))


def test_equal_classifiers_cost_the_published_four_hundredths_and_the_term_reaches_the_two_alone() -> None:
    method = builders.method("clan", discrepancy=0.01)
    method.segmenter.second.load_state_dict(method.segmenter.segmentation.state_dict())
    *_, (term,) = method.segmenter_terms(builders.source(), builders.target(), 0)
    assert_close(term.weight * term.value, torch.tensor(0.04))
    apart = builders.method("clan")
    terms_of(apart)["discrepancy"].backward()
    for head in (apart.segmenter.segmentation, apart.segmenter.second):
        assert len(builders.gradients(head)) == len(list(head.parameters()))  # weights and biases
    assert not builders.gradients(apart.segmenter.backbone)


@pytest.mark.usefixtures("float64")
def test_a_pixel_of_the_target_counts_by_the_disagreement_of_the_loop_once_the_beginning_is_over() -> None:
    method = builders.method("clan", agreed=0.4, disagreed=10.0, unweighted=0.05)
    method.segmenter.eval()
    images = builders.target().images
    late = method.outputs(images, TARGET, 6)  # beyond 5 of 100
    enlarged = (upsample(late.extra[name], (32, 64)).detach().numpy() for name in ("first", "second"))
    expected = 0.4 + 10 * torch.from_numpy(oracles.disagreement(*enlarged))
    assert_close(late.extra["pixels"], expected, rtol=1e-9, atol=1e-12)
    for domain, step in ((TARGET, 5), (SOURCE, 5), (SOURCE, 6)):
        assert torch.equal(method.outputs(images, domain, step).extra["pixels"], torch.ones(2, 1, 32, 64))


def test_the_critic_sees_the_probabilities_of_the_summed_logits() -> None:
    method = builders.method("clan")
    outputs = Outputs(torch.tensor([0.0, 4.0, 0.0, 0.0]).view(1, 2, 1, 2), extra={"pixels": torch.ones(1, 1, 1, 3)})
    method.critics["adversarial"] = critic = Answers()
    method.critic_loss("adversarial", method.features(outputs, (1, 3))["adversarial"], SOURCE)
    odds = torch.tensor([0.0, 2.0, 4.0]).exp()
    assert_close(critic.seen[0, :, 0], torch.stack([odds / (1 + odds), 1 / (1 + odds)]))


def test_answers_are_enlarged_and_then_weighted_pixel_by_pixel() -> None:
    method = builders.method("clan")
    method.critics["adversarial"] = Answers()
    pixels = torch.tensor([1.0, 7.066667, 0.4]).view(1, 1, 1, 3)
    feature = torch.cat([torch.zeros(1, 7, 1, 3), pixels], dim=1)
    answers = torch.tensor([0.0, 1.0, 2.0])  # of the three columns
    for domain, cost in ((SOURCE, answers.exp().log1p()), (TARGET, (-answers).exp().log1p())):
        assert_close(method.critic_loss("adversarial", feature, domain), (pixels.flatten() * cost).mean())


@pytest.mark.parametrize("detached", [True, False])
def test_the_weight_of_a_pixel_moves_the_segmenter_unless_it_is_detached(detached: bool) -> None:
    method = builders.method("clan", detached=detached)
    method.critics["adversarial"] = Answers()  # blind: no gradient comes through it
    terms_of(method)["adversarial"].backward()
    assert bool(builders.gradients(method.segmenter.second)) != detached
    for (told,) in method.critic_terms():
        assert not told.value.requires_grad  # to the critics it is a constant


@pytest.mark.parametrize(("shares", "size"), [((1.0, 0.0), (25, 51)), ((0.0, 1.0), (35, 70)), ((0.0, 0.0), (32, 64))])
def test_images_are_rescaled_and_what_is_said_of_them_is_compared_at_their_own_size(
    shares: tuple[float, float], size: tuple[int, int]
) -> None:
    shrink, enlarge = shares
    method = builders.method("clan", shrink=0.8, shrink_share=shrink, enlarge=1.1, enlarge_share=enlarge)
    seen: list[tuple[int, ...]] = []
    method.segmenter.backbone.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-2:]))
    terms = terms_of(method)
    assert seen == [size, size]
    assert all(value.isfinite() for value in terms.values())
    assert {feature.shape for feature in method.seen.values()} == {(2, 8, 32, 64)}


def test_the_sizes_come_as_often_as_their_shares_say_and_each_domain_draws_its_own() -> None:
    method = builders.method("clan", shrink=0.8, shrink_share=0.3, enlarge=1.1, enlarge_share=0.2)
    image = torch.zeros(1, 3, 10, 10)
    drawn = [[method.rescaled(image, domain, step).shape[-1] for step in range(400)] for domain in (SOURCE, TARGET)]
    for widths in drawn:
        assert [widths.count(width) / 400 for width in (8, 10, 11)] == pytest.approx([0.3, 0.5, 0.2], abs=0.07)
    assert drawn[0] != drawn[1]
    assert drawn[0] == [method.rescaled(image, SOURCE, step).shape[-1] for step in range(400)]
