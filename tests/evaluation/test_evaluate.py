"""Counting a network's predictions against the truth, in one go and in several."""

from dataclasses import replace
from pathlib import Path

import builders
import numpy as np
import pytest
import torch
from torch import Tensor

from dadist.data.prepared import Prepared
from dadist.data.resize import centres
from dadist.evaluation.confusion import confusion
from dadist.evaluation.evaluate import Counted, score
from dadist.model.inference import outputs, predict
from dadist.model.segmenter import Outputs
from dadist.prior.alignment import Alignment
from dadist.prior.camera import View
from dadist.prior.fusion import Fusion, Given
from dadist.prior.use import PriorOf
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
    (counts,), errors = scored(tmp_path, data, network)
    predicted, _ = predict(network.inner, data.images[:])
    expected = sum(confusion(data.truth(i), predicted[i], builders.CLASSES) for i in range(5))
    np.testing.assert_array_equal(counts, expected)
    assert errors is not None
    assert errors.images == 5


def test_depth_that_a_network_made_is_no_truth_to_measure_by(tmp_path: Path) -> None:
    data = builders.split(tmp_path / "val", 2)
    data.depth_estimated = True
    assert scored(tmp_path, data, Halting())[1] is None


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


def test_several_ways_are_counted_in_one_pass_with_the_depth_of_each_image(tmp_path: Path) -> None:
    data, network, seen = builders.split(tmp_path / "val", 5), Halting(), list[Tensor | None]()
    builders.mixtures().save(tmp_path / "mixtures.npz")
    aligned = Alignment("metric", 1.0, 0.0, (0.1, 0.1), 0.0, [], [], 1)
    aligned.save(tmp_path / "alignment.json")
    files = [tmp_path / "mixtures.npz", tmp_path / "alignment.json"]
    prior = PriorOf(files, data, "cpu")

    def backwards(logits: Tensor, z: Tensor | None) -> Tensor:
        seen.append(z)
        return -logits

    with notes(tmp_path / "metrics.json", "k") as journal:
        (plain, other, fused), _ = score(
            network,  # type: ignore[arg-type]
            data,
            journal,
            batch=2,
            numerator=1000.0,
            cap_m=80.0,
            prior=prior,
            ways=[None, backwards, prior.fusion(replace(builders.DEMO.prior, depth=1.0, place=0.5))],
            progress=lambda done: None,
        )
    assert network.asked == 5
    (alone,), _ = scored(tmp_path / "alone", data, Halting())
    np.testing.assert_array_equal(plain, alone)
    assert len({one.tobytes() for one in (plain, other, fused)}) == 3
    assert plain.sum() == other.sum() == fused.sum()
    z = torch.cat([one for one in seen if one is not None])
    depth = data.depth[:][
        :, centres(builders.HEIGHT, builders.GRID[1])[:, None], centres(builders.WIDTH, builders.GRID[0])
    ]
    expected = np.where(depth > 0, 1000 / (depth.astype(np.float64) + 1), np.nan)
    np.testing.assert_allclose(z[:, 0], expected, rtol=1e-6)


def test_depth_of_another_kind_than_was_aligned_is_refused(tmp_path: Path) -> None:
    data = builders.split(tmp_path / "val", 2)
    builders.mixtures().save(tmp_path / "mixtures.npz")
    Alignment("relative", 2.0, 0.0, (0.1, 0.1), 0.0, [], [], 1).save(tmp_path / "alignment.json")
    files = [tmp_path / "mixtures.npz", tmp_path / "alignment.json"]
    with pytest.raises(ValueError, match=r"expected relative depth as .*alignment\.json has it, got metric"):
        PriorOf(files, data, "cpu")
    without = builders.unlabelled(tmp_path / "train", 2)
    with pytest.raises(ValueError, match=r"train: expected depth, which prior\.depth weighs, got none"):
        PriorOf(files, without, "cpu")


def test_depth_of_the_network_s_head_needs_no_files_and_is_none_where_it_has_no_head(tmp_path: Path) -> None:
    data = builders.unlabelled(tmp_path / "train", 2)
    builders.mixtures().save(tmp_path / "mixtures.npz")
    Alignment("none", 1.0, 0.0, (0.0, 0.0), 0.0, [], [], 1).save(tmp_path / "alignment.json")
    prior = PriorOf([tmp_path / "mixtures.npz", tmp_path / "alignment.json"], data, "cpu", of_head=True)
    for heads in ((), ("depth",)):
        said = outputs(builders.segmenter(heads).eval(), data.images[:])
        z = prior.z([0, 1], said)
        assert (z is None) == (not heads)
        section = replace(builders.DEMO.prior, depth=1.0, depth_from="head")
        assert prior.fusion(section)(said.logits, z).isfinite().all()
        assert prior.label(section) == "depth of the head 1, place 0"


def test_the_place_weighs_as_much_as_was_found_and_is_seen_through_the_view(tmp_path: Path) -> None:
    data = builders.split(tmp_path / "val", 2)
    builders.mixtures().save(tmp_path / "mixtures.npz")
    view = View((0.8, 0.1), (0.9, 0.05))
    aligned = Alignment("metric", 1.0, 0.0, (0.1, 0.1), 0.0, [], [], 1, unsure=0.375, view=view)
    aligned.save(tmp_path / "alignment.json")
    found = PriorOf([tmp_path / "mixtures.npz", tmp_path / "alignment.json"], data, "cpu")
    section = replace(builders.DEMO.prior, depth=1.0, place="found")
    logits = torch.randn(2, len(data.classes), *builders.GRID[::-1])
    plain = Fusion(Given(builders.mixtures(), view=view), replace(section, place=0.375), section.noise or (0, 0))
    z = found.z([0, 1], Outputs(logits))
    assert torch.equal(found.fusion(section)(logits, z), plain(logits, z))
    assert found.label(section) == "depth 1, place 0.375 (found)"
