import builders
import numpy as np
import pytest
import torch

from dadist.classes import IGNORE
from dadist.losses.features import distance, dominated, unlikeness


def test_cells_are_those_that_one_of_the_classes_fills_to_the_share() -> None:
    labels = torch.tensor(
        [
            [
                [5, 5, 5, 5, 6, 6],
                [5, 0, 6, 6, 6, IGNORE],
            ]
        ]
    )
    found = dominated(labels, (1, 3), (5, 6), share=0.75)  # 3 of 5; half of each; 3 of 6
    assert found.tolist() == [[[True, False, True]]]
    assert dominated(labels, (1, 3), (5,), share=0.75).tolist() == [[[True, False, False]]]
    assert dominated(labels, (1, 3), (5, 6), share=0.76).tolist() == [[[False, False, False]]]
    assert not dominated(labels, (1, 3), (), share=0.75).any()


def test_cells_of_a_grid_that_does_not_divide_the_image_are_counted_as_by_hand() -> None:
    labels = builders.source(seed=4).labels[:, :31, :61]
    found = dominated(labels, (4, 8), (2, 3), share=0.55)
    expected = np.zeros((2, 4, 8), bool)
    for b, y, x in np.ndindex(*expected.shape):
        rows, columns = slice(31 * y // 4, -(-31 * (y + 1) // 4)), slice(61 * x // 8, -(-61 * (x + 1) // 8))
        cell = labels[b, rows, columns].numpy()
        expected[b, y, x] = any((cell == name).mean() >= 0.55 for name in (2, 3))
    assert found.numpy().tolist() == expected.tolist()


@pytest.mark.usefixtures("float64")
def test_the_distance_is_the_mean_of_the_cells_that_count() -> None:
    features = torch.tensor([[[[3.0, 1.0]], [[4.0, 9.0]]]], requires_grad=True)  # (1, 2, 1, 2)
    others = torch.zeros(1, 2, 1, 2)
    value = distance(features, others, torch.tensor([[[True, False]]]))
    assert value.item() == 5.0
    value.backward()
    assert features.grad is not None
    assert features.grad.flatten().tolist() == pytest.approx([0.6, 0.0, 0.8, 0.0])


def test_unlikeness_is_worked_by_hand() -> None:
    features = torch.tensor([[[[1.0, 3.0]], [[0.0, 4.0]]]])  # (1, 2, 1, 2): cells (1, 0) and (3, 4)
    others = torch.tensor([[[[0.0, 6.0]], [[1.0, 8.0]]]])  # at a right angle, and twice as long
    angle, smooth = (1 + 0) / 2, (0.5 + 0.5 + 2.5 + 3.5) / 4
    for cosine in (0.0, 0.9, 1.0):
        expected = cosine * angle + (1 - cosine) * smooth
        assert unlikeness(features, others, cosine=cosine).item() == pytest.approx(expected)
    assert unlikeness(others, others, cosine=0.9).item() == pytest.approx(0.0, abs=1e-6)


def test_without_a_cell_or_with_equal_features_the_distance_is_0_with_a_gradient_of_0() -> None:
    for where, others in ((False, 0.0), (True, 1.0)):
        features = torch.ones(1, 2, 1, 2, requires_grad=True)
        value = distance(features, torch.full_like(features, others), torch.full((1, 1, 2), where))
        assert value.item() == 0
        value.backward()
        assert features.grad is not None
        assert not features.grad.any()
