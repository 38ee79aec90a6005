from pathlib import Path

import builders
import numpy as np
import pytest
from builders import Thirds

from dadist import pseudo
from dadist.classes import IGNORE
from dadist.data.prepared import Prepared
from dadist.pseudo import PseudoLabels


def coloured(folder: Path) -> Prepared:
    """Three images of one colour each: the network of `Thirds` is sure of them by 27/29, 9/11 and 3/5."""
    images = np.zeros((3, 2, 4, 3), np.uint8)
    images[0, :, :, 0], images[1, :, :, 1], images[2, :, :, 2] = 3, 2, 1
    return builders.split(folder, images=images, labels=None, depth=None)


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
    done: list[int] = []
    split = coloured(tmp_path / "target")
    pseudo.label(
        Thirds(),
        split,
        tmp_path / "pseudo",
        first=3,
        classes=3,
        confidence=confidence,
        batch=batch,
        progress=done.append,
    )
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
    _, probability = pseudo.predict(Thirds(), split.images)
    for threshold, labelled in ((float(probability[0, 0, 0]), 8), (float(np.nextafter(probability[0, 0, 0], 1)), 0)):
        folder = tmp_path / str(labelled)
        pseudo.label(
            Thirds(),
            split,
            folder,
            first=1,
            classes=3,
            confidence=threshold,
            batch=1,
            progress=lambda _: None,
        )
        assert sum(PseudoLabels(folder).counts["labelled"]) == labelled


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_only_the_first_images_are_labelled(tmp_path: Path, batch: int) -> None:
    split, done = coloured(tmp_path / "target"), list[int]()
    pseudo.label(Thirds(), split, tmp_path / "p", first=2, classes=3, confidence=0.5, batch=batch, progress=done.append)
    assert PseudoLabels(tmp_path / "p").labels[:, 0, 0].tolist() == [0, 1]
    assert PseudoLabels(tmp_path / "p").counts == {"labelled": [8, 8, 0]}
    assert done[-1] == 2


def test_a_folder_without_an_index_is_no_pseudo_labels(tmp_path: Path) -> None:
    PseudoLabels.create(tmp_path, (1, 2, 3))
    with pytest.raises(FileNotFoundError, match=r"index\.json: expected pseudo-labels, got none; run the stage"):
        PseudoLabels(tmp_path)


def test_pseudo_labels_open_read_only(tmp_path: Path) -> None:
    files = PseudoLabels.create(tmp_path, (1, 2, 3))
    checks = {"labels": files[0].put(0, np.full((2, 3), 4, np.uint8)), "confidence": [0]}
    PseudoLabels.finish(tmp_path, files, {"labelled": [6]}, checks)
    opened = PseudoLabels(tmp_path)
    assert (opened.labels == 4).all()
    with pytest.raises(ValueError, match="read-only"):
        opened.labels[0] = 1


def test_padding_gets_no_label(tmp_path: Path) -> None:
    images = np.full((1, builders.HEIGHT, builders.WIDTH, 3), 9, np.uint8)
    content = [[builders.WIDTH // 2, builders.HEIGHT]]
    split = builders.split(tmp_path / "target", images=images, labels=None, depth=None, content=content)
    folder = tmp_path / "pseudo"
    pseudo.label(Thirds(), split, folder, first=1, classes=3, confidence=0.1, batch=1, progress=lambda done: None)  # type: ignore[arg-type]
    labels = pseudo.PseudoLabels(folder).labels[0]
    assert (labels[:, builders.WIDTH // 2 :] == IGNORE).all()
    assert (labels[:, : builders.WIDTH // 2] < 3).all()
