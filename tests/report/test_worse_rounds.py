from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dadist.report.worse_rounds import WorseRound, worse_rounds


def rows(method: str = "ours", **rounds: Sequence[float | None]) -> list[dict[str, Any]]:
    """Of one method: mIoU of each seed, by round."""
    return [
        {"method": method, "seed": seed, "round": name, "miou": "" if value is None else value}
        for name, values in rounds.items()
        for seed, value in enumerate(values, 1)
    ]


@pytest.mark.parametrize(("later", "worse"), [(49.5, False), (49.4, True), (50.6, False)])
def test_with_one_seed_a_round_is_worse_by_more_than_half_a_point(later: float, worse: bool) -> None:
    assert [one.round for one in worse_rounds(rows(q0=[50], q1=[later]))] == ["q1"] * worse


@pytest.mark.parametrize(("lost", "worse"), [(1.9, False), (2.1, True)])
def test_with_several_it_is_by_more_than_the_seeds_spread(lost: float, worse: bool) -> None:
    # 50, 52, 54 have a standard deviation of 2, the others of 1
    later = [51 - lost, 52 - lost, 53 - lost]
    assert bool(worse_rounds(rows(q0=[50, 52, 54], q1=later))) == worse
    assert bool(worse_rounds(rows(q0=[51, 52, 53], q1=[50 - lost, 52 - lost, 54 - lost]))) == worse


def test_a_round_is_told_once_beside_the_better_of_the_one_before_and_q0() -> None:
    found = worse_rounds(rows(q0=[50], q1=[55], q2=[48], q3=[48.2]))
    assert [(one.round, one.better) for one in found] == [("q2", "q1"), ("q3", "q0")]
    assert str(found[0]) == "ours q2: mIoU fell from 55.0 (q1) to 48.0, by 7.0 (one seed)"


def test_rows_of_another_method_protocol_or_setting_are_not_compared() -> None:
    assert worse_rounds(rows("a", q0=[50]) + rows("b", q1=[40])) == []
    for name in ("protocol", "setting", "prior"):
        better, worse = (
            [row | {name: which} for row in rows(**{at: [miou]})]
            for which, at, miou in (("x", "q0", 50), ("y", "q1", 40))
        )
        assert worse_rounds(better + worse) == []


def test_seeds_that_spread_are_told_and_rows_without_a_mean_are_no_seeds() -> None:
    (found,) = worse_rounds(rows(q0=[50, 51, None], q1=[40, 41, float("nan")]))
    assert found == WorseRound("ours", "q1", "q0", 40.5, 50.5, pytest.approx(0.7071, abs=1e-4))
    assert found.what.endswith("by 10.0 (the seeds spread by 0.7)")


def test_rounds_are_in_the_order_of_their_numbers() -> None:
    assert worse_rounds(rows(q10=[60], q0=[50], q2=[55])) == []


def test_a_file_is_read_as_the_rule_collect_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("setting,method,seed,round,miou,code\nm,ours,1,q0,50.12,a\nm,ours,1,q1,48.1,b\n", encoding="utf-8")
    assert [str(one) for one in worse_rounds(path)] == ["ours q1: mIoU fell from 50.1 (q0) to 48.1, by 2.0 (one seed)"]


def test_another_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("method,miou\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"other\.csv: expected a metrics\.csv, got a table without seed"):
        worse_rounds(path)
