from pathlib import Path

import matplotlib.axes
import pytest

from dadist.prior.alignment import Alignment
from dadist.report.likelihood_curves import plot, told


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
    found = told(Alignment("relative", 1.2, 0.0, (0.1, 0.1), 1.0, [0.3, 1.0, 3.0], [-2.0, 1.0, 0.0], 9))
    assert (found.name, found.section) == ("alignment", "fusion")
    assert "the mean over 9 cells" in found.caption
    assert found.alt == "A curve over scales. 1.2 is taken; the best point of the curve has 1.00 nats per cell."
