import dataclasses
import math
from typing import Any

import builders
import numpy as np
import oracles
import pytest
import torch
from torch import Tensor

from dadist.classes import IGNORE
from dadist.data.loader import Target
from dadist.methods.mixing import Mixed
from dadist.model.segmenter import Outputs, upsample

STILL = {"jitter_share": 0.0, "blur_share": 0.0}
FAR = 1000.0 / 65536  # the inverse depth of what is as far as a file can say, in the unit of the tests


def measured(batch: int = 2) -> Target:
    """A target with depth; a tenth of it is missing."""
    other = builders.source(batch, seed=9)
    return builders.target(batch)._replace(inverse_depth=other.inverse_depth + 0.1, valid=other.valid)


def names(target: Target, **hyperparameters: Any) -> Any:
    method = builders.method("corda", **hyperparameters)
    return builders.names_and_weights(method.segmenter_terms(builders.source(), target, 0))


def test_the_terms_and_their_weights() -> None:
    assert names(measured(), depth=0.25, target_depth=0.125) == [
        [("segmentation", 1.0), ("initial_segmentation", 1.0), ("depth", 0.25), ("initial_depth", 0.25)],
        [("mixed", 1.0), ("mixed_initial", 1.0), ("mixed_depth", 0.125), ("mixed_initial_depth", 0.125)],
    ]


def test_without_depth_of_the_target_it_has_fewer_terms_and_no_decoder_for_it() -> None:
    assert names(builders.target(), depth=0.0, target_depth=0.0) == [
        [("segmentation", 1.0), ("initial_segmentation", 1.0)],
        [("mixed", 1.0), ("mixed_initial", 1.0)],
    ]
    method = builders.method("corda", target_depth=0.0)
    assert method.segmenter.architecture.heads == ()
    assert set(method.segmenter.final) == {"segmentation", "source_depth"}
    assert builders.method("corda", target_depth=0.5).segmenter.architecture.heads == ("depth",)


@pytest.mark.usefixtures("float64")
def test_the_sources_depth_teaches_its_own_decoder_where_it_counts() -> None:
    method, source = builders.method("corda", target_depth=0.5), builders.source()
    far = torch.rand(source.valid.shape, generator=torch.Generator().manual_seed(3)) > 0.8
    source = source._replace(inverse_depth=source.inverse_depth.where(~far, FAR))
    assert (source.valid & far).any()
    outputs = method.segmenter(source.images)
    found = {term.name: term.value.item() for term in method.source_terms(outputs, source)}
    for name, of in (("depth", "source_depth"), ("initial_depth", "initial_source_depth")):
        depth = upsample(outputs.extra[of], (32, 64)).detach()
        valid = (source.valid & (source.inverse_depth > FAR)).numpy()
        expected = oracles.berhu(depth.numpy(), source.inverse_depth.numpy(), valid, 0.2)
        assert found[name] == pytest.approx(expected, rel=1e-9)
    kept = builders.method("corda", target_depth=0.5, far_depth="keep")
    assert torch.equal(kept.counts(source.inverse_depth, source.valid), source.valid)


def test_only_the_farthest_depth_of_a_file_is_left_out() -> None:
    method = builders.method("corda")
    centimetres = torch.tensor([65535.0, 65534.0, 65000.0, 0.0]).view(1, 1, 1, 4)
    counts = method.counts(1000.0 / (centimetres + 1), torch.ones(1, 1, 1, 4, dtype=torch.bool))
    assert counts.flatten().tolist() == [False, True, True, True]


class Certain(torch.nn.Module):
    """A teacher that is sure of every second column, of class 3, and undecided between 3 and 5 elsewhere."""

    def forward(self, images: Tensor) -> Outputs:
        logits = torch.zeros(len(images), builders.CLASSES, 4, 8)
        logits[:, 3] = 20.0
        logits[:, 5, :, ::2] = 19.0
        return Outputs(logits)


def test_the_teacher_labels_the_target_and_says_how_much_it_is_sure_of() -> None:
    method = builders.method("corda", target_depth=0.0)
    method.teacher = Certain()
    labels, confidence = method.pseudo_labels(builders.target().images)
    sure = method.sure(confidence)
    assert labels.shape == (2, 32, 64)
    assert (labels == 3).all()
    logits = oracles.upsample(Certain()(torch.empty(1, 3, 32, 64)).logits.numpy(), 32, 64)[0]
    shares = [max(np.exp(column) / np.exp(column).sum()) for column in logits[:, 0].T]
    assert sure.item() == pytest.approx(np.mean([share >= 0.968 for share in shares]))
    assert 0.2 < sure.item() < 0.9


def trust_of(pixel: tuple[int, ...], mixed: Mixed, sure: float, r: Any) -> float:
    """What a mixed pixel counts: 1 where it is pasted, else how sure the teacher is of all; times r over its mean."""
    b, y, x = pixel
    return (1.0 if mixed.pasted[b, 0, y, x] else sure) * r[b, 0, y, x] / r.mean()


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("target_depth", [0.0, 0.5])
def test_the_mixed_terms_equal_the_loop_over_pixels(target_depth: float) -> None:
    method = builders.method("corda", target_depth=target_depth, **STILL)
    source, target, sure = builders.source(), measured(), 0.375
    generator = torch.Generator().manual_seed(5)
    pasted = torch.rand(2, 1, 32, 64, generator=generator) > 0.5
    labels = torch.where(pasted[:, 0], source.labels, torch.randint(0, 7, (2, 32, 64), generator=generator))
    mixed = Mixed(torch.where(pasted, source.images, target.images), labels, pasted)
    outputs = method.segmenter(mixed.images)
    # Depths near the truth, so that they agree here and there.
    extra = {name: one + 2 * torch.rand(one.shape, generator=generator) for name, one in outputs.extra.items()}
    outputs = dataclasses.replace(outputs, depth=outputs.depth + 2, extra=extra)
    terms = {t.name: t.value.item() for t in method.mixed_terms(outputs, mixed, source, target, torch.tensor(sure))}

    full = {name: upsample(one, (32, 64)).detach().numpy() for name, one in outputs.extra.items()}
    own = upsample(outputs.depth, (32, 64)).detach().numpy()
    truth, valid, r = (np.ones((2, 1, 32, 64)) for _ in range(3))
    for b, c, y, x in np.ndindex(*r.shape):
        of = source if pasted[b, c, y, x] else target
        truth[b, c, y, x] = of.inverse_depth[b, c, y, x]
        valid[b, c, y, x] = of.valid[b, c, y, x] and of.inverse_depth[b, c, y, x] > FAR
        if target_depth and valid[b, c, y, x]:
            away = abs(full["source_depth"][b, c, y, x] - own[b, c, y, x]) / truth[b, c, y, x]
            r[b, c, y, x] = min(max(1 - away, 0) + 1e-3, 1)
    for name, logits in (("mixed", outputs.logits), ("mixed_initial", outputs.extra["initial_segmentation"])):
        scores, total = upsample(logits, (32, 64)).detach().numpy(), 0.0
        for b, y, x in np.ndindex(*labels.shape):
            if labels[b, y, x] != IGNORE:
                odds = np.exp(scores[b, :, y, x])
                total -= trust_of((b, y, x), mixed, sure, r) * math.log(odds[labels[b, y, x]] / odds.sum())
        assert terms[name] == pytest.approx(total / labels.numel(), rel=1e-9)
    if target_depth:
        assert 0.01 < r.mean() < 0.9
        decoders = {"mixed_depth": (own, "source_depth")}
        first = upsample(outputs.extra["initial_depth"], (32, 64)).detach().numpy()
        decoders["mixed_initial_depth"] = (first, "initial_source_depth")
        for name, (mine, sources) in decoders.items():
            joined = np.where(pasted.numpy(), full[sources], mine)
            assert terms[name] == pytest.approx(oracles.berhu(joined, truth, valid, 0.2), rel=1e-9)
    assert set(terms) == {"mixed", "mixed_initial"} | set(decoders if target_depth else {})


def test_the_weights_of_pixels_carry_no_gradient_to_the_depths() -> None:
    method = builders.method("corda", target_depth=0.5)
    _, (mixed, *_) = method.segmenter_terms(builders.source(), measured(), 0)
    mixed.value.backward()
    assert builders.gradients(method.segmenter.final["segmentation"])
    for name in ("source_depth", "depth"):
        assert builders.gradients(method.segmenter.final[name]) == []
    assert builders.gradients(method.segmenter.tasks["depth"])  # by what segmentation takes from them


def test_each_decoder_learns_from_the_pixels_of_its_own_domain() -> None:
    source, target = builders.source(), measured()
    for domain, silent, learning in ((1, "depth", "source_depth"), (0, "source_depth", "depth")):
        method = builders.method("corda", target_depth=0.5)
        mixed = Mixed(source.images, source.labels, torch.full((2, 1, 32, 64), bool(domain)))
        terms = method.mixed_terms(method.segmenter(mixed.images), mixed, source, target, torch.tensor(0.5))
        sum(term.value for term in terms[2:]).backward()
        for part in (method.segmenter.final, method.segmenter.initial):
            assert builders.gradients(part[silent]) == []
            assert builders.gradients(part[learning])


def test_the_teacher_normalises_with_its_own_batches_and_keeps_its_own_statistics() -> None:
    method = builders.method("corda", target_depth=0.0)
    method.segmenter.train()
    list(method.segmenter_terms(builders.source(), builders.target(), 0))
    assert method.teacher.training
    before = {name: value.clone() for name, value in method.teacher.named_buffers()}
    assert any(not torch.equal(value, dict(method.segmenter.named_buffers())[name]) for name, value in before.items())
    method.after_step(0)
    assert all(torch.equal(value, before[name]) for name, value in method.teacher.named_buffers())


@pytest.mark.parametrize("batch", [1, 3])
def test_batches_of_any_size_are_mixed(batch: int) -> None:
    method = builders.method("corda", target_depth=0.5)
    _, terms = method.segmenter_terms(builders.source(batch), measured(batch), 0)
    assert all(term.value.isfinite() for term in terms)


def test_mixed_images_are_jittered_and_blurred_by_seed_and_step_alone() -> None:
    def seen(step: int, **hyperparameters: Any) -> Tensor:
        method, found = builders.method("corda", target_depth=0.0, **hyperparameters), list[Tensor]()
        method.segmenter.register_forward_pre_hook(lambda _, inputs: found.extend(inputs))
        list(method.segmenter_terms(builders.source(), builders.target(), step))
        return found[1]

    every = {"jitter_share": 1.0, "blur_share": 1.0}
    assert torch.equal(seen(3, **every), seen(3, **every))
    assert not torch.equal(seen(3, **every), seen(4, **every))
    still, jittered, blurred = (
        seen(3, **STILL),
        seen(3, **{**STILL, "jitter_share": 1.0}),
        seen(3, **{**STILL, "blur_share": 1.0, "blur_least": 1.15}),
    )
    assert not torch.allclose(still, jittered, atol=1.0)
    assert blurred.diff(dim=-1).abs().mean() < 0.5 * still.diff(dim=-1).abs().mean()
    assert min(jittered.min(), blurred.min()) >= 0
    assert max(jittered.max(), blurred.max()) <= 255 + 1e-3
