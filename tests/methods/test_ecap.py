"""ecap: who enters its bank and who leaves, how often an object is pasted, and where."""

from typing import Any

import builders
import numpy as np
import oracles
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from dadist.methods.ecap import Bank
from dadist.methods.mixing import placed


def enter(bank: Bank, row: int, labels: list[int], confidence: list[float]) -> None:
    """An image of one line, of the colour of its number."""
    image = torch.full((3, 1, len(labels)), row, dtype=torch.uint8)
    bank.enter(torch.tensor(row), image, torch.tensor([labels]), torch.tensor([confidence]))


def kept(bank: Bank, name: int) -> list[tuple[int, float, list[bool]]]:
    """Image, confidence and mask of each that is kept of a class, from the surest on."""
    count = bank.rows.shape[1]
    for row, image in zip(bank.rows.flatten().tolist(), bank.images, strict=True):
        assert (image == max(row, 0)).all()
    members = zip(
        bank.rows[name].tolist(),
        bank.confidence[name].tolist(),
        bank.masks[name * count : (name + 1) * count, 0].tolist(),
        strict=True,
    )
    return sorted((one for one in members if one[0] >= 0), key=lambda one: -one[1])


def test_the_surest_images_of_each_class_are_kept_and_each_image_once() -> None:
    bank = Bank(3, 2, (4, 1))
    assert bank.mean().tolist() == [0.0, 0.0, 0.0]
    enter(bank, 7, [0, 0, 1, -1], [0.5, 1.0, 0.5, 1.0])  # 0.75 of class 0; what is nobody's does not count
    assert kept(bank, 0) == [(7, 0.75, [True, True, False, False])]
    assert kept(bank, 1) == [(7, 0.5, [False, False, True, False])]
    assert kept(bank, 2) == []
    enter(bank, 8, [0, 2, 2, 2], [0.25, 0.25, 0.5, 0.75])
    assert [(row, sure) for row, sure, _ in kept(bank, 0)] == [(7, 0.75), (8, 0.25)]
    assert kept(bank, 2) == [(8, 0.5, [False, True, True, True])]
    enter(bank, 9, [0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5])  # surer than the second: that leaves
    assert [(row, sure) for row, sure, _ in kept(bank, 0)] == [(7, 0.75), (9, 0.5)]
    enter(bank, 8, [0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5])  # no surer than any
    enter(bank, 7, [0, 0, 0, 1], [0.5, 0.5, 0.5, 0.25])  # of one image the surer labels stay: those from before
    assert kept(bank, 0) == [(7, 0.75, [True, True, False, False]), (9, 0.5, [True] * 4)]
    assert [(row, sure) for row, sure, _ in kept(bank, 1)] == [(7, 0.5)]
    enter(bank, 9, [1, 0, 0, 1], [0.25, 1.0, 1.0, 0.25])  # the same image again, surer: it takes its own place
    assert kept(bank, 0) == [(9, 1.0, [False, True, True, False]), (7, 0.75, [True, True, False, False])]
    assert bank.mean().tolist() == [0.875, 0.375, 0.5]


def test_any_that_is_kept_may_be_drawn_and_none_else() -> None:
    bank = Bank(2, 4, (1, 1))
    for row, sure in ((3, 0.25), (5, 0.75), (9, 0.5)):
        enter(bank, row, [1], [sure])
    drawn = [int(bank.member(1, share)[0][0, 0, 0]) for share in (0.0, 0.32, 0.34, 0.65, 0.67, 0.999)]
    assert drawn == [5, 5, 9, 9, 3, 3]
    assert not bank.member(0, 0.5)[1].any()


def test_objects_are_pasted_once_the_bank_is_sure() -> None:
    method = builders.method("ecap", bank=1, objects=3.5, sure_from=0.5, sure_width=0.1, bank_least=0.25)
    method.bank.rows.fill_(0)
    method.bank.confidence.copy_(torch.tensor([0.25, 0.35, 0.4, 0.5, 0.6, 0.7, 0.7])[:, None])  # 0.5 on average
    assert_close(method.chances(), torch.tensor([0.0, *[0.25] * 6]))  # 3.5 / 7, half of it at 0.5
    method.bank.confidence += 0.1
    assert_close(method.chances(), torch.full((7,), 0.5 / (1 + np.exp(-1))))
    method.bank.confidence += 0.9
    assert_close(method.chances(), torch.full((7,), 0.5), rtol=0, atol=1e-4)


def test_an_object_is_scaled_moved_and_mirrored_as_worked_by_hand() -> None:
    image = torch.arange(24).view(1, 4, 6).expand(3, 4, 6)
    mask = torch.zeros(4, 6, dtype=torch.bool)
    mask[1:3, 1:5] = True  # 7 8 9 10 above 13 14 15 16

    def put(scale: float, where: tuple[float, float], mirrored: bool) -> tuple[Tensor, Tensor]:
        found, there = placed(image, mask, scale=scale, where=where, mirrored=mirrored)
        return found[0] * there, there

    found, there = put(1.0, (0.5, 0.5), mirrored=False)  # where it was
    assert torch.equal(there, mask)
    assert torch.equal(found, image[0] * mask)
    found, there = put(1.0, (1.0, 0.0), mirrored=True)
    assert found.tolist() == [[0] * 6, [0] * 6, [10, 9, 8, 7, 0, 0], [16, 15, 14, 13, 0, 0]]
    assert there.sum() == 8
    found, there = put(0.5, (0.0, 1.0), mirrored=False)  # a row of two
    assert found.tolist() == [[0, 0, 0, 0, 14, 16], *[[0] * 6] * 3]
    assert there.sum() == 2
    mask[1, 1] = False  # what is not the object's is not pasted
    assert put(1.0, (0.0, 0.0), mirrored=False)[0].tolist() == [
        [0, 8, 9, 10, 0, 0],
        [13, 14, 15, 16, 0, 0],
        *[[0] * 6] * 2,
    ]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("seed", range(8))
def test_an_object_comes_from_where_loops_find_it(seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = np.zeros((9, 13), dtype=bool)
    mask[2:7, 3:12] = random.random((5, 9)) < 0.5
    scale, where = random.uniform(0.1, 1), (random.random(), random.random())
    origins = oracles.elsewhere(mask, scale, where, seed % 2 == 0)
    image = torch.arange(117.0).view(1, 9, 13).expand(3, 9, 13)
    found, there = placed(image, torch.from_numpy(mask), scale=scale, where=where, mirrored=seed % 2 == 0)
    assert {(int(y), int(x)) for y, x in there.nonzero()} == set(origins)
    assert all(found[0, y, x] == image[0, origin[0], origin[1]] for (y, x), origin in origins.items())


def test_margins_are_not_kept_and_nothing_is_pasted_before_the_bank_is_sure() -> None:
    method: Any = builders.method("ecap", objects=7.0, sure_from=1.0)
    trusted = torch.ones(2, 32, 64, dtype=torch.bool)
    trusted[:, :9] = False
    target, source = builders.target()._replace(trusted=trusted), builders.source()
    given = method.to_paste(source, target, method.teach(target), 0)
    assert torch.equal(given.images, source.images)
    assert torch.equal(given.labels, source.labels)
    assert method.bank.masks[:, 9:].any()
    assert not method.bank.masks[:, :9].any()
