import builders
import numpy as np
import oracles
import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from dadist.classes import IGNORE
from dadist.losses.adversarial import SOURCE, TARGET, domain_loss
from dadist.model.segmenter import batch_norms, upsample

KINDS = 5  # of builders.patches


def test_the_terms_and_their_weights() -> None:
    method = builders.method("adaptpatch", kinds=0.7, adversarial_patch=0.4, adversarial=0.3)
    assert builders.names_and_weights(method.segmenter_terms(builders.source(), builders.target(), 0)) == [
        [("segmentation", 1.0), ("kinds", 0.7)],
        [("adversarial_patch", 0.4), ("adversarial", 0.3)],
    ]
    assert builders.names_and_weights(method.critic_terms()) == [
        [(f"critic{which}_{domain}", 0.5)] for domain in ("source", "target") for which in ("_patch", "")
    ]


def test_a_weight_of_0_takes_its_term_out() -> None:
    terms = builders.method("adaptpatch", kinds=0.0, adversarial_patch=0.0).segmenter_terms(
        builders.source(), builders.target(), 0
    )
    assert [[name for name, _ in one] for one in builders.names_and_weights(terms)] == [
        ["segmentation"],
        ["adversarial"],
    ]


def test_the_kinds_are_those_of_the_label_patches_by_the_loop() -> None:
    method, source, patches = builders.method("adaptpatch"), builders.source(), builders.patches()
    source.labels[0, :16, :16] = IGNORE  # a patch without any label
    outputs = method.outputs(source.images, SOURCE, 0)
    term = next(term for term in method.source_terms(outputs, source) if term.name == "kinds")
    logits, costs = outputs.extra["kinds"], []
    assert logits.shape == (2, KINDS, 2, 4)
    for image, down, across in np.ndindex(2, 2, 4):
        descriptor = oracles.patch_descriptor(source.labels[image].numpy(), builders.CLASSES, (4, 2), (across, down))
        kind = oracles.nearest_centroid(descriptor, patches.centroids, patches.members)
        if kind != IGNORE:
            costs.append(-F.log_softmax(logits[image, :, down, across], 0)[kind])
    assert len(costs) == 2 * 2 * 4 - 1
    assert_close(term.value, torch.stack(costs).mean())


def test_the_critics_see_the_softmax_and_the_kinds_of_each_domains_own_patches() -> None:
    method, images = builders.method("adaptpatch"), builders.source().images
    method.segmenter.eval()
    for domain, (across, down) in ((SOURCE, (4, 2)), (TARGET, (4, 4))):
        features = method.features(method.outputs(images, domain, 0), (32, 64))
        probabilities = upsample(method.segmenter(images).logits, (32, 64)).softmax(1)
        assert_close(features["adversarial"], probabilities)
        means = F.adaptive_avg_pool2d(probabilities, (down, across))
        assert_close(features["adversarial_patch"], method.companions["patch_head"](means).softmax(1))


def test_the_patch_head_has_two_convolutions_of_one_pixel() -> None:
    first, _, second = builders.method("adaptpatch", head_width=9).companions["patch_head"]
    assert first.weight.shape == (9, builders.CLASSES, 1, 1)
    assert second.weight.shape == (KINDS, 9, 1, 1)


@pytest.mark.parametrize("name", ["kinds", "adversarial_patch"])
def test_the_terms_of_patches_reach_the_network_and_the_head(name: str) -> None:
    method = builders.method("adaptpatch")
    method.critics.requires_grad_(False)
    terms = {
        one.name: one for terms in method.segmenter_terms(builders.source(), builders.target(), 0) for one in terms
    }
    terms[name].value.backward()
    assert builders.gradients(method.segmenter.backbone)
    assert builders.gradients(method.segmenter.segmentation)
    assert len(builders.gradients(method.companions)) == 4
    assert not builders.gradients(method.critics)


def test_both_critics_play_by_cross_entropy() -> None:
    method = builders.method("adaptpatch")
    _, on_target = method.segmenter_terms(builders.source(), builders.target(), 0)
    for term in on_target:
        answers = method.critics[term.name](method.seen[term.name, TARGET])
        assert_close(term.value, domain_loss(answers, SOURCE))


def test_the_first_steps_see_the_source_alone_and_train_nothing_but_the_segmentation() -> None:
    method = builders.method("adaptpatch", source_only=3)
    norm = batch_norms(method.segmenter)[0]
    found = []
    for step in (2, 3):
        norm.reset_running_stats()
        passes = builders.names_and_weights(method.segmenter_terms(builders.source(), builders.target(), step))
        found.append((len(passes), len(passes[0]), norm.num_batches_tracked.item(), len(list(method.critic_terms()))))
    assert found == [(1, 1, 1, 0), (2, 2, 2, 4)]


def test_patches_are_asked_for() -> None:
    kind = type(builders.method("adaptpatch"))
    with pytest.raises(ValueError, match="adaptpatch: expected patches, got none; cluster_patches makes them"):
        kind(builders.segmenter(), builders.hyperparameters("adaptpatch"), builders.context(artefacts={}))
