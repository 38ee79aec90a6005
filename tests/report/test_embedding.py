from pathlib import Path

import builders
import damage
import numpy as np
import pandas as pd
import pytest

from dadist.classes import IGNORE
from dadist.config.sections import Embed
from dadist.report.embedding import COLUMNS, SPACES, embed, save
from dadist.report.figure_set import read_embedding

SETTINGS = Embed(method="depth_distribution", images=2, points=70, perplexity=30.0, seed=1)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("embedding")
    source, target = builders.split(folder / "source"), builders.unlabelled(folder / "target")
    return embed(builders.segmenter(("depth", "density")).eval(), source, target, SETTINGS)


def test_both_spaces_place_the_same_pixels_of_both_domains(rows: pd.DataFrame) -> None:
    assert list(rows.columns) == list(COLUMNS)
    left, right = (rows[rows.space == space].reset_index(drop=True) for space in SPACES)
    assert left[["domain", "label"]].equals(right[["domain", "label"]])
    assert set(left.domain) == {"source", "target"}
    assert np.isfinite(rows[["x", "y"]].to_numpy()).all()
    assert (left.x != right.x).any()


def test_a_class_gives_a_domain_at_most_its_share_and_ignored_pixels_nothing(rows: pd.DataFrame) -> None:
    counts = rows[rows.space == SPACES[0]].groupby(["domain", "label"]).size()
    assert counts.max() <= 70 // builders.CLASSES
    assert IGNORE not in set(rows.label)


def test_padding_is_not_drawn(tmp_path: Path) -> None:
    content = [[builders.WIDTH // 2, builders.HEIGHT]] * 2
    target = builders.split(tmp_path / "target", 2, labels=None, depth=None, content=content)
    source = builders.split(tmp_path / "source", 2)
    many = Embed(method="", images=2, points=10_000, perplexity=5.0, seed=1)
    found = embed(builders.segmenter(("depth", "density")).eval(), source, target, many)
    cells = builders.GRID[0] * builders.GRID[1]
    assert (found[found.space == SPACES[0]].domain == "target").sum() == cells  # half of two images


def test_a_network_without_the_heads_is_refused_with_the_key(tmp_path: Path) -> None:
    source = builders.split(tmp_path / "source")
    with pytest.raises(ValueError, match=r"embed\.method: expected a network with heads for depth and density"):
        embed(builders.segmenter().eval(), source, source, SETTINGS)


def test_the_file_has_a_row_a_pixel_and_space_and_any_damage_to_it_is_told(rows: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "embedding.csv"
    save(rows, path)
    pd.testing.assert_frame_equal(read_embedding(path), rows.round(3), check_dtype=False)
    told = damage.every([path], lambda: read_embedding(path).to_csv(), step=499)
    assert told["embedding.csv"] == -(-path.stat().st_size // 499) + 5
