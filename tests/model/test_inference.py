import os

import numpy as np
import pytest
import torch
from builders import Thirds
from numpy.typing import NDArray
from torch.testing import assert_close

from dadist.model import inference
from dadist.model.inference import batches, most_probable, outputs, predict, tensor


def images(*pixels: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.array(pixels, np.uint8)[None, None]  # (1, 1, W, 3)


def test_the_most_probable_class_and_its_probability_are_worked_by_hand() -> None:
    labels, confidence = predict(Thirds(), images((3, 0, 0), (0, 1, 0), (0, 0, 2), (1, 1, 3)))
    assert labels.dtype == np.uint8
    assert confidence.dtype == np.float32
    assert labels.tolist() == [[[0, 1, 2, 2]]]
    assert_close(torch.from_numpy(confidence), torch.tensor([[[27 / 29, 3 / 5, 9 / 11, 27 / 33]]]))


def test_logits_are_enlarged_to_the_images_before_the_softmax() -> None:
    given = images((2, 0, 0), (9, 9, 9), (0, 0, 0))  # the network answers for the first and the last
    labels, confidence = predict(Thirds(step=2), given)
    assert labels.shape == (1, 1, 3)
    assert_close(torch.from_numpy(confidence), torch.tensor([[[9 / 11, 3 / 5, 1 / 3]]]))


def test_predictions_come_at_the_size_asked_for() -> None:
    logits = outputs(Thirds(), images((2, 0, 0), (0, 0, 3))).logits[0]
    labels = most_probable(logits, (4, 7))
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[0, 0, 0, 2, 2, 2, 2]] * 4  # red leads up to 2/5 of the way


def test_predicting_keeps_no_graph_and_takes_read_only_images() -> None:
    given = images((1, 0, 0), (0, 1, 0))
    given.flags.writeable = False
    network = Thirds()
    predict(network, given)
    assert network.scale.grad is None


def test_images_become_channels_first_in_0_to_255() -> None:
    given = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    result = tensor(given)
    assert (result.shape, result.dtype) == ((2, 3, 3, 4), torch.float32)
    assert all(result[b, c, y, x] == given[b, y, x, c] for b, c, y, x in np.ndindex(2, 3, 3, 4))


@pytest.mark.parametrize(
    ("items", "batch", "expected"),
    [(5, 2, [(0, 2), (2, 4), (4, 5)]), (4, 2, [(0, 2), (2, 4)]), (2, 8, [(0, 2)]), (0, 3, [])],
)
def test_batches_cover_the_items_once(items: int, batch: int, expected: list[tuple[int, int]]) -> None:
    assert [(rows.start, rows.stop) for rows in batches(items, batch)] == expected


def test_a_deterministic_training_asks_torch_and_cublas_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    inference.seeded(5, deterministic=True)
    first = torch.rand(1)
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.deterministic
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    inference.seeded(5, deterministic=False)
    assert torch.equal(torch.rand(1), first)
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.deterministic
