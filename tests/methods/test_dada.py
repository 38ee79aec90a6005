import builders
import oracles
import pytest
import torch
from torch.testing import assert_close

from dadist.model.segmenter import Outputs, upsample


def test_the_terms_and_their_weights() -> None:
    method = builders.method("dada", depth=0.7, adversarial=0.3)
    terms = method.segmenter_terms(builders.source(), builders.target(), 0)
    assert builders.names_and_weights(terms) == [[("segmentation", 1.0), ("depth", 0.7)], [("adversarial", 0.3)]]


def test_a_weight_of_0_takes_the_depth_term_out() -> None:
    terms = builders.method("dada", depth=0.0).segmenter_terms(builders.source(), builders.target(), 0)
    assert [[name for name, _ in one] for one in builders.names_and_weights(terms)] == [
        ["segmentation"],
        ["adversarial"],
    ]


@pytest.mark.usefixtures("float64")
def test_the_depth_term_is_berhu_over_the_valid_pixels() -> None:
    method, source = builders.method("dada"), builders.source()
    method.segmenter.eval()
    (_, depth), _ = method.segmenter_terms(source, builders.target(), 0)
    predicted = upsample(method.segmenter(source.images).depth, (32, 64)).detach()
    expected = oracles.berhu(predicted.numpy(), source.inverse_depth.numpy(), source.valid.numpy(), 0.2)
    assert_close(depth.value.item(), expected, rtol=1e-9, atol=0)


@pytest.mark.usefixtures("float64")
def test_the_critic_sees_self_information_times_depth() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, depth = 3 * torch.randn(2, 7, 4, 8, generator=generator), torch.randn(2, 1, 4, 8, generator=generator)
    feature = builders.method("dada").features(Outputs(logits, depth), (4, 8))["adversarial"]
    expected = torch.from_numpy(oracles.self_information(logits.numpy())) * depth
    assert_close(feature, expected, rtol=1e-9, atol=1e-12)


def test_depth_and_logits_are_enlarged_before_they_are_multiplied() -> None:
    logits, depth = torch.zeros(1, 7, 1, 2), torch.tensor([1.0, 3.0]).view(1, 1, 1, 2)
    feature = builders.method("dada").features(Outputs(logits, depth), (1, 3))["adversarial"]
    assert_close(feature[0, :, 0], torch.tensor([1.0, 2.0, 3.0]).expand(7, 3) / 7)  # seven equal classes share 1


def test_the_depth_head_gates_the_segmentation() -> None:
    method = builders.method("dada")
    outputs = method.segmenter.eval()(builders.source().images)
    with torch.no_grad():
        method.segmenter.depth.layers[-1].bias.add_(1.0)
    assert not torch.equal(method.segmenter(builders.source().images).logits, outputs.logits)
