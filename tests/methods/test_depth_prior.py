"""depth_prior: labels that are fused or doubted, and what is pasted where, against loops over cells and pixels."""

import math
from dataclasses import replace
from typing import Any

import builders
import numpy as np
import oracles
import pytest
import torch
from torch import Tensor

from dadist.classes import IGNORE
from dadist.data.loader import Source, Target

SIZE = (builders.HEIGHT, builders.WIDTH)
STILL = {
    "jitter_share": 0.0,
    "blur_share": 0.0,
    "masked": 0.0,
    "feature_distance": 0.0,
    "rare_classes": None,
    "trust": "batch",
}
PRIOR = builders.DEMO.objectives["depth_prior"].prior  # type: ignore[attr-defined]


def method(*, use: str = "labels", depth: float = 1.0, place: float = 0.5, paste: float = 0.0, **changes: Any) -> Any:
    prior = replace(PRIOR, use=use, depth=depth, place=place)
    return builders.method("depth_prior", prior=prior, paste=paste, **{**STILL, **changes})


def measured() -> Target:
    """A target with depth but in one corner, whose first image is mirrored."""
    depth = torch.randint(40, 400, (2, *SIZE), generator=torch.Generator().manual_seed(8)).double()
    depth[:, :9, :9] = 0
    return builders.target()._replace(depth=depth, mirrored=torch.tensor([True, False]))


def z_of(target: Target) -> np.ndarray[Any, Any]:
    """Inverse depth at the centres of the cells of 8x8 pixels, of the street as it is; 0: none."""
    assert target.depth is not None
    z = np.zeros((2, 1, 4, 8))
    for b, y, x in np.ndindex(2, 4, 8):
        column = 63 - (8 * x + 4) if target.mirrored[b] else 8 * x + 4
        depth = float(target.depth[b, 8 * y + 4, column])
        z[b, 0, y, x] = 1000 / (depth + 1) if depth else 0
    return z


def fused_by_loops(one: Any, target: Target) -> np.ndarray[Any, Any]:
    """Log-probabilities at the size of the image, of teacher and prior."""
    with torch.no_grad():
        logits = one.teacher(target.images).logits.numpy()
    mirrored = target.mirrored.numpy()
    street = np.where(mirrored[:, None, None, None], logits[..., ::-1], logits)
    prior = one.hyperparameters.prior
    found = oracles.fused(builders.mixtures(), street, z_of(target), prior, (0.1, 0.1))
    return oracles.upsample(np.where(mirrored[:, None, None, None], found[..., ::-1], found), *SIZE)


def odds(maps: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    shares: np.ndarray[Any, Any] = np.exp(maps) / np.exp(maps).sum(1, keepdims=True)
    return shares


@pytest.mark.usefixtures("float64")
def test_the_teacher_s_labels_are_those_of_the_fused_posterior() -> None:
    one, target = method(confidence=0.3), measured()
    labels, trust, confidence = one.teach(target)
    expected = odds(fused_by_loops(one, target))
    np.testing.assert_allclose(confidence, expected.max(1), rtol=1e-6)
    np.testing.assert_array_equal(labels, expected.argmax(1))
    sure = (expected.max(1) >= 0.3).mean()
    assert 0.05 < sure < 1
    np.testing.assert_allclose(trust, np.full((2, *SIZE), sure))
    alone = one.pseudo_labels(target.images)[0]
    assert 0.1 < (labels != alone).double().mean() < 0.99


@pytest.mark.usefixtures("float64")
def test_doubt_keeps_the_teacher_s_labels_and_weighs_each_by_what_the_prior_leaves_of_it() -> None:
    one, target = method(use="doubt", confidence=0.2), measured()
    inside = torch.ones(2, *SIZE, dtype=torch.bool)
    inside[:, :4] = False
    labels, trust, _ = one.teach(target._replace(trusted=inside))
    own, confidence = one.pseudo_labels(target.images)
    sure = one.sure(confidence)
    assert torch.equal(labels, own)
    with torch.no_grad():
        alone = odds(oracles.upsample(one.teacher(target.images).logits.numpy(), *SIZE))
    checked, kept = odds(fused_by_loops(one, target)), []
    for b, y, x in np.ndindex(2, *SIZE):
        label = int(own[b, y, x])
        kept.append(min(checked[b, label, y, x] / alone[b, label, y, x], 1.0))
        assert float(trust[b, y, x]) == pytest.approx(0.0 if y < 4 else float(sure) * kept[-1], rel=1e-6)
    assert min(kept) < 0.9
    assert max(kept) == 1


def test_doubt_by_hand() -> None:
    # The teacher gives 3 : 1 to two classes that stand alike; the measured depth gives 1 : e^2 back.
    one, target = method(use="doubt", place=0.0, confidence=0.5), measured()
    logits = torch.full((2, 7, 4, 8), -1e9)
    logits[:, 0], logits[:, 1] = math.log(3), 0.0
    fused = logits.clone()
    fused[:, 1] += 2
    one.teacher = lambda images: type("Said", (), {"logits": logits})
    one.fused = lambda said, target: fused
    labels, trust, _ = one.teach(target)
    assert (labels == 0).all()
    left = 3 / (3 + math.e**2) / (3 / 4)
    assert trust.flatten().tolist() == pytest.approx([left] * trust.numel(), rel=1e-5)


@pytest.mark.usefixtures("float64")
def test_a_class_is_pasted_where_the_target_s_depth_is_usual_for_it() -> None:
    one, target, source = method(depth=0.0, place=0.0, paste=0.3), measured(), builders.source()
    may = one.pasted_where(source, target)
    z, mixtures, pasted = z_of(target), builders.mixtures(), []
    for b, y, x in np.ndindex(2, *SIZE):
        label, cell = int(source.labels[b, y, x]), x // 8
        column = 7 - cell if target.mirrored[b] else cell
        depth = z[b, 0, y // 8, column]
        expected = True
        if label != IGNORE and depth > 0:
            usual = oracles.place_and_depth(mixtures, label, column, y // 8, depth, (0.1, 0.1))[1]
            expected = usual >= float(one.least[label])
        assert bool(may[b, 0, y, x]) == expected
        pasted.append(expected)
    assert 0.1 < np.mean(pasted) < 0.9


def test_nothing_is_filtered_without_depth_or_without_asking() -> None:
    source = builders.source()
    assert method(paste=0.0).pasted_where(source, measured()) is None
    assert method(paste=0.3).pasted_where(source, builders.target()) is None


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("use", ["labels", "doubt"])
def test_one_whole_iteration_equals_loops(use: str) -> None:
    one, target, source, step = method(use=use, paste=0.3, confidence=0.3), measured(), _blocks(), 3
    seen, said = list[Tensor](), list[Tensor]()
    one.segmenter.register_forward_pre_hook(lambda _, images: seen.extend(images))
    one.segmenter.register_forward_hook(lambda _, __, outputs: said.append(outputs.logits))
    labels, trust, _ = one.teach(target)  # held to loops above
    may = one.pasted_where(source, target)
    terms = {term.name: term.value.item() for many in one.segmenter_terms(source, target, step) for term in many}
    assert set(terms) == {"segmentation", "mixed"}
    random, present = np.random.default_rng((4, 2, step)), np.unique(source.labels)
    maps, total = oracles.upsample(said[1].detach().numpy(), *SIZE), 0.0
    kept_out = 0
    for b in range(2):
        drawn = present[random.permutation(len(present))[: (len(present) + 1) // 2]]
        for y, x in np.ndindex(*SIZE):
            own = int(source.labels[b, y, x])
            pasted = own in drawn and bool(may[b, 0, y, x])
            kept_out += own in drawn and not pasted
            torch.testing.assert_close(seen[1][b, :, y, x], (source if pasted else target).images[b, :, y, x])
            label, weight = (own, 1.0) if pasted else (int(labels[b, y, x]), float(trust[b, y, x]))
            if label != IGNORE:
                total -= weight * math.log(odds(maps[b : b + 1])[0, label, y, x])
    assert kept_out > 20
    assert terms["mixed"] == pytest.approx(total / labels.numel(), rel=1e-9)


def _blocks() -> Source:
    """A source with large regions."""
    labels = torch.arange(7).repeat_interleave(10)[:64].expand(2, 32, 64).clone()
    labels[:, :3] = IGNORE
    return builders.source()._replace(labels=labels)


def test_with_weights_of_0_it_is_dacs() -> None:
    found = []
    for one in (method(depth=0.0, place=0.0), builders.method("dacs", jitter_share=0.0, blur_share=0.0)):
        passes = one.segmenter_terms(builders.source(), measured(), 2)
        found.append([(term.name, term.value.item(), term.weight) for terms in passes for term in terms])
    assert found[0] == found[1]
