"""Against enlarging the whole map at once, in float64."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from dadist.model import enlarge
from dadist.model.enlarge import bands, confidences, labels, places, probabilities_of
from dadist.model.segmenter import upsample

SIZES = [(1, 1), (9, 5), (3, 2), (64, 33), (65, 33), (100, 7), (1, 40)]  # (width, height), of a lattice of 9x5

pytestmark = pytest.mark.usefixtures("float64")


def noise(classes: int = 5, *, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    return 3 * torch.randn(classes, 5, 9)


def whole(logits: Tensor, size: tuple[int, int]) -> Tensor:
    return upsample(logits[None], size[::-1])[0]


@pytest.mark.parametrize("size", SIZES)
def test_labels_and_their_probabilities_are_those_of_the_whole_map(size: tuple[int, int]) -> None:
    for seed in range(5):
        logits = noise(seed=seed)
        at, expected = places(logits, size[::-1]), whole(logits, size)
        assert torch.equal(labels(logits, at), expected.argmax(0).to(torch.uint8))
        assert_close(confidences(logits, at), expected.softmax(0).max(0).values)
        given = torch.from_numpy(np.random.default_rng(seed).integers(0, 5, size[::-1]))
        assert_close(probabilities_of(logits, given, at), expected.softmax(0).gather(0, given[None])[0])


def test_large_regions_and_their_edges_are_those_of_the_whole_map() -> None:
    """Most cells lie among their like, as in a street: these are not enlarged."""
    torch.manual_seed(1)
    blocks = torch.eye(5)[:, torch.randint(0, 5, (4, 5))].repeat_interleave(6, 1).repeat_interleave(6, 2)
    logits = blocks + 0.1 * torch.randn(blocks.shape)
    expected = whole(logits, (240, 191)).argmax(0).to(torch.uint8)
    assert torch.equal(labels(logits, places(logits, (191, 240))), expected)


def test_a_class_that_no_cell_around_has_may_win_between_them() -> None:
    logits = torch.tensor([[[1.0, -9], [1, -9]], [[-9, 1], [-9, 1]], [[0.9, 0.9], [0.9, 0.9]]])
    assert labels(logits, places(logits, (1, 5))).tolist() == [[0, 2, 2, 2, 1]]


def test_of_equal_classes_the_first_is_taken() -> None:
    logits = torch.zeros(4, 2, 3)
    logits[1:3] = 1
    assert labels(logits, places(logits, (7, 9))).unique().tolist() == [1]


def test_an_image_may_end_before_the_lattice_does() -> None:
    logits = noise()
    part, everything = places(logits, (17, 25), (6.0, 2.0)), places(logits, (33, 33))
    assert torch.equal(labels(logits, part), labels(logits, everything)[:17, :25])
    assert_close(confidences(logits, part), confidences(logits, everything)[:17, :25])


def test_bands_for_a_gpu_are_those_for_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = noise()
    at = places(logits, (41, 70))
    expected, found = torch.cat([band for _, band in bands(logits, at)]), labels(logits, at)
    monkeypatch.setattr(enlarge, "_for_gpu", lambda _: True)
    for numbers in (2**22, 5 * 70 * 3, 1):
        monkeypatch.setattr(enlarge, "BAND", numbers)
        parts = list(bands(logits, at))
        assert len(parts) == {2**22: 1, 5 * 70 * 3: 14, 1: 41}[numbers]
        assert_close(torch.cat([band for _, band in parts]), expected)
        assert torch.equal(labels(logits, at), found)
