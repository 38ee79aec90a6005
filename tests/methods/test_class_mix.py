import builders
import numpy as np
import oracles
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from dadist.classes import IGNORE
from dadist.config.training_sections import Jitter
from dadist.data.loader import Source, Target
from dadist.model.segmenter import upsample

STILL = Jitter(0.0, 0.0, 0.0, 0.0)


def dark_and_bright() -> tuple[Source, Target]:
    """A source of darkness and a target of light, so that each pixel of a mixture tells where it is from."""
    source, target = builders.source(), builders.target(labels=True)
    return source._replace(images=source.images / 5), target._replace(images=204 + target.images / 5)


def mixed(step: int = 0, jitter: Jitter = STILL) -> tuple[Tensor, Tensor, float]:
    """The mixed images that the network sees, its logits, and the value of the term."""
    method = builders.method("class_mix", jitter=jitter)
    method.segmenter.eval()
    seen: list[Tensor] = []
    method.segmenter.register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    _, (term,) = method.segmenter_terms(*dark_and_bright(), step)
    logits = upsample(method.segmenter(seen[1]).logits, (32, 64)).detach()
    return seen[1], logits, term.value.item()


def test_the_terms_and_their_weights() -> None:
    terms = builders.method("class_mix").segmenter_terms(*dark_and_bright(), 0)
    assert builders.names_and_weights(terms) == [[("segmentation", 1.0)], [("mixed", 1.0)]]


def test_half_of_the_sources_classes_are_pasted_on_the_target() -> None:
    source, target = dark_and_bright()
    images, _, _ = mixed()
    pasted = (images < 128).all(1)  # (B, H, W)
    for b in range(2):
        classes = set(source.labels[b].unique().tolist())
        whole = {c for c in classes if pasted[b][source.labels[b] == c].all()}
        absent = {c for c in classes if not pasted[b][source.labels[b] == c].any()}
        assert len(classes) == 8  # 7 and the ignored one
        assert (len(whole), len(absent)) == (4, 4)
    assert_close(images, torch.where(pasted[:, None], source.images, target.images))


@pytest.mark.usefixtures("float64")
def test_mixed_labels_are_the_sources_where_it_is_pasted_and_else_the_pseudo_labels() -> None:
    source, target = dark_and_bright()
    images, logits, value = mixed()
    assert target.labels is not None
    labels = torch.where((images < 128).all(1), source.labels, target.labels)
    expected = oracles.cross_entropy(logits.numpy(), labels.numpy(), IGNORE, np.ones(builders.CLASSES))
    assert value == pytest.approx(expected, rel=1e-9)


def test_the_mixture_is_a_function_of_seed_and_step_alone() -> None:
    jitter = builders.DEMO.selftrain.training.jitter
    torch.manual_seed(1)
    first, _, _ = mixed(3, jitter)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    again, _, _ = mixed(3, jitter)
    assert torch.equal(first, again)
    assert not torch.equal(first, mixed(4, jitter)[0])
    torch.set_rng_state(state)


@pytest.mark.parametrize("name", ["plain", "class_mix"])
def test_rounds_train_a_network_of_two_resolutions(name: str) -> None:
    method = builders.method(name)
    network = builders.segmenter(layout="two_resolutions")
    method = type(method)(network, method.hyperparameters, method.context)
    builders.backward(method.segmenter_terms(*dark_and_bright(), 0))
    assert all(builders.gradients(part) for part in (network.backbone, network.segmentation, network.attention))
    assert method.result().architecture == network.architecture


def test_mixing_leaves_the_global_random_state_alone() -> None:
    method = builders.method("class_mix")
    state = torch.get_rng_state()
    list(method.segmenter_terms(*dark_and_bright(), 0))
    assert torch.equal(torch.get_rng_state(), state)


def test_jitter_changes_colours_and_keeps_their_range() -> None:
    still, jittered = mixed()[0], mixed(jitter=Jitter(0.5, 0.5, 0.5, 0.1))[0]
    assert not torch.allclose(still, jittered, atol=1.0)
    assert jittered.min() >= 0
    assert jittered.max() <= 255


def test_the_average_of_hand_worked_weights() -> None:
    method = builders.method("class_mix", teacher=0.9)
    with torch.no_grad():
        for weight in method.teacher.parameters():
            weight.fill_(0.0)
        for weight in method.segmenter.parameters():
            weight.fill_(1.0)
    for step, expected in ((0, 1 / 2), (1, 2 / 3), (100, 0.7)):  # keeps 1/2, 2/3, and from step 9 on 0.9
        method.after_step(step)
        for weight in method.result().parameters():
            assert_close(weight, torch.full_like(weight, expected))
    assert all((weight == 1).all() for weight in method.segmenter.parameters())


def test_the_average_has_the_statistics_of_the_trained_network() -> None:
    method = builders.method("class_mix", teacher=0.9)
    method.segmenter.train()
    list(method.segmenter_terms(*dark_and_bright(), 0))  # moves the running statistics
    before = method.teacher.backbone.stem[1].running_mean.clone()
    method.after_step(0)
    assert not torch.equal(method.teacher.backbone.stem[1].running_mean, before)
    for mine, new in zip(method.teacher.buffers(), method.segmenter.buffers(), strict=True):
        assert torch.equal(mine, new)


def test_a_share_of_0_keeps_the_trained_network_itself() -> None:
    method = builders.method("class_mix", teacher=0.0)
    with torch.no_grad():
        for value in method.segmenter.parameters():
            value.add_(0.5)
    method.after_step(7)
    mine, new = method.result().state_dict(), method.segmenter.state_dict()
    assert all(torch.equal(mine[name], new[name]) for name in new)
    assert method.result() is not method.segmenter


def test_no_gradient_reaches_the_average() -> None:
    method = builders.method("class_mix")
    for terms in method.segmenter_terms(*dark_and_bright(), 0):
        terms[0].value.backward()
    assert builders.gradients(method.segmenter)
    assert builders.gradients(method.teacher) == []
