import base64
import io
import re
from pathlib import Path

import builders
import numpy as np
import pytest
from PIL import Image

from dadist.report.image_grid import draw, save
from dadist.report.pictures import TINY, pictures
from dadist.storage.errors import DamagedError

COLOURS = builders.SEVEN.colours


def embedded(markup: str) -> list[tuple[str, Image.Image]]:
    """Kind and picture of each image in a piece of a page."""
    found = re.findall(r"data:image/(\w+);base64,([^\"]*)", markup)
    return [(kind, Image.open(io.BytesIO(base64.b64decode(data)))) for kind, data in found]


def test_a_grid_is_shown_cell_by_cell_under_its_titles_without_its_paper(tmp_path: Path) -> None:
    labels = np.arange(2)[:, None, None] * np.ones((1, 8, 400), int)
    columns = [(name, COLOURS[labels + at].astype(np.uint8)) for at, name in enumerate(("before", "after"))]
    draw(columns, tmp_path / "grid.png", scale=1, classes=builders.SEVEN)
    made = pictures(tmp_path / "grid.png", "labels", "Two columns.", 800)
    assert 'aria-label="Figure: labels. Two columns." style="--across: 2"' in made
    assert re.findall(r'alt="([^"]*)"', made) == [
        "before, image 1",
        "after, image 1",
        "before, image 2",
        "after, image 2",
    ]
    assert re.findall(r'<span( class="later")?', made) == ["", "", ' class="later"', ' class="later"']
    assert re.findall(r'<button type="button"( class="first")?', made) == [' class="first"', "", ' class="first"', ""]
    for (kind, cell), label in zip(embedded(made), (0, 1, 1, 2), strict=True):
        assert (kind, cell.size) == ("png", (400, 8))
        assert (np.asarray(cell.convert("RGB")) == COLOURS[label]).all()


def test_labels_keep_their_colours_when_they_are_shrunk_and_photographs_are_jpegs(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = COLOURS[random.integers(0, 7, (1, 200, 900))].astype(np.uint8)
    photo = random.integers(0, 255, (1, 200, 900, 3), np.uint8)
    draw([("photo", photo), ("labels", labels)], tmp_path / "grid.png", scale=1)
    (first, seen), (second, kept) = embedded(pictures(tmp_path / "grid.png", "title", "alt", 1200))
    assert (first, second, seen.size, kept.size) == ("jpeg", "png", (600, 133), (600, 133))
    found = {tuple(colour) for colour in np.asarray(kept.convert("RGB")).reshape(-1, 3).tolist()}
    assert found <= {tuple(colour) for colour in COLOURS.tolist()}


@pytest.mark.parametrize(("width", "square"), [(TINY - 1, True), (TINY, False)])
def test_a_small_picture_is_enlarged_with_square_pixels(tmp_path: Path, width: int, square: bool) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (8, width, 3), np.uint8)
    save(noise, tmp_path / "a.png")
    made = pictures(tmp_path / "a.png", "title", "alt", 800)
    assert made.count("<button") == 1
    assert ('class="square"' in made) == square


def test_a_picture_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        DamagedError, match=r"a\.png: expected a picture as it was drawn, got no such file; run the same"
    ):
        pictures(tmp_path / "a.png", "title", "alt", 800)
