"""Histograms of depth, on hand-made depth maps."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dadist.classes import CLASS_SETS
from dadist.data.readers.base import FAR_CM, Files, decode
from dadist.doctor import picture
from dadist.doctor.histograms import BAR, BINS, NEAREST_M, as_table, measure
from dadist.doctor.sample import Seen

NUMERATOR = 1000.0
TOP = NUMERATOR / (100 * NEAREST_M)  # where z's last bin ends


def seen(depths: list[int], *, relative: bool = False) -> Seen:
    """A scene of one row."""
    depth: NDArray[np.uint16] = np.array([depths], np.uint16)
    grey = np.full((1, len(depths), 3), 128, np.uint8)
    scene = Files("a", Path("a.png"), None, Path("a_depth.png"))
    return Seen(scene, grey, None, depth, np.zeros(256, np.int64), depth, relative, 1.0, [])


def centimetres(z: float) -> int:
    return round(NUMERATOR / z - 1)


def test_z_is_counted_by_bin_the_far_in_the_first_and_the_very_near_in_the_last() -> None:
    middles = [centimetres((index + 0.5) * TOP / BINS) for index in range(BINS)]
    found = measure({"source": [seen([0, 0, FAR_CM, 1]), seen(middles)]}, NUMERATOR)["source"]
    assert (found.kind, found.images) == ("metric", 2)
    assert found.edges == pytest.approx(np.linspace(0, TOP, BINS + 1).tolist())
    assert found.shares == pytest.approx([2 / 12, *[1 / 12] * (BINS - 2), 2 / 12])
    assert found.known == pytest.approx(12 / 14)


def test_relative_depth_is_counted_from_the_farthest_to_the_nearest() -> None:
    found = measure({"val": [seen([0, 1, 1, 1 + 65534 // 2, 65535], relative=True)]}, NUMERATOR)["val"]
    assert (found.kind, found.known) == ("relative", 0.8)
    assert found.edges == pytest.approx(np.linspace(0, 1, BINS + 1).tolist())
    assert [index for index, share in enumerate(found.shares) if share] == [0, BINS // 2, BINS - 1]
    assert found.shares[0] == 0.5


def test_a_part_without_depth_has_no_histogram_and_one_without_a_measurement_an_empty_one() -> None:
    bare = Seen(*[*vars(seen([5])).values()][:3], None, *[*vars(seen([5])).values()][4:])
    found = measure({"train": [bare], "val": [seen([0, 0])]}, NUMERATOR)
    assert [*found] == ["val"]
    assert (found["val"].known, sum(found["val"].shares)) == (0.0, 0.0)
    assert as_table(found, NUMERATOR)[-1].split() == ["have", "depth", "0%"]


def test_the_table_has_metric_and_relative_depth_apart_and_a_bar_per_part() -> None:
    parts = {
        "source": [seen([FAR_CM, FAR_CM, FAR_CM, 499])],
        "train": [seen([0, 1, 65535], relative=True)],
        "val": [seen([FAR_CM, 499])],
    }
    lines = as_table(measure(parts, NUMERATOR), NUMERATOR)
    assert len(lines) == 2 * (BINS + 3)
    assert lines[0] == "depth: z = 1000 / (cm + 1); shares of the pixels that have depth"
    assert lines[1].split() == ["source", "val"]
    assert " ".join(lines[2].split()) == f"0 to 0.333 (far to 30 m) 75% {'█' * BAR} 50% {'█' * (BAR * 2 // 3)}▋"
    assert lines[BINS + 2].split() == ["have", "depth", "100%", "100%"]
    plain = as_table(measure(parts, NUMERATOR), NUMERATOR, encoding="latin-1")
    assert " ".join(plain[2].split()) == f"0 to 0.333 (far to 30 m) 75% {'#' * BAR} 50% {'#' * 11}"
    relative = lines[BINS + 3 :]
    assert relative[0].startswith("depth: relative inverse depth r, from 0 to 1 by image;")
    assert relative[1].split() == ["train"]
    assert relative[2].split() == ["0.00", "to", "0.10", "50%", "█" * BAR]
    assert relative[-1].split() == ["have", "depth", "67%"]


def colours(drawn: NDArray[Any]) -> set[tuple[int, ...]]:
    return {tuple(one) for one in drawn.reshape(-1, drawn.shape[-1]).tolist()}


def test_the_picture_ends_with_a_chart_that_has_a_line_for_each_part(tmp_path: Path) -> None:
    parts = {"source": [seen([FAR_CM, 499])], "val": [seen([700, 499])], "train": [seen([1, 65535], relative=True)]}
    drawn = {}
    for name, histograms in (("with", measure(parts, NUMERATOR)), ("without", {})):
        picture.draw(parts, CLASS_SETS["7"], tmp_path / f"{name}.png", 1, histograms, NUMERATOR)
        drawn[name] = decode(tmp_path / f"{name}.png")
    above = len(drawn["without"])
    assert drawn["with"].shape == (above + picture.CHART, *drawn["without"].shape[1:])
    np.testing.assert_array_equal(drawn["with"][:above], drawn["without"])
    left, right = np.split(drawn["with"][above:], 2, axis=1)
    first, second = (tuple(bytes.fromhex(one[1:])) for one in picture.charts.PALETTE[:2])
    assert {first, second} <= colours(left)
    assert first in colours(right)
    assert second not in colours(right)


@pytest.mark.parametrize(("depths", "relative"), [([1000, 300], False), ([30_000, 60_000], True)])
def test_what_is_near_is_red_in_the_picture_of_either_kind(tmp_path: Path, depths: list[int], relative: bool) -> None:
    picture.draw({"a": [seen(depths, relative=relative)]}, CLASS_SETS["7"], tmp_path / "a.png", 1, {}, NUMERATOR)
    row = decode(tmp_path / "a.png")[picture.LINE + 40].astype(int)
    far, near = (row[picture.THUMB + at] for at in (picture.THUMB // 4, picture.THUMB * 3 // 4))
    assert near[0] - near[2] > far[0] - far[2]
