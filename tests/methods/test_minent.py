import builders
import oracles
import pytest
import torch
from torch.testing import assert_close

from dadist.model.segmenter import upsample


def test_the_terms_and_their_weights_on_two_levels() -> None:
    method = builders.method("minent", segmentation_auxiliary=0.1, entropy=0.3, entropy_auxiliary=0.2)
    terms = method.segmenter_terms(builders.source(), builders.target(), 0)
    assert builders.names_and_weights(terms) == [
        [("segmentation", 1.0), ("segmentation_auxiliary", 0.1)],
        [("entropy", 0.3), ("entropy_auxiliary", 0.2)],
    ]
    assert not len(method.critics)


@pytest.mark.usefixtures("float64")
def test_the_entropy_is_the_mean_over_the_loop_at_the_images_size() -> None:
    method, target = builders.method("minent"), builders.target()
    method.segmenter.eval()
    _, terms = method.segmenter_terms(builders.source(), target, 0)
    outputs = method.segmenter(target.images)
    for term, logits in zip(terms, (outputs.logits, outputs.extra["auxiliary"]), strict=True):
        information = oracles.self_information(upsample(logits, (32, 64)).detach().numpy())
        assert_close(term.value.item(), information.sum(axis=1).mean(), rtol=1e-9, atol=0)


def test_without_weights_of_the_entropy_the_target_is_not_passed() -> None:
    method = builders.method("minent", entropy=0.0, entropy_auxiliary=0.0)
    before = method.segmenter.backbone.layer4.first[1].num_batches_tracked.item()
    assert len(list(method.segmenter_terms(builders.source(), builders.target(), 0))) == 1
    assert method.segmenter.backbone.layer4.first[1].num_batches_tracked.item() == before + 1


def test_a_step_down_the_entropy_makes_the_target_surer() -> None:
    method, target = builders.method("minent"), builders.target()
    optimiser = torch.optim.SGD(method.segmenter.parameters(), lr=0.1)
    values = []
    for _ in range(3):
        _, (main, *_) = method.segmenter_terms(builders.source(), target, 0)
        values.append(main.value.item())
        optimiser.zero_grad()
        main.value.backward()
        optimiser.step()
    assert values == sorted(values, reverse=True)
