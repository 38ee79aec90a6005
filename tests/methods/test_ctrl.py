import dataclasses

import builders
import oracles
import pytest
import torch
from torch.testing import assert_close

from dadist.losses.bins import SPACINGS, bin_scores
from dadist.losses.depth import berhu
from dadist.losses.information import self_information
from dadist.model.segmenter import upsample


def test_the_terms_and_their_weights() -> None:
    method = builders.method("ctrl", refined=0.75, depth=0.5, adversarial=0.25)
    terms = builders.names_and_weights(method.segmenter_terms(builders.source(), builders.target(), 0))
    assert terms == [
        [("segmentation", 1.0), ("refined", 0.75), ("depth", 0.5)],
        [("adversarial", 0.25)],
    ]


@pytest.mark.usefixtures("float64")
def test_both_segmentations_and_depth_are_measured_at_the_labels_size() -> None:
    method, source = builders.method("ctrl"), builders.source()
    method.segmenter.eval()
    outputs = method.segmenter(source.images)
    segmentation, refined, depth = method.source_terms(outputs, source)
    for term, logits in ((segmentation, outputs.logits), (refined, outputs.extra["refined"])):
        full = upsample(logits, (32, 64)).detach().numpy()
        expected = oracles.cross_entropy(full, source.labels.numpy(), 255, torch.ones(7).numpy())
        assert_close(term.value.item(), expected, rtol=1e-9, atol=0)
    assert_close(depth.value, berhu(upsample(outputs.depth, (32, 64)), source.inverse_depth, source.valid))


def test_the_critic_sees_both_segmentations_and_the_bins_of_depth() -> None:
    method, source = builders.method("ctrl", spacing="paper", sigma=2.0), builders.source()
    outputs = method.segmenter(source.images)
    feature = method.features(outputs, (32, 64))["adversarial"]
    assert feature.shape == (2, 7 + 15 + 7, 32, 64)
    assert_close(feature[:, :7], self_information(upsample(outputs.logits, (32, 64))))
    assert_close(feature[:, -7:], self_information(upsample(outputs.extra["refined"], (32, 64))))
    depth = upsample(outputs.depth, (32, 64))
    scores = bin_scores(depth, metres=SPACINGS["paper"](15), sigma=2.0, numerator=1000.0)
    assert_close(feature[:, 7:-7], self_information(scores))


@pytest.mark.usefixtures("float64")
def test_the_bins_have_the_unit_of_the_settings_inverse_depth() -> None:
    method = builders.method("ctrl")
    outputs = method.segmenter(builders.source().images)
    depth = torch.full_like(outputs.depth, 1000.0 / (180 * 100 + 1))  # 180 m, a bin of its own and near its neighbours
    feature = method.features(dataclasses.replace(outputs, depth=depth), (32, 64))["adversarial"]
    z = 65536 / 18001
    expected = bin_scores(torch.tensor(z).view(1, 1, 1, 1), metres=SPACINGS["sid"](15), sigma=1.0, numerator=65536.0)
    assert_close(feature[:, 7:-7], self_information(expected).expand(2, 15, 32, 64), rtol=1e-6, atol=1e-9)


def test_the_critic_has_the_published_parameters() -> None:
    method = builders.method("ctrl", critic_width=64)
    assert sum(p.numel() for p in method.critics.parameters()) == 2_791_361  # of 2 * 7 + 15 channels


def test_the_adversarial_term_reaches_both_classifiers_and_the_depth() -> None:
    method = builders.method("ctrl", sigma=1e6)  # so wide that the bins are soft for any depth
    method.critics.requires_grad_(False)
    _, (adversarial,) = method.segmenter_terms(builders.source(), builders.target(), 0)
    adversarial.value.backward()
    for part in ("segmentation", "refined", "regression", "depth", "fusion", "backbone"):
        assert builders.gradients(getattr(method.segmenter, part)), part


def test_the_refined_segmentation_is_not_what_the_network_says() -> None:
    method = builders.method("ctrl")
    method.segmenter.eval()
    before = method.segmenter(builders.source().images).logits
    with torch.no_grad():
        for weight in [*method.segmenter.refined.parameters(), *method.segmenter.regression.parameters()]:
            weight.add_(1.0)
    assert torch.equal(method.segmenter(builders.source().images).logits, before)
