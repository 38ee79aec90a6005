from pathlib import Path

import builders
import cv2
import numpy as np
import pytest
from colours import contrast

from dadist.classes import IGNORE
from dadist.report.figure_index import LabelledRound
from dadist.report.image_grid import GAP, title_height
from dadist.report.refinement_figure import REMOVED, before_and_after, described
from dadist.selftraining.pseudo_labels import PseudoLabels, filling

PALEST = 170  # of the greys: black in the image
SCALE = 480 // builders.WIDTH


def labelled(folder: Path, maps: np.ndarray, **counts: list[int]) -> PseudoLabels:
    """A folder of pseudo-labels with these maps."""
    with filling(folder, maps.shape, ("labels",), "key") as made:
        assert made is not None
        for row, one in enumerate(maps):
            made.put(row, {"labels": one}, {"labelled": [1]}, one.size)
        made.finish(counts)
    return PseudoLabels(folder)


def cell(picture: np.ndarray, column: int) -> np.ndarray:
    width, height = builders.WIDTH * SCALE, builders.HEIGHT * SCALE
    x, bar = column * (width + GAP), title_height(width)
    return picture[bar : bar + height, x : x + width]


@pytest.fixture
def picture(tmp_path: Path) -> np.ndarray:
    """Two images, of which the second has lost its upper half."""
    before = np.full((2, builders.HEIGHT, builders.WIDTH), 3, np.uint8)
    after = before.copy()
    after[1, : builders.HEIGHT // 2] = IGNORE
    target = builders.unlabelled(tmp_path / "target", 3)
    given, kept = labelled(tmp_path / "pseudo", before), labelled(tmp_path / "refined", after)
    before_and_after(target, given, kept, tmp_path / "labels.png", images=2)
    read = cv2.imread(str(tmp_path / "labels.png"))
    assert read is not None
    return read[..., ::-1]


def test_images_that_lost_something_are_shown_before_and_after(picture: np.ndarray) -> None:
    width, height = builders.WIDTH * SCALE, builders.HEIGHT * SCALE
    assert picture.shape == (title_height(width) + height, 4 * width + 3 * GAP, 3)  # one row: the other lost nothing
    before, after = cell(picture, 1), cell(picture, 2)
    assert (before == builders.SEVEN.colours[3]).all()
    assert (after[: height // 2] == 0).all()
    assert (after[height // 2 :] == builders.SEVEN.colours[3]).all()


def test_what_was_removed_is_marked_with_a_margin_on_pale_grey(picture: np.ndarray) -> None:
    removed, half = cell(picture, 3), builders.HEIGHT * SCALE // 2
    assert (removed[: half + SCALE] == REMOVED).all()  # a pixel more
    kept = removed[half + SCALE :]
    assert (kept == kept[..., :1]).all()
    assert kept.min() >= PALEST


def test_the_colour_of_what_was_removed_is_seen_on_any_grey_behind_it() -> None:
    for grey in (PALEST, 255):
        assert contrast(hexadecimal(REMOVED), hexadecimal((grey,) * 3)) > 2.4


def hexadecimal(colour: tuple[int, ...]) -> str:
    return "#" + "".join(f"{channel:02x}" for channel in colour)


def test_the_caption_says_how_much_was_removed(tmp_path: Path) -> None:
    maps = np.zeros((1, 4, 4), np.uint8)
    after = labelled(tmp_path / "refined", maps, labelled=[80, 20], kept=[80, 10])
    assert "10.0% of the labelled pixels" in described(LabelledRound("ours", "q1"), after).caption
