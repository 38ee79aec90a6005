from pathlib import Path
from typing import Any

import builders
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dadist.classes import IGNORE
from dadist.config.prior_sections import Prior
from dadist.data.prepared import Prepared
from dadist.evaluation.evaluate import score
from dadist.prior.alignment import Alignment
from dadist.prior.use import PriorOf
from dadist.report.charts import style
from dadist.report.figure_index import opened
from dadist.report.figure_set import FigureSet
from dadist.report.image_grid import GAP, legend, title_height
from dadist.report.prior_changes import Moves, Shown, add, chart, look, picture
from dadist.storage.workspace import notes

WEIGHTS = Prior(1.0, 0.5, (0.1, 0.1), -30.0, "labels", "files")
SCALE = 384 // builders.WIDTH
CLASSES = builders.CLASSES


def weighed(folder: Path, data: Prepared) -> PriorOf:
    """What made-up mixtures say of a split whose depth is in metres."""
    builders.mixtures().save(folder / "mixtures.npz")
    Alignment("metric", 1.0, 0.0, (0.1, 0.1), 0.0, [], [], 9).save(folder / "alignment.json")
    return PriorOf([folder / "mixtures.npz", folder / "alignment.json"], data, "cpu")


def seen(folder: Path, data: Prepared, *, truth: bool = True, batch: int = 3) -> tuple[Moves, Shown]:
    done: list[int] = []
    found = look(
        builders.segmenter().eval(),
        data,
        weighed(folder, data),
        WEIGHTS,
        truth=truth,
        images=2,
        batch=batch,
        progress=done.append,
    )
    assert done[-1] == len(data)
    return found


def test_what_became_right_and_what_was_is_the_difference_of_the_two_evaluations(tmp_path: Path) -> None:
    data = builders.split(tmp_path / "val")
    moves, shown = seen(tmp_path, data)
    prior = weighed(tmp_path, data)
    with notes(tmp_path / "metrics.json", "key") as journal:
        (plain, fused), _ = score(
            builders.segmenter().eval(),
            data,
            journal,
            batch=2,
            numerator=1000.0,
            cap_m=80.0,
            prior=prior,
            ways=[None, prior.fusion(WEIGHTS)],
            progress=lambda count: None,
        )
    assert moves.moved.sum() > 100
    assert moves.pixels.sum() == data.images[..., 0].size
    assert moves.right.sum() > 0
    assert moves.wrong.sum() > 0
    gained = int(np.trace(fused.astype(int))) - int(np.trace(plain.astype(int)))
    assert moves.right.sum() - moves.wrong.sum() == gained
    assert shown.rows.tolist() == [0, 3]
    away = (shown.network != shown.fused).sum()
    assert 0 < away <= moves.moved.sum()


def test_images_at_once_change_no_count_and_no_label_is_opened_where_there_are_none(tmp_path: Path) -> None:
    data = builders.split(tmp_path / "val")
    moves, _ = seen(tmp_path, data)
    alone, _ = seen(tmp_path, builders.split(tmp_path / "train", labels=None), truth=False, batch=1)
    np.testing.assert_array_equal(alone.pixels, moves.pixels)
    assert not alone.right.any()
    assert not alone.wrong.any()


def test_padding_is_not_counted(tmp_path: Path) -> None:
    data = builders.split(tmp_path / "val", labels=None, content=[[40, 20]] * 4)
    assert seen(tmp_path, data, truth=False)[0].pixels.sum() == 4 * 40 * 20


def drawn(folder: Path, *, truth: bool) -> NDArray[Any]:
    """One image, orange, of class 4 but for its left half, which moves to class 2; RGB."""
    orange = np.broadcast_to(np.array([250, 120, 10], np.uint8), (1, builders.HEIGHT, builders.WIDTH, 3))
    labels = np.full((1, builders.HEIGHT, builders.WIDTH), 6, np.uint8)
    labels[:, : builders.HEIGHT // 2] = IGNORE
    data = builders.split(folder / "val", images=orange, labels=labels if truth else None)
    network = np.full((1, builders.HEIGHT, builders.WIDTH), 4, np.uint8)
    fused = network.copy()
    fused[:, :, : builders.WIDTH // 2] = 2
    picture(data, Shown(np.array([0]), network, fused), folder / "changed.png", truth=truth)
    read = cv2.imread(str(folder / "changed.png"))
    assert read is not None
    return read[..., ::-1]


def cell(shown: NDArray[Any], column: int) -> NDArray[Any]:
    width, height = builders.WIDTH * SCALE, builders.HEIGHT * SCALE
    x, bar = column * (width + GAP), title_height(width)
    return shown[bar : bar + height, x : x + width]


def test_a_picture_shows_both_labels_what_moved_on_grey_and_the_truth(tmp_path: Path) -> None:
    shown, palette, half = drawn(tmp_path, truth=True), builders.SEVEN.colours, builders.WIDTH * SCALE // 2
    width, height = builders.WIDTH * SCALE, builders.HEIGHT * SCALE
    across = 5 * width + 4 * GAP
    below = len(legend(builders.SEVEN, across, 2.0))
    assert shown.shape == (title_height(width) + height + GAP + below, across, 3)
    assert (cell(shown, 0) == [250, 120, 10]).all()
    assert (cell(shown, 1) == palette[4]).all()
    assert (cell(shown, 2)[:, :half] == palette[2]).all()
    assert (cell(shown, 2)[:, half:] == palette[4]).all()
    moved = cell(shown, 3)
    assert (moved[:, :half] == palette[2]).all()
    assert (moved[:, half:] == moved[0, -1, 0]).all()  # one grey
    assert (cell(shown, 4)[: height // 2] == 0).all()
    assert (cell(shown, 4)[height // 2 :] == palette[6]).all()


def test_a_picture_without_truth_has_four_columns(tmp_path: Path) -> None:
    assert drawn(tmp_path, truth=False).shape[1] == 4 * builders.WIDTH * SCALE + 3 * GAP


def moves(**counts: tuple[int, int, int]) -> Moves:
    """From pairs like a12 (class 1 to 2) with pixels, right, wrong; 900 pixels of class 0 stay."""
    found = np.zeros((3, CLASSES, CLASSES), np.int64)
    found[0, 0, 0] = 900
    for name, three in counts.items():
        found[:, int(name[1]), int(name[2])] = three
    return Moves(*found)


FEW = {"a12": (60, 30, 20), "a31": (40, 0, 40)}


def test_bars_are_shares_of_all_pixels_split_by_what_became_right() -> None:
    with style():
        (axes,) = chart(moves(**FEW), builders.SEVEN, truth=True).axes
    names = builders.SEVEN.names
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [
        f"{names[1]} → {names[2]}",
        f"{names[3]} → {names[1]}",
    ]
    widths = [[bar.get_width() for bar in container] for container in axes.containers]
    np.testing.assert_allclose(widths, [[3, 0], [2, 4], [1, 0]])  # became right, were right, neither; percent
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["became right", "were right", "neither"]


def test_bars_without_truth_have_the_colour_of_the_new_class() -> None:
    (axes,) = chart(moves(**FEW), builders.SEVEN, truth=False).axes
    (bars,) = axes.containers
    assert axes.get_legend() is None
    np.testing.assert_allclose(bars[0].get_facecolor()[:3], np.array(builders.SEVEN.colours[2]) / 255)


def test_a_prior_that_changes_nothing_has_a_chart_without_bars() -> None:
    (axes,) = chart(moves(), builders.SEVEN, truth=True).axes
    assert not [bar for container in axes.containers for bar in container]


@pytest.mark.parametrize("truth", [True, False])
def test_the_caption_says_how_many_pixels_moved_and_how_many_of_these_are_right(tmp_path: Path, truth: bool) -> None:
    data, made = builders.split(tmp_path / "val"), FigureSet(tmp_path / "figures", 60)
    shown = Shown(np.array([1]), data.labels[1:2] % CLASSES, data.labels[1:2] % CLASSES)
    add(made, data, moves(**FEW), shown, WEIGHTS, model="ours q2", truth=truth)
    made.close()
    first, second = opened(tmp_path / "figures")
    assert (first.name, second.name) == ("changed", "moves")
    share = "ours q2 with the prior (depth 1, place 0.5): 10.0 % of the pixels of 4 images move"
    counts = "; of these 30 % become right, and 60 % were right before" if truth else ""
    assert first.caption.startswith(f"{share}{counts}. ")
    assert ("truth" in first.alt) == truth
    names = builders.SEVEN.names
    assert first.alt.endswith(f"moves: {names[1]} to {names[2]}, {names[3]} to {names[1]}.")
