from pathlib import Path

import matplotlib.axes
import pytest

from dadist.prior.alignment import Alignment
from dadist.report.likelihood_curves import chart, described, plot


def test_the_axis_has_plain_numbers_and_shows_where_scales_compete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    set_xticks = matplotlib.axes.Axes.set_xticks

    def noted(axes: matplotlib.axes.Axes, ticks: list[float], labels: list[str] | None = None, **more: bool) -> object:
        shown.extend(labels or [])
        return set_xticks(axes, ticks, labels, **more)

    monkeypatch.setattr(matplotlib.axes.Axes, "set_xticks", noted)
    scales = [0.3, 1.0, 3.0, 10.0]
    plot(Alignment("relative", 1.2, 0.0, (0.1, 0.1), 1.0, scales, [-2.0, 1.0, 0.0, -30.0], 9), tmp_path / "a.png")
    assert shown == ["0.5", "1", "2", "5", "10"]
    plot(Alignment("metric", 1.0, 0.0, (0.1, 0.1), 1.0, [], [], 9), tmp_path / "b.png")
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "b.png"}


def test_a_page_is_told_which_scale_was_taken_of_how_many_cells() -> None:
    found = described(Alignment("relative", 1.2, 0.0, (0.1, 0.1), 1.0, [0.3, 1.0, 3.0], [-2.0, 1.0, 0.0], 9))
    assert (found.name, found.section) == ("alignment", "fusion")
    assert "the mean over 9 cells" in found.caption
    assert found.alt == "Curves of likelihood. Taken: scale 1.2; with these, 1.00 nats per cell."


def test_a_camera_that_was_found_has_curves_of_its_own() -> None:
    lenses = {"focal": [[0.5, 0.0], [1.0, 2.0], [2.0, 1.0]], "horizon": [[0.4, 2.0], [0.5, 1.0]]}
    found = Alignment("none", 1.0, 0.0, (0.0, 0.0), 2.0, [], [], 9, camera=(0.95, 0.41), lenses=lenses)
    figure = chart(found)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["focal 0.95", "horizon 0.41"]
    lines = [axes.lines for axes in figure.axes]
    assert [list(curve.get_ydata()) for curve, _ in lines] == [[0.0, 2.0, 1.0], [2.0, 1.0]]
    assert [line.get_xdata()[0] for _, line in lines] == [0.95, 0.41]
    assert "focal 0.95, horizon 0.41; with" in described(found).alt
