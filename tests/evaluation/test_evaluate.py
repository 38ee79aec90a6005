"""Counting a network's predictions against the truth, in one go and in several."""

from pathlib import Path

import builders
import numpy as np
import pytest
import torch
from torch import Tensor

from dadist.data.prepared import Prepared
from dadist.evaluation.confusion import confusion
from dadist.evaluation.evaluate import Counted, score
from dadist.model.inference import predict
from dadist.model.segmenter import Outputs
from dadist.storage.workspace import notes


class Halting(torch.nn.Module):
    """A network with depth that is killed when it is asked about more images than it may."""

    has_depth = True

    def __init__(self, images: int = 99) -> None:
        super().__init__()
        self.inner = builders.segmenter(("depth",)).eval()
        self.images, self.asked = images, 0

    def forward(self, images: Tensor) -> Outputs:
        self.asked += len(images)
        if self.asked > self.images:
            raise KeyboardInterrupt
        found: Outputs = self.inner(images)
        return found


def scored(folder: Path, data: Prepared, network: Halting, batch: int = 2, key: str = "k") -> Counted:
    with notes(folder / "metrics.json", key) as journal:
        return score(
            network,  # type: ignore[arg-type]
            data,
            journal,
            batch=batch,
            numerator=1000.0,
            cap_m=80.0,
            progress=lambda done: None,
        )


def test_the_counts_are_those_of_each_image_together(tmp_path: Path) -> None:
    data, network = builders.split(tmp_path / "val", 5), Halting()
    counts, errors = scored(tmp_path, data, network)
    predicted, _ = predict(network.inner, data.images[:])
    expected = sum(confusion(data.truth(i), predicted[i], builders.CLASSES) for i in range(5))
    np.testing.assert_array_equal(counts, expected)
    assert errors is not None
    assert errors.images == 5


@pytest.mark.parametrize("batch", [1, 3])
def test_counting_that_was_stopped_goes_on_and_gives_the_same_sums(tmp_path: Path, batch: int) -> None:
    data = builders.split(tmp_path / "val", 5)
    counts, errors = scored(tmp_path, data, Halting())
    with pytest.raises(KeyboardInterrupt):
        scored(tmp_path, data, Halting(4), batch=batch)
    network = Halting()
    again, same = scored(tmp_path, data, network)
    assert network.asked == {1: 1, 3: 2}[batch]
    np.testing.assert_array_equal(again, counts)
    assert same == errors
    assert not list(tmp_path.glob(".metrics.json.partial*"))


def test_counts_of_another_model_are_not_gone_on_with(tmp_path: Path) -> None:
    data, network = builders.split(tmp_path / "val", 5), Halting()
    with pytest.raises(KeyboardInterrupt):
        scored(tmp_path, data, Halting(3), batch=1)
    scored(tmp_path, data, network, key="another")
    assert network.asked == 5
