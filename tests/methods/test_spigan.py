from typing import Any

import builders
import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from dadist.data.loader import Source, Target
from dadist.losses.adversarial import SOURCE, TARGET
from dadist.model.precision import computing_in
from dadist.model.segmenter import batch_norms, upsample
from dadist.training.loop import called

WEIGHTS = {"realism": 0.9, "task": 0.8, "privileged": 0.7, "perceptual": 0.6}


def tiny(**changes: float) -> Any:
    return builders.method("spigan", **{"translator_width": 2, "translator_blocks": 1, **changes})


def test_the_terms_and_their_weights() -> None:
    method = tiny(**WEIGHTS)
    assert builders.names_and_weights(method.segmenter_terms(builders.source(), builders.target(), 0)) == [
        [("segmentation", 0.8)],
        [("privileged", 0.7)],
        [("segmentation_translated", 0.8)],
        [("privileged_translated", 0.7)],
        [("perceptual", 0.6)],
        [("adversarial", 0.9)],
    ]
    assert builders.names_and_weights(method.critic_terms()) == [[("critic_source", 1.0)], [("critic_target", 1.0)]]


def test_without_privileged_information_and_likeness_there_are_neither_terms_nor_networks() -> None:
    method = tiny(privileged=0.0, perceptual=0.0)
    names = [name for one in method.segmenter_terms(builders.source(), builders.target(), 0) for name, *_ in one]
    assert names == ["segmentation", "segmentation_translated", "adversarial"]
    assert list(method.companions) == ["translator"]
    assert set(method.networks()) == {"segmenter", "companions", "critics"}


def test_without_a_game_no_translation_is_asked_for() -> None:
    with pytest.raises(ValueError, match=r"spigan\.realism: expected more than 0, got 0\.0"):
        tiny(realism=0.0)


def test_the_networks_beside_the_segmenter_have_rates_and_betas_of_their_own() -> None:
    method = tiny(companion_lr=0.25, critic_lr=0.125, beta=0.75)
    assert (method.companion_lr, method.critic_lr, method.betas) == (0.25, 0.125, (0.75, 0.999))


class Mean(nn.Module):
    """A critic that answers with the mean of an image of -1 to 1."""

    def forward(self, images: Tensor) -> Tensor:
        return images.mean((1, 2, 3), keepdim=True)


def test_the_game_is_of_least_squares_over_images_in_the_unit_range(monkeypatch: pytest.MonkeyPatch) -> None:
    method = tiny()
    method.critics["adversarial"] = Mean()
    translator = method.companions["translator"]
    monkeypatch.setattr(translator, "forward", lambda images: 0 * translator.layers[0].weight.sum() + 0.25 + 0 * images)
    target = Target(torch.full((2, 3, 32, 64), 255 * 0.75), None, torch.zeros(2, dtype=torch.bool))  # 0.5 of -1 to 1
    terms = {term.name: term for one in method.segmenter_terms(builders.source(), target, 0) for term in one}
    terms |= {term.name: term for one in method.critic_terms() for term in one}
    assert_close(
        terms["adversarial"].value, torch.tensor((0.25 - 1) ** 2)
    )  # the translation is to be taken for a target
    assert_close(terms["critic_source"].value, torch.tensor(0.25**2))
    assert_close(terms["critic_target"].value, torch.tensor((0.5 - 1) ** 2))


@pytest.mark.usefixtures("float64")
def test_the_translator_gathers_the_gradients_of_every_network_that_sees_its_images() -> None:
    """Pass by pass, or all terms of the translation in one go as the formula has it."""
    source, target, gradients = builders.source(), builders.target(), []
    for together in (False, True):
        method = tiny(**WEIGHTS)
        method.critics.requires_grad_(False)
        translator = method.companions["translator"]
        if together:
            translated = (translator(source.images / 127.5 - 1) + 1) * 127.5
            labelled = method.labelled(method.segmenter(translated).logits, source.labels)
            depth = upsample(method.companions["privileged"](translated), (32, 64))
            off = (depth - (source.inverse_depth / 10).clamp_max(1)).abs()[source.valid].mean()
            before, after = method.perception(source.images), method.perception(translated)
            unlike = sum((before[layer] - after[layer]).abs().mean() for layer in ("middle", "last"))
            unreal = (method.critics["adversarial"](translated / 127.5 - 1) - 1).square().mean()
            (0.8 * labelled + 0.7 * off + 0.6 * unlike + 0.9 * unreal).backward()
        else:
            builders.backward(method.segmenter_terms(source, target, 0))
        gradients.append([weight.grad.clone() for weight in translator.parameters()])
    assert len([one for one in gradients[0] if one.any()]) == len(gradients[0])
    largest = max(float(expected.abs().max()) for expected in gradients[1])
    for found, expected in zip(*gradients, strict=True):
        assert_close(found, expected, rtol=0, atol=1e-9 * largest)


@pytest.mark.parametrize("weight", ["task", "privileged", "perceptual", "realism"])
def test_each_network_moves_the_translator(weight: str) -> None:
    # A weight next to nothing: without it the term, or the adversarial loss, would not be there.
    method = tiny(**{name: 1.0 if name == weight else 1e-30 for name in WEIGHTS})
    method.critics.requires_grad_(False)
    builders.backward(method.segmenter_terms(builders.source(), builders.target(), 0))
    largest = max(float(one.abs().max()) for one in builders.gradients(method.companions["translator"]))
    assert largest > 1e-9


def test_segmenter_and_privileged_network_learn_and_critic_and_frozen_network_do_not() -> None:
    method = tiny()
    method.critics.requires_grad_(False)
    builders.backward(method.segmenter_terms(builders.source(), builders.target(), 0))
    assert builders.gradients(method.segmenter.backbone)
    assert builders.gradients(method.companions["privileged"].trunk)
    assert builders.gradients(method.companions["privileged"].head)
    assert not builders.gradients(method.critics)
    assert not builders.gradients(method.perception)


def test_the_privileged_network_is_compared_with_scaled_depth_that_is_1_at_most() -> None:
    method, source = tiny(depth_scale=2.0), builders.source()
    method.companions["privileged"].eval()
    term = next(
        term
        for terms in method.segmenter_terms(source, builders.target(), 0)
        for term in terms
        if term.name == "privileged"
    )
    depth = upsample(method.companions["privileged"](source.images), (32, 64))
    expected = torch.where(source.inverse_depth > 2, 1.0, source.inverse_depth / 2)
    assert_close(term.value, (depth - expected).abs()[source.valid].mean())


def seen(method: Any, source: Source, target: Target) -> dict[str, Tensor]:
    """The state of all networks but the critic after a step's passes."""
    builders.backward(method.segmenter_terms(source, target, 0))
    networks = {name: one for name, one in method.networks().items() if name != "critics"}
    return {
        f"{part}.{name}": value.clone() for part, one in networks.items() for name, value in one.state_dict().items()
    }


def test_target_images_go_to_the_critic_and_nowhere_else() -> None:
    found, told = [], []
    for seed in (2, 3):
        method, target = tiny(), builders.target(seed=seed)
        found.append(seen(method, builders.source(), target))
        found[-1] |= {f"gradient {i}": one for i, one in enumerate(builders.gradients(method.segmenter))}
        told.append(method.seen)
        assert_close(method.seen[TARGET], target.images / 127.5 - 1)
        assert batch_norms(method.segmenter)[0].num_batches_tracked == 2  # an image, and its translation
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(value, found[1][name]) for name, value in found[0].items())
    assert torch.equal(told[0][SOURCE], told[1][SOURCE])


def test_the_frozen_network_is_the_one_that_the_training_starts_from_and_is_saved() -> None:
    method = tiny()
    start = {name: value.clone() for name, value in method.segmenter.backbone.state_dict().items()}
    method.segmenter.train()
    builders.backward(method.segmenter_terms(builders.source(), builders.target(), 0))
    frozen = method.networks()["perception"].backbone.state_dict()
    assert all(torch.equal(value, frozen[name]) for name, value in start.items())  # its statistics, too


def test_the_frozen_network_computes_in_the_precision_of_the_others() -> None:
    method, dtypes = tiny(), []
    method.perception.backbone.stem[0].register_forward_hook(lambda *found: dtypes.append(found[-1].dtype))
    with computing_in("bfloat16", called(method)):
        for terms in method.segmenter_terms(builders.source(), builders.target(), 0):
            assert all(term.value.dtype == torch.float32 for term in terms)
    assert dtypes == [torch.bfloat16] * 2
