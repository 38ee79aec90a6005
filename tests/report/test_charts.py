import re
from pathlib import Path

import numpy as np
import pytest
from colours import contrast
from matplotlib.figure import Figure

from dadist.report.charts import ACROSS, PALETTE, Curve, bars, curves, matrix, save, scatter, style
from dadist.report.figure_index import FAINT, INK

NAN = float("nan")


def drawn() -> Figure:
    with style():
        return curves({"segmentation": [Curve([20, 40], [1.0, 0.5]), Curve([20, 40], [1.1, 0.4])]})


def test_a_figure_is_written_twice_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        with style():
            save(drawn(), tmp_path / folder, "losses", 80)
    for kind in ("svg", "png"):
        first, second = ((tmp_path / folder / f"losses.{kind}").read_bytes() for folder in ("a", "b"))
        assert first == second
    svg = (tmp_path / "a/losses.svg").read_text(encoding="utf-8")
    assert "<dc:date>" not in svg
    assert ">segmentation</text>" in svg  # text stays text
    assert INK in svg


def test_the_colours_can_be_seen_on_white() -> None:
    assert all(contrast(colour, "#ffffff") >= 1.8 for colour in PALETTE)
    assert contrast(INK, "#ffffff") > 7
    assert len({INK, FAINT, *PALETTE}) == len(PALETTE) + 2


def test_every_term_has_a_chart_and_every_seed_a_line() -> None:
    with style():
        figure = curves({f"term {index}": [Curve([1], [0.0])] * 3 for index in range(ACROSS + 1)})
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == ACROSS + 1
    assert all(len(axes.lines) == 3 for axes in shown)
    assert shown[-1].get_xlabel() == "step"


def test_a_term_of_one_point_is_drawn_as_a_dot_and_a_few_charts_fill_the_width() -> None:
    with style():
        figure = curves({"segmentation": [Curve([20], [1.0]), Curve([20, 40], [1.0, 0.5])], "mixed": []})
    assert len(figure.axes) == 2
    assert [line.get_marker() for line in figure.axes[0].lines] == ["o", ""]


def test_bars_say_where_there_is_no_rate_and_have_whiskers_only_over_seeds() -> None:
    rates, spread = np.array([[50.0, NAN], [60.0, 10.0]]), np.array([[1.0, NAN], [2.0, NAN]])
    with style():
        figure = bars(["a q0", "b q0"], rates, spread, ["mean", "bus"])
    first, second = figure.axes[:2]
    assert [patch.get_width() for patch in first.patches] == [50, 60]
    assert [text.get_text() for text in second.texts] == ["none"]
    assert len(first.collections) == 1
    assert not second.collections
    assert re.search("IoU, %", second.get_xlabel())


def test_a_matrix_shows_shares_of_the_truth_and_an_empty_class_in_grey() -> None:
    with style():
        figure = matrix(np.array([[75.0, 25.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 2.0]]), ["road", "bus", "sky"])
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["75", "25", "100"]
    values = axes.collections[0].get_array()
    assert values is not None
    assert np.ma.getmaskarray(values).reshape(3, 3).all(1).tolist() == [False, True, False]


@pytest.mark.parametrize("count", [0, 5])
def test_points_have_a_marker_a_domain_and_a_colour_a_class(count: int) -> None:
    points = {
        "domain": np.array(["source"] * count + ["target"] * 2),
        "label": np.array([0] * count + [1] * 2),
        "x": np.arange(count + 2.0),
        "y": np.arange(count + 2.0),
    }
    with style():
        figure = scatter({"left": points, "right": points}, ["road", "sky"], ["#804080", "#4682b4"])
    keys = [text.get_text() for text in figure.legends[0].get_texts()]
    assert keys == ["source", "target", *(["road"] if count else []), "sky"]
    assert [axes.get_title() for axes in figure.axes] == ["left", "right"]
