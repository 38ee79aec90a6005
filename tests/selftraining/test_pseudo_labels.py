from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import builders
import damage
import numpy as np
import pytest
import torch
from builders import Thirds
from torch import Tensor

from dadist.classes import IGNORE
from dadist.data.prepared import Prepared
from dadist.model.inference import tensor
from dadist.model.segmenter import Outputs, upsample
from dadist.prior.alignment import Alignment
from dadist.prior.use import PriorOf
from dadist.selftraining import label as labelling
from dadist.selftraining.pseudo_labels import PseudoLabels


def coloured(folder: Path) -> Prepared:
    """Three images of one colour each: the network of `Thirds` is sure of them by 27/29, 9/11 and 3/5."""
    images = np.zeros((3, 2, 4, 3), np.uint8)
    images[0, :, :, 0], images[1, :, :, 1], images[2, :, :, 2] = 3, 2, 1
    return builders.split(folder, images=images, labels=None, depth=None)


def labelled(
    folder: Path,
    split: Prepared,
    network: Any = None,
    *,
    first: int = 3,
    confidence: float = 0.5,
    batch: int = 2,
    key: str = "k",
) -> list[int]:
    """Make pseudo-labels of three classes; what the progress was told."""
    done: list[int] = []
    labelling.label(
        network or Thirds(),
        split,
        folder,
        first=first,
        classes=3,
        confidence=confidence,
        batch=batch,
        key=key,
        progress=done.append,
    )
    return done


@pytest.mark.parametrize(
    ("confidence", "kept", "counts"),
    [
        (0.9, [0, IGNORE, IGNORE], [8, 0, 0]),
        (0.8, [0, 1, IGNORE], [8, 8, 0]),
        (0.5, [0, 1, 2], [8, 8, 8]),
        (0.99, [IGNORE] * 3, [0, 0, 0]),
    ],
)
@pytest.mark.parametrize("batch", [1, 2, 8])
def test_a_pixel_keeps_its_class_if_the_network_is_sure_enough(
    tmp_path: Path, confidence: float, kept: list[int], counts: list[int], batch: int
) -> None:
    done = labelled(tmp_path / "pseudo", coloured(tmp_path / "target"), confidence=confidence, batch=batch)
    written = PseudoLabels(tmp_path / "pseudo")
    assert written.labels.shape == (3, 2, 4)
    assert all((written.labels[i] == label).all() for i, label in enumerate(kept))
    assert written.confidence[:, 0, 0].tolist() == [237, 209, 153]  # 255 times 27/29, 9/11, 3/5
    assert written.counts == {"labelled": counts}
    assert done[-1] == 3


def test_a_probability_that_equals_the_threshold_is_enough(tmp_path: Path) -> None:
    images = np.full((1, 2, 4, 3), 7, np.uint8)
    images[..., 2] = 0  # P = 1/2 within 3^-7, the same for two classes
    split = builders.split(tmp_path / "target", images=images, labels=None, depth=None)
    _, probability = labelling.predict(Thirds(), split.images)
    for threshold, count in ((float(probability[0, 0, 0]), 8), (float(np.nextafter(probability[0, 0, 0], 1)), 0)):
        folder = tmp_path / str(count)
        labelled(folder, split, first=1, confidence=threshold)
        assert sum(PseudoLabels(folder).counts["labelled"]) == count


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_only_the_first_images_are_labelled(tmp_path: Path, batch: int) -> None:
    done = labelled(tmp_path / "p", coloured(tmp_path / "target"), first=2, batch=batch)
    assert PseudoLabels(tmp_path / "p").labels[:, 0, 0].tolist() == [0, 1]
    assert PseudoLabels(tmp_path / "p").counts == {"labelled": [8, 8, 0]}
    assert done[-1] == 2


def test_a_folder_without_an_index_is_no_pseudo_labels(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"index\.json: expected pseudo-labels, got none; run the stage"):
        PseudoLabels(tmp_path)


def test_any_damage_to_pseudo_labels_is_told_or_changes_nothing(tmp_path: Path) -> None:
    labelled(tmp_path / "pseudo", coloured(tmp_path / "target"))

    def everything() -> list[object]:
        opened = PseudoLabels(tmp_path / "pseudo")
        return [opened.labels[...].tolist(), opened.confidence[...].tolist(), opened.counts, opened.areas.tolist()]

    told = damage.every(sorted((tmp_path / "pseudo").iterdir()), everything, step=7)
    assert {name: count >= 8 for name, count in told.items()} == dict.fromkeys(told, True)


def test_pseudo_labels_of_an_older_format_are_told(tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text('{"counts": {}, "areas": [], "checks": {}}')
    with pytest.raises(ValueError, match=r"index\.json: expected .*, got version None of the format, not 2; delete "):
        PseudoLabels(tmp_path)


def test_pseudo_labels_open_read_only(tmp_path: Path) -> None:
    labelled(tmp_path / "pseudo", coloured(tmp_path / "target"))
    opened = PseudoLabels(tmp_path / "pseudo")
    with pytest.raises(ValueError, match="read-only"):
        opened.labels[0] = 1


class Stopped(Thirds):
    """Is killed when it is asked about so many images."""

    def __init__(self, images: int) -> None:
        super().__init__()
        self.images, self.asked = images, 0

    def forward(self, images: Tensor) -> Outputs:
        self.asked += len(images)
        if self.asked > self.images:
            raise KeyboardInterrupt
        return super().forward(images)


@pytest.mark.parametrize("batch", [1, 2])
def test_labelling_that_was_stopped_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, batch: int) -> None:
    split = coloured(tmp_path / "target")
    labelled(tmp_path / "whole", split)
    with pytest.raises(KeyboardInterrupt):
        labelled(tmp_path / "again", split, Stopped(2), batch=batch)
    assert not (tmp_path / "again").exists()
    network = Stopped(9)
    labelled(tmp_path / "again", split, network)
    assert network.asked == 1
    for name in ("labels.npy", "confidence.npy", "index.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not [path.name for path in tmp_path.glob(".again.partial*")]


def test_what_another_model_labelled_is_not_gone_on_with(tmp_path: Path) -> None:
    split, network = coloured(tmp_path / "target"), Stopped(9)
    with pytest.raises(KeyboardInterrupt):
        labelled(tmp_path / "pseudo", split, Stopped(2), batch=1)
    labelled(tmp_path / "pseudo", split, network, key="another")
    assert network.asked == 3


def test_padding_gets_no_label(tmp_path: Path) -> None:
    images = np.full((1, builders.HEIGHT, builders.WIDTH, 3), 9, np.uint8)
    content = [[builders.WIDTH // 2, builders.HEIGHT]]
    split = builders.split(tmp_path / "target", images=images, labels=None, depth=None, content=content)
    folder = tmp_path / "pseudo"
    labelled(folder, split, first=1, confidence=0.1)
    labels = PseudoLabels(folder).labels[0]
    assert PseudoLabels(folder).areas.tolist() == [builders.WIDTH // 2 * builders.HEIGHT]
    assert (labels[:, builders.WIDTH // 2 :] == IGNORE).all()
    assert (labels[:, : builders.WIDTH // 2] < 3).all()


# --- with the prior


@pytest.fixture
def seen(tmp_path: Path) -> tuple[Prepared, list[Path]]:
    """Images with depth, and what the prior is made from."""
    builders.mixtures().save(tmp_path / "mixtures.npz")
    Alignment("metric", 1.0, 0.0, (0.1, 0.1), 0.0, [], [], 1).save(tmp_path / "alignment.json")
    return builders.split(tmp_path / "train", 3), [tmp_path / "mixtures.npz", tmp_path / "alignment.json"]


@pytest.mark.parametrize("use", ["labels", "doubt"])
def test_labels_of_the_fused_posterior_or_as_sure_as_it_leaves_them(
    tmp_path: Path, seen: tuple[Prepared, list[Path]], use: Literal["labels", "doubt"]
) -> None:
    data, files = seen
    network, section = builders.segmenter().eval(), replace(builders.DEMO.prior, depth=1.0, place=0.5, use=use)
    prior = PriorOf(files, data, "cpu")
    with torch.no_grad():
        said = network(tensor(data.images[:]))
        logits, fused = said.logits, prior.fusion(section)(said.logits, prior.z(range(3), said))
        size = (builders.HEIGHT, builders.WIDTH)
        alone, together = (upsample(one, size).softmax(1) for one in (logits, fused))
    probability, expected = (together if use == "labels" else alone).max(1)
    assert (alone.argmax(1) != together.argmax(1)).float().mean() > 0.05  # the prior has its say
    if use == "doubt":
        probability = torch.minimum(probability, together.gather(1, expected[:, None])[:, 0])
    out = tmp_path / "pseudo"
    labelling.label(
        network,
        data,
        out,
        first=3,
        classes=7,
        confidence=0.3,
        prior=prior,
        weights=section,
        batch=3,  # as above: others round otherwise
        key="k",
        progress=lambda _: None,
    )
    found = PseudoLabels(out)
    np.testing.assert_array_equal(found.labels, np.where(probability >= 0.3, expected, IGNORE))
    np.testing.assert_array_equal(found.confidence, np.rint(probability.numpy() * 255))
