import base64
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import builders
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

from dadist.classes import CLASS_SETS, IGNORE
from dadist.model.segmenter import Outputs
from dadist.report.figures import panel
from dadist.report.image_grid import BAR, FULL, GAP, draw, layout, legend, save, title_height, wrapped

HEIGHT, WIDTH = 12, 40
SEVEN = CLASS_SETS["7"]


class Fixed(builders.Thirds):
    """Says one class for every pixel."""

    def __init__(self, label: int) -> None:
        super().__init__()
        self.label = label

    def forward(self, images: Tensor) -> Outputs:
        logits = images.new_zeros(len(images), builders.CLASSES, *images.shape[2:])
        logits[:, self.label] = self.scale
        return Outputs(logits)


class TakesImages(Fixed):
    """Sees 2 m on the left and 80 m on the right, and a density of 0.5 below."""

    def forward(self, images: Tensor) -> Outputs:
        plain = super().forward(images)
        depth = images.new_full((len(images), 1, *images.shape[2:]), 1000 / 201)
        depth[..., WIDTH // 2 :] = 1000 / 8001
        density = images.new_zeros(depth.shape)
        density[:, :, HEIGHT // 2 :] = 0.5
        return Outputs(plain.logits, depth, density)


def drawn(folder: Path, *, truth: bool = True, images: int = 2, scale: int = 1) -> NDArray[Any]:
    """The panel of three images, all orange, labelled 4 left and not at all right; RGB."""
    orange = np.broadcast_to(np.array([250, 120, 10], np.uint8), (3, HEIGHT, WIDTH, 3))
    labels = np.full((3, HEIGHT, WIDTH), 4, np.uint8)
    labels[:, :, WIDTH // 2 :] = IGNORE
    val = builders.split(folder / "val", images=orange, labels=labels, depth=None)
    panel(
        val,
        [Fixed(2), Fixed(6)],
        ["one", "two"],
        folder / "panel.png",
        truth=truth,
        images=images,
        scale=scale,
        numerator=1000.0,
    )  # type: ignore[list-item]
    picture = cv2.imread(str(folder / "panel.png"))
    assert picture is not None
    return picture[:, :, ::-1]


def cell(picture: NDArray[Any], row: int, column: int, scale: int = 1) -> NDArray[Any]:
    y, x = BAR + row * (HEIGHT * scale + GAP), column * (WIDTH * scale + GAP)
    return picture[y : y + HEIGHT * scale, x : x + WIDTH * scale]


@pytest.mark.parametrize("scale", [1, 3])
def test_a_panel_has_a_column_a_model_and_a_row_an_image(tmp_path: Path, scale: int) -> None:
    picture = drawn(tmp_path, scale=scale)
    width = 4 * WIDTH * scale + 3 * GAP
    assert picture.shape == (BAR + 2 * (HEIGHT * scale + GAP) + len(legend(SEVEN, width, 1.0)), width, 3)


def test_a_panel_without_truth_shows_the_models_beside_the_input(tmp_path: Path) -> None:
    picture, palette = drawn(tmp_path, truth=False), CLASS_SETS["7"].colours
    assert picture.shape[1] == 3 * WIDTH + 2 * GAP
    assert (cell(picture, 0, 1) == palette[2]).all()
    assert (cell(picture, 0, 2) == palette[6]).all()


@pytest.mark.parametrize("scale", [1, 2])
def test_cells_show_input_truth_and_what_each_model_sees(tmp_path: Path, scale: int) -> None:
    picture, palette = drawn(tmp_path, scale=scale), CLASS_SETS["7"].colours
    for row in range(2):
        assert (cell(picture, row, 0, scale) == [250, 120, 10]).all()
        truth = cell(picture, row, 1, scale)
        assert (truth[:, : WIDTH * scale // 2] == palette[4]).all()
        assert (truth[:, WIDTH * scale // 2 :] == 0).all()
        assert (cell(picture, row, 2, scale) == palette[2]).all()
        assert (cell(picture, row, 3, scale) == palette[6]).all()


def test_a_truth_finer_than_the_images_is_shown_at_their_size(tmp_path: Path) -> None:
    labels = np.full((1, 2 * HEIGHT, 2 * WIDTH), 4, np.uint8)
    labels[:, HEIGHT:] = 5
    images = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    val = builders.split(tmp_path / "val", images=images, labels=labels, depth=None)
    panel(val, [], [], tmp_path / "panel.png", truth=True, images=1, scale=1, numerator=1000.0)
    picture = cv2.imread(str(tmp_path / "panel.png"))
    assert picture is not None
    truth, palette = cell(picture[:, :, ::-1], 0, 1), CLASS_SETS["7"].colours
    assert (truth[: HEIGHT // 2] == palette[4]).all()
    assert (truth[HEIGHT // 2 :] == palette[5]).all()


def test_padding_is_white_in_every_column(tmp_path: Path) -> None:
    labels = np.full((1, HEIGHT, WIDTH), 4, np.uint8)
    images = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    val = builders.split(tmp_path / "val", images=images, labels=labels, depth=None, content=[[WIDTH // 2, HEIGHT]])
    panel(val, [Fixed(2)], ["one"], tmp_path / "panel.png", truth=True, images=1, scale=1, numerator=1000.0)  # type: ignore[list-item]
    picture = cv2.imread(str(tmp_path / "panel.png"))
    assert picture is not None
    palette = CLASS_SETS["7"].colours
    for column, colour in enumerate(([0, 0, 0], palette[4], palette[2])):
        shown = cell(picture[:, :, ::-1], 0, column)
        assert (shown[:, : WIDTH // 2] == colour).all()
        assert (shown[:, WIDTH // 2 :] == 255).all()


def test_depth_and_density_of_the_first_model_that_has_them_follow(tmp_path: Path) -> None:
    images = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    val = builders.split(tmp_path / "val", images=images, labels=None, depth=None)
    models, names = [Fixed(1), TakesImages(2), TakesImages(3)], ["plain q0", "ours q0", "ours q2"]
    panel(val, models, names, tmp_path / "panel.png", truth=False, images=1, scale=1, numerator=1000.0)  # type: ignore[arg-type]
    picture = cv2.imread(str(tmp_path / "panel.png"))
    assert picture is not None
    assert picture.shape[1] == 6 * WIDTH + 5 * GAP
    depth, density = (cell(picture, 0, column).astype(int).sum(-1) for column in (4, 5))
    assert depth[0, 0] > 3 * depth[0, -1]  # near is bright
    assert density[-1, 0] > 3 * density[0, 0]


def test_titles_stand_above_the_columns_and_gaps_are_white(tmp_path: Path) -> None:
    picture = drawn(tmp_path)
    for column in range(4):
        x = column * (WIDTH + GAP)
        assert picture[:BAR, x : x + WIDTH].min() < 128
        assert (picture[: BAR + HEIGHT, x + WIDTH : x + WIDTH + GAP] == 255).all()
    assert (picture[BAR + HEIGHT : BAR + HEIGHT + GAP] == 255).all()


def test_no_more_images_are_shown_than_there_are(tmp_path: Path) -> None:
    below = len(legend(SEVEN, 4 * WIDTH + 3 * GAP, 1.0))
    assert drawn(tmp_path, images=9).shape[0] == BAR + 3 * (HEIGHT + GAP) + below


def test_the_legend_has_each_class_s_colour_once_and_wraps_where_it_is_full() -> None:
    wide, narrow = legend(SEVEN, 2000, 1.0), legend(SEVEN, 150, 1.0)
    assert wide.shape == (BAR, 2000, 3)
    assert narrow.shape[0] > BAR
    for picture in (wide, narrow):
        for colour in SEVEN.colours:
            assert (picture == colour).all(-1).sum() >= 12 * 12


def test_titles_grow_with_the_columns_from_a_width_on() -> None:
    assert [title_height(width) for width in (40, FULL, 2 * FULL)] == [BAR, BAR, 2 * BAR]


def test_a_panel_without_maps_has_columns_of_labels_alone(tmp_path: Path) -> None:
    images = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    val = builders.split(tmp_path / "val", images=images, labels=None, depth=None)
    panel(
        val,
        [TakesImages(2)],  # type: ignore[list-item]
        ["ours q0"],
        tmp_path / "panel.png",
        truth=False,
        images=1,
        scale=1,
        numerator=1000.0,
        maps=False,
    )
    picture = cv2.imread(str(tmp_path / "panel.png"))
    assert picture is not None
    assert picture.shape[1] == 2 * WIDTH + GAP


def test_a_title_too_few_is_refused(tmp_path: Path) -> None:
    val = builders.split(tmp_path / "val")
    with pytest.raises(ValueError, match="zip"):
        panel(
            val, [Fixed(1), Fixed(2)], ["one"], tmp_path / "panel.png", truth=True, images=1, scale=1, numerator=1000.0
        )  # type: ignore[list-item]
    assert not (tmp_path / "panel.png").exists()


def test_a_picture_s_svg_has_its_pixels_and_size(tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "a.png"), np.arange(36, dtype=np.uint8).reshape(3, 4, 3))
    wrapped(tmp_path / "a.png", tmp_path / "a.svg")
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("4", "3", "0 0 4 3")
    kind, _, data = str(root[0].get("href")).partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data) == (tmp_path / "a.png").read_bytes()


@pytest.mark.parametrize("size", [1.0, 2.5])
def test_a_legend_takes_names_of_any_kind(size: float) -> None:
    found = legend(builders.ODDLY, 300, size)
    assert found.shape[1:] == (300, 3)
    assert {tuple(colour) for colour in builders.ODDLY.colours.tolist()} <= {tuple(one) for one in found.reshape(-1, 3)}


@pytest.mark.parametrize("scale", [1, 3])
def test_a_grid_says_where_its_cells_are(tmp_path: Path, scale: int) -> None:
    first, second = (np.full((2, HEIGHT, WIDTH, 3), value, np.uint8) for value in (10, 60))
    first[1], second[1] = 110, 160
    draw([("one", first), ("two", second)], tmp_path / "grid.png", scale=scale, classes=SEVEN)
    picture, found = cv2.imread(str(tmp_path / "grid.png")), layout(tmp_path / "grid.png")
    assert picture is not None
    assert found is not None
    cells = [(title, row, picture[top:bottom, left:right]) for title, row, (left, top, right, bottom) in found.cells()]
    assert [(title, row) for title, row, _ in cells] == [("one", 1), ("two", 1), ("one", 2), ("two", 2)]
    for value, (_, _, shown) in zip((10, 60, 110, 160), cells, strict=True):
        assert shown.shape == (HEIGHT * scale, WIDTH * scale, 3)
        assert (shown == value).all()


def test_a_picture_that_is_no_grid_has_no_layout(tmp_path: Path) -> None:
    save(np.zeros((3, 4, 3), np.uint8), tmp_path / "a.png")
    assert layout(tmp_path / "a.png") is None
