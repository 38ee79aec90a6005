from pathlib import Path

import builders
import damage
import pages
import pytest

from dadist.report.figure_index import opened, read_losses
from dadist.storage.seal import sealed


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scores = [pages.metrics(one) for one in pages.TRAINED]
    return pages.drawn(tmp_path_factory.mktemp("drawn"), scores, builders.mixtures())


def test_every_figure_is_there_as_svg_and_png_and_told_in_words(folder: Path) -> None:
    shown = opened(folder)
    names = {one.name for one in shown}
    assert names == {
        *("miou", "iou", "confusion-source_only", "confusion-ours", "mixtures-plane", "mixtures-depth", "embedding"),
        *("losses-source_only-q0", "losses-ours-q0", "losses-ours-q1", "labels-ours-q1"),
    }
    assert {path.stem for path in folder.glob("*.png")} == names
    assert {path.stem for path in folder.glob("*.svg")} == names
    assert all(one.title and one.caption and one.alt for one in shown)


def test_a_description_has_the_numbers_that_the_chart_shows(folder: Path) -> None:
    told = {one.name: one.alt for one in opened(folder)}
    assert "segmentation from 1.5 to 0.9" in told["losses-ours-q0"]
    assert "over 40 steps" in told["losses-ours-q0"]
    assert "of ours q1" in told["iou"]
    assert "taken for" in told["confusion-ours"]
    assert "Commonest depths: flat" in told["mixtures-depth"]


def test_confusions_are_those_of_the_last_round(folder: Path) -> None:
    (shown,) = [one for one in opened(folder) if one.name == "confusion-ours"]
    assert shown.title == "ours q1"
    assert "all seeds (2)" in shown.caption


def test_a_training_without_a_step_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "losses.csv").write_text(sealed("step,lr\n"), encoding="utf-8")
    assert read_losses(tmp_path / "losses.csv") == []


def test_any_damage_to_losses_is_told(tmp_path: Path) -> None:
    path = pages.losses(tmp_path)[1]
    assert damage.every([path], lambda: read_losses(path), step=3)[path.name] == -(-path.stat().st_size // 3) + 5


def test_any_damage_to_figures_is_told_or_changes_nothing(folder: Path) -> None:
    files = [folder / name for name in ("index.json", "iou.svg", "embedding.png")]
    told = damage.every(files, lambda: opened(folder), step=2999)
    assert {name: count >= 5 for name, count in told.items()} == dict.fromkeys(told, True)
