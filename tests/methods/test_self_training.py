"""dacs, daformer, mic and ecap: their terms against loops over pixels, and what teacher and student may do."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import builders
import numpy as np
import oracles
import pytest
import torch
from torch import Tensor

from dadist.classes import IGNORE
from dadist.data.loader import Source, Target
from dadist.methods.self_training import _odd
from dadist.model.segmenter import Outputs

NAMES = ("dacs", "daformer", "mic", "ecap", "vfm_uda")
STILL = {"jitter_share": 0.0, "blur_share": 0.0}
SIZE = (32, 64)


def marked(*, top: int = 0, left: int = 0) -> Target:
    """A target whose first rows and columns are not to be trusted."""
    trusted = torch.ones(2, *SIZE, dtype=torch.bool)
    trusted[:, :top] = False
    trusted[:, :, :left] = False
    return builders.target()._replace(trusted=trusted)


def blocks(first: int = 0, width: int = 10) -> Source:
    """A source with large regions: cells that one class fills."""
    labels = (torch.arange(first, first + 7) % 7).repeat_interleave(width)[:64].expand(2, 32, 64).clone()
    labels[1] = labels[1].flip(-1)
    labels[:, :3] = IGNORE
    return builders.source()._replace(labels=labels)


def test_the_terms_of_each_and_their_weights() -> None:
    def terms(name: str, **changes: Any) -> Any:
        method = builders.method(name, **changes)
        return builders.names_and_weights(method.segmenter_terms(builders.source(), builders.target(), 0))

    assert terms("dacs") == [[("segmentation", 1.0)], [("mixed", 1.0)]]
    distance = ("feature_distance", 0.25)
    assert terms("daformer", feature_distance=0.25) == [[("segmentation", 1.0), distance], [("mixed", 1.0)]]
    assert terms("daformer", feature_distance=0.0) == terms("dacs")
    assert terms("mic", feature_distance=0.25, masked=0.5) == [
        [("segmentation", 1.0), distance],
        [("mixed", 1.0)],
        [("masked", 0.5)],
    ]


class Certain(torch.nn.Module):
    """A teacher that is sure of the upper half, of class 3, and undecided between 3 and 5 below."""

    def forward(self, images: Tensor) -> Outputs:
        logits = torch.zeros(len(images), builders.CLASSES, 4, 8)
        logits[:, 3] = 20.0
        logits[:, 5, 2:] = 19.0
        return Outputs(logits)


def test_labels_count_by_the_share_that_is_sure_and_not_at_all_in_margins() -> None:
    method = builders.method("dacs")
    method.teacher = Certain()
    labels, trust, confidence = method.teach(marked(top=5, left=7))
    assert (labels == 3).all()
    maps = oracles.upsample(Certain()(torch.empty(1, 3, *SIZE)).logits.numpy(), *SIZE)[0]
    sure = np.mean([max(np.exp(column) / np.exp(column).sum()) >= 0.968 for column in maps[:, :, 0].T])
    assert 0.3 < sure < 0.7
    assert (confidence >= 0.968).double().mean().item() == pytest.approx(sure)
    assert (trust[:, :5] == 0).all()
    assert (trust[:, :, :7] == 0).all()
    assert trust[:, 5:, 7:].numpy() == pytest.approx(sure)  # margins are left out of what counts, not of the share
    assert torch.equal(method.teach(builders.target()).trust, torch.full((2, *SIZE), trust[0, -1, -1]))


def test_labels_of_sure_pixels_count_alone_where_that_is_asked_for() -> None:
    method = builders.method("dacs", trust="pixels")
    method.teacher = Certain()
    _, trust, confidence = method.teach(marked(top=5))
    assert set(trust.flatten().tolist()) == {0.0, 1.0}
    assert (trust[:, :5] == 0).all()
    assert torch.equal(trust[:, 5:] > 0, confidence[:, 5:] >= 0.968)


def loop(logits: Tensor, labels: Tensor, trust: Tensor) -> float:
    """Mean over all pixels of trust times cross-entropy."""
    maps, total = oracles.upsample(logits.detach().numpy(), *labels.shape[1:]), 0.0
    for b, y, x in np.ndindex(*labels.shape):
        if labels[b, y, x] != IGNORE:
            odds = np.exp(maps[b, :, y, x])
            total -= float(trust[b, y, x]) * math.log(odds[labels[b, y, x]] / odds.sum())
    return total / labels.numel()


def composite(method: Any, source: Source, target: Target, labels: Tensor, odds: Any, step: int) -> Source:
    """The source with objects of the target's images on it, of whose every class one of two is drawn."""
    images, ids, keys = source.images.clone(), source.labels.clone(), method.hyperparameters
    masks = {(b, c): ((labels[b] == c) & target.trusted[b]).numpy() for b, c in np.ndindex(2, builders.CLASSES)}
    sure = {key: odds[key[0]].max(0)[mask].mean() for key, mask in masks.items() if mask.any()}
    surest = [sorted((b for b in range(2) if (b, c) in sure), key=lambda b: -sure[b, c]) for c in range(7)]
    means = [np.mean([sure[b, c] for b in members]) if members else 0.0 for c, members in enumerate(surest)]
    assert 0 < sum(mean > keys.bank_least for mean in means) < 7
    chance = keys.objects / (1 + math.exp(-(np.mean(means) - keys.sure_from) / keys.sure_width)) / 7
    assert 0.2 < chance < 0.8
    random = np.random.default_rng((4, 8, step))
    order, draws = random.permuted(np.tile(np.arange(7), (2, 1)), axis=1), random.random((2, 7, 6))
    for b, place in np.ndindex(2, 7):
        c = order[b, place]
        whether, member, scale, down, across, mirror = draws[b, c]
        if whether < chance and means[c] > keys.bank_least:
            of, scale = surest[c][int(member * len(surest[c]))], keys.object_least + (1 - keys.object_least) * scale
            for (y, x), (row, column) in oracles.elsewhere(masks[of, c], scale, (down, across), mirror < 0.5).items():
                images[b, :, y, x], ids[b, y, x] = target.images[of, :, row, column], c
    assert (ids != source.labels).any(-1).any(-1).all()
    return source._replace(images=images, labels=ids)


def labelled(logits: Tensor, labels: Tensor) -> float:
    """Mean over the labelled pixels of cross-entropy."""
    maps = oracles.upsample(logits.detach().numpy(), *labels.shape[1:])
    return oracles.cross_entropy(maps, labels.numpy(), IGNORE, np.ones(7))


def blended(loss: Callable[..., float], outputs: Outputs, *maps: Tensor) -> float:
    """Of one resolution the loss; of two a quarter of it is the detail's, as DETAIL has it."""
    if outputs.crop is None:
        return loss(outputs.logits, *maps)
    top, left, height, width = outputs.crop
    parts = [one[:, top : top + height, left : left + width] for one in maps]
    return 0.75 * loss(outputs.logits, *maps) + 0.25 * loss(outputs.extra["detail"], *parts)


DETAIL = {"detail": 0.25}
BANK = {"bank": 2, "bank_least": 0.21, "objects": 4.0, "sure_from": 0.15, "sure_width": 0.1, "object_least": 0.5}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(("name", "keys"), [("daformer", {}), ("mic", {}), ("mic", DETAIL), ("ecap", BANK)])
def test_one_whole_iteration_equals_loops(name: str, keys: dict[str, float]) -> None:
    method = builders.method(name, confidence=0.3, **STILL, **keys)
    with torch.no_grad():  # as after some steps
        for module in (method.teacher, method.segmenter):
            for weight in module.parameters():
                weight.add_(0.02 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel())))
    source, target, step, seed = blocks(*(4, 20) if keys == DETAIL else ()), marked(top=4, left=9), 3, 4
    target = target._replace(images=target.images.floor())  # as they come: whole numbers
    seen, said, features = list[Tensor](), list[Outputs](), list[Tensor]()
    method.segmenter.register_forward_pre_hook(lambda _, images: seen.extend(images))
    method.segmenter.register_forward_hook(lambda _, __, outputs: said.append(outputs))
    method.segmenter.backbone.register_forward_hook(lambda _, __, outputs: features.append(outputs[-1]))
    terms = {one.name: one.value.item() for many in method.segmenter_terms(source, target, step) for one in many}

    expected = {"segmentation": blended(labelled, said[0], source.labels)}
    sees, side = source.images, 8
    if keys == DETAIL:  # the features are those of the context, the last of a forward
        assert all(outputs.crop for outputs in said)
        sees, side, features = sees.view(2, 3, 16, 2, 32, 2).mean((3, 5)), 16, features[1:]
    before, inside, total = method.start(sees)["last"].numpy(), 0, 0.0
    for b, y, x in np.ndindex(2, 32 // side, 64 // side):
        cell = source.labels[b, side * y : side * (y + 1), side * x : side * (x + 1)]
        if any((cell == thing).float().mean() >= 0.75 for thing in (5, 6)):  # human and vehicle
            inside += 1
            total += math.sqrt(((features[0][b, :, y, x].detach().numpy() - before[b, :, y, x]) ** 2).sum())
    assert inside > 3
    expected["feature_distance"] = total / inside

    with torch.no_grad():
        maps = oracles.upsample(method.teacher(target.images).logits.numpy(), *SIZE)
    odds = np.exp(maps) / np.exp(maps).sum(1, keepdims=True)
    labels, sure = torch.from_numpy(odds.argmax(1)), (odds.max(1) >= 0.3).mean()
    assert 0.01 < sure < 0.99
    given = composite(method, source, target, labels, odds, step) if name == "ecap" else source
    random, present = np.random.default_rng((seed, 2, step)), np.unique(given.labels)
    mixed, trust = labels.clone(), torch.zeros(2, *SIZE)
    trust[:, 4:, 9:] = sure
    plain = trust.clone()
    for b in range(2):
        drawn = present[random.permutation(len(present))[: (len(present) + 1) // 2]]
        for y, x in np.ndindex(*SIZE):
            pasted = int(given.labels[b, y, x]) in drawn
            here = (given if pasted else target).images[b, :, y, x]
            torch.testing.assert_close(seen[1][b, :, y, x], here)
            if pasted:
                mixed[b, y, x], trust[b, y, x] = given.labels[b, y, x], 1.0
    expected["mixed"] = blended(loop, said[1], mixed, trust)
    if name != "daformer":
        shown = np.random.default_rng((seed, 7, step)).random((2, 1, 16, 32)) > 0.7  # blocks of 2 pixels: 32 / 16
        for b, y, x in np.ndindex(2, *SIZE):
            expected_colour = (
                target.images[b, :, y, x] if shown[b, 0, y // 2, x // 2] else method.segmenter.mean.flatten()
            )
            torch.testing.assert_close(seen[2][b, :, y, x], expected_colour)
        expected["masked"] = blended(loop, said[2], labels, plain)
    assert terms == {key: pytest.approx(value, rel=1e-9) for key, value in expected.items()}


def test_what_is_hidden_is_0_to_a_network_of_any_convention() -> None:
    method = builders.method("mic", mask_ratio=1.0)
    for reversed, mean in ((False, (1.0, 2.0, 3.0)), (True, (3.0, 2.0, 1.0))):
        method.segmenter.reversed = reversed
        method.segmenter.mean.copy_(torch.tensor(mean).view(1, 3, 1, 1))
        hidden = method.hidden(builders.target().images, 0)
        assert torch.equal(hidden, torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1).expand_as(hidden))


@pytest.mark.parametrize(("block", "ratio"), [(0.25, 0.7), (0.0625, 0.5), (0.001, 0.7), (1.0, 0.5)])
def test_blocks_are_whole_and_as_many_as_asked_are_hidden(block: float, ratio: float) -> None:
    method = builders.method("mic", mask_block=block, mask_ratio=ratio)
    images = torch.ones(2, 3, *SIZE)
    hidden = torch.stack([method.hidden(images, step)[:, 0] != 1.0 for step in range(60)]).float()
    side = max(round(32 * block), 1)
    cells = hidden.view(-1, 32 // side, side, 64 // side, side)
    assert torch.equal(cells, cells[:, :, :1, :, :1].expand_as(cells))
    assert hidden.mean().item() == pytest.approx(ratio, abs=0.15)


def test_colours_change_by_seed_and_step_alone_all_images_or_none() -> None:
    method = builders.method("dacs", jitter_share=0.5, blur_share=0.0)
    images, changed = builders.target().images / 255, []
    for step in range(40):
        augment, again = (
            method.augmentation(4, step, images.shape[-2:]),
            method.augmentation(4, step, images.shape[-2:]),
        )
        torch.manual_seed(step)
        found = torch.stack([augment(image) for image in images])
        torch.manual_seed(step)
        assert torch.equal(found, torch.stack([again(image) for image in images]))
        moved = [not torch.equal(new, old) for new, old in zip(found, images, strict=True)]
        assert moved[0] == moved[1]
        changed.append(moved[0])
    assert 8 < sum(changed) < 32  # of 40: four deviations are 12.6
    others = [method.augmentation(5, step, images.shape[-2:]) for step in range(40)]
    assert [len(one) > 0 for one in others] != changed


@pytest.mark.parametrize(("reach", "pixels"), [(51.2, 51), (51.0, 51), (9.6, 9), (10.0, 9), (10.1, 11), (0.4, 1)])
def test_a_blur_reaches_an_odd_number_of_pixels(reach: float, pixels: int) -> None:
    assert _odd(reach) == pixels


def test_a_blur_smooths() -> None:
    method = builders.method("dacs", jitter_share=0.0, blur_share=1.0, blur_least=1.15)
    image = builders.target().images[0] / 255
    blurred = method.augmentation(4, 0, image.shape[-2:])(image)
    assert blurred.diff(dim=-1).abs().mean() < 0.5 * image.diff(dim=-1).abs().mean()


@pytest.mark.parametrize(("name", "steps"), [("corda", (0, 9, 999)), *((name, (-1, 8, 998)) for name in NAMES)])
def test_the_teacher_keeps_more_of_itself_at_every_step_up_to_its_share(name: str, steps: tuple[int, ...]) -> None:
    method, kept = builders.method(name, teacher=0.999), []
    for step in (*steps, 5000):  # 1 - 1 / (step + 1) in corda, 1 - 1 / (step + 2) in the others
        with torch.no_grad():
            for mine, new in zip(method.teacher.parameters(), method.segmenter.parameters(), strict=True):
                mine.fill_(1.0)
                new.fill_(0.0)
        method.after_step(step)
        kept.append(next(method.teacher.parameters()).flatten()[0].item())
    assert kept == pytest.approx([0.0, 0.9, 0.999, 0.999], abs=1e-6)


@pytest.mark.parametrize(("name", "others"), [("corda", 1), ("dacs", 1), ("daformer", 2), ("mic", 2), ("ecap", 2)])
def test_teacher_and_start_learn_nothing_and_the_student_is_kept(name: str, others: int) -> None:
    method = builders.method(name)
    builders.backward(method.segmenter_terms(blocks(), builders.target(), 0))
    assert all(weight.grad is not None for weight in method.segmenter.parameters())
    networks = [network for key, network in method.networks().items() if key in ("teacher", "start")]
    assert len(networks) == others
    assert all(weight.grad is None for network in networks for weight in network.parameters())
    assert method.result() is method.segmenter
    assert method.teacher.training


def test_the_start_stays_what_it_was() -> None:
    method = builders.method("daformer")
    method.segmenter.train()
    before = {name: value.clone() for name, value in method.start.state_dict().items()}
    images, labels = blocks().images, blocks().labels
    assert not method.start.training
    list(method.segmenter_terms(builders.source()._replace(images=images, labels=labels), builders.target(), 0))
    assert all(torch.equal(value, before[name]) for name, value in method.start.state_dict().items())


def test_margins_that_leave_nothing_are_refused() -> None:
    keys = builders.DEMO.objectives["dacs"]
    with pytest.raises(ValueError, match=r"expected to leave some of the image, got \[0\.5, 0\.5, 0\.0, 0\.0\]"):
        dataclasses.replace(keys, margins=(0.5, 0.5, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"expected at most blur_most, 1\.15, got 2"):
        dataclasses.replace(keys, blur_least=2.0)
