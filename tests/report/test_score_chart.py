import dataclasses

import pages
import pytest
from matplotlib.colors import to_hex

from dadist.report.charts import PALETTE, style
from dadist.report.score_chart import NARROWEST, Score, chart, scores

ROWS = [Score("plain", "q0", [40.0]), Score("ours", "q0", [49.0, 51.0]), Score("ours", "q1", [52.0, 54.0])]


def test_seeds_are_dots_in_the_colour_of_their_round_and_means_stand_at_the_right() -> None:
    with style():
        (axes,) = chart(ROWS).axes
    dots = axes.collections
    assert [one.get_offsets()[:, 0].tolist() for one in dots] == [[40.0], [49.0, 51.0], [52.0, 54.0]]
    assert [to_hex(one.get_facecolor()[0]) for one in dots] == [PALETTE[0], PALETTE[0], PALETTE[1]]
    assert [text.get_text() for text in axes.texts] == ["40.0", "50.0", "53.0"]
    assert [text.get_fontweight() for text in axes.texts] == ["normal", "normal", "bold"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["plain q0", "ours q0", "q1"]
    places = axes.get_yticks()
    assert places[1] - places[0] > places[2] - places[1]  # rounds of a method stand together
    ((link),) = [line for line in axes.lines if len(line.get_xdata()) == 2]
    assert list(link.get_xdata()) == [50.0, 53.0]


def test_noise_does_not_fill_the_axis() -> None:
    with style():
        (axes,) = chart([Score("a", "q0", [50.0]), Score("b", "q0", [50.1])]).axes
    low, high = axes.get_xlim()
    assert high - low > NARROWEST
    assert low < 50 < high


def test_a_score_is_of_all_seeds_and_models_without_a_mean_have_none() -> None:
    found = scores([pages.metrics(one) for one in pages.TRAINED])
    assert [(one.method, one.round, len(one.values)) for one in found] == [
        ("source_only", "q0", 2),
        ("ours", "q0", 2),
        ("ours", "q1", 2),
    ]
    assert found[2].mean == pytest.approx(64.6, abs=0.05)
    nothing = dataclasses.replace(pages.metrics(pages.TRAINED[0]), confusion=[[0] * 7] * 7)
    assert scores([nothing]) == []
