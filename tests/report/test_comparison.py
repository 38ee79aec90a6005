import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from dadist.report import comparison
from dadist.report.comparison import compare, read

PROTOCOL = {"images": 500, "iterations": 300, "selection": "last", "init": "warm_up", "labels": "192x96", "code": "abc"}


def row(seed: int, road: float, car: float, **changes: Any) -> dict[str, Any]:
    rates = {"miou": (road + car) / 2, "miou_star": (road + car) / 2, "road": road, "car": car}
    head = {"setting": "demo", "method": "dada", "seed": seed, "round": "q0"}
    return {**head, **rates, **changes.pop("depth", {}), **PROTOCOL, **changes}


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows)


def compared(before: pd.DataFrame, after: pd.DataFrame) -> comparison.Comparison:
    return compare(before, after, "a.csv", "b.csv")


BEFORE = table(row(1, 80, 40), row(2, 82, 50), row(3, 84, 60))  # road 82 ± 2, car 50 ± 10
AFTER = table(row(1, 90, 42), row(2, 92, 52), row(3, 94, 62))  # road 92 ± 2, car 52 ± 10


def test_differences_and_their_noise_are_those_of_hand() -> None:
    (found,) = compared(BEFORE, AFTER).rows
    assert (found.method, found.round, found.seeds) == ("dada", "q0", (3, 3))
    scores = {score.name: score for score in found.scores}
    assert list(scores) == ["miou", "miou_star", "road", "car"]
    assert (scores["road"].before, scores["road"].after, scores["road"].difference) == (82, 92, 10)
    assert scores["road"].noise == pytest.approx(2.776 * math.sqrt(4 / 3 + 4 / 3))  # 4 degrees of freedom
    assert scores["car"].noise == pytest.approx(2.776 * math.sqrt(100 / 3 + 100 / 3))
    assert [scores[name].verdict for name in ("road", "car")] == ["better", "within the noise"]
    assert compared(AFTER, BEFORE).rows[0].scores[2].verdict == "worse"
    assert compared(BEFORE, BEFORE).rows[0].scores[2].verdict == "equal"


def test_degrees_of_freedom_are_welchs_rounded_down() -> None:
    before, after = table(row(1, 10, 10), row(2, 20, 20)), table(*(row(seed, 50 + seed, 50) for seed in range(1, 6)))
    # Shares 50 / 2 = 25 and 2.5 / 5 = 0.5: 25.5^2 / (25^2 / 1 + 0.5^2 / 4) = 1.04
    assert compared(before, after).rows[0].scores[2].noise == pytest.approx(12.706 * math.sqrt(25.5))


def test_the_quantiles_are_students() -> None:
    expected = [stats.t.ppf(0.975, freedom) for freedom in range(1, len(comparison.STUDENT) + 1)]
    assert list(comparison.STUDENT) == pytest.approx(expected, abs=5e-4)
    assert pytest.approx(stats.norm.ppf(0.975), abs=5e-4) == comparison.NORMAL


def test_with_one_seed_on_a_side_the_noise_is_unknown() -> None:
    (found,) = compared(BEFORE, AFTER[1:2]).rows
    assert found.seeds == (3, 1)
    assert {(score.noise, score.verdict) for score in found.scores} == {(None, "noise unknown")}


def test_less_is_better_of_errors_of_depth_and_more_of_shares_within() -> None:
    before = table(
        *(row(seed, 80, 40, depth={"abs_rel": 0.2 + seed / 1e3, "delta1": 0.8 + seed / 1e3}) for seed in (1, 2))
    )
    after = table(
        *(row(seed, 80, 40, depth={"abs_rel": 0.1 + seed / 1e3, "delta1": 0.9 + seed / 1e3}) for seed in (1, 2))
    )
    scores = {score.name: score.verdict for score in compared(before, after).rows[0].scores}
    assert (scores["abs_rel"], scores["delta1"]) == ("better", "better")


def test_a_class_without_a_rate_is_in_neither_verdict_and_null_in_json() -> None:
    found = compared(table(row(1, 80, math.nan)), table(row(1, 80, 40)))
    (car,) = [score for score in found.record()["rows"][0]["scores"] if score["name"] == "car"]
    assert (car["before"], car["difference"], car["verdict"]) == (None, None, "only after")
    json.dumps(found.record(), allow_nan=False)


@pytest.mark.parametrize(
    ("column", "value"),
    [("images", 125), ("labels", "native"), ("selection", "best"), ("protocol", "paper"), ("source", "9 images 64x32")],
)
def test_what_was_measured_otherwise_is_an_obstacle(column: str, value: object) -> None:
    other = table(*(row(seed, 80, 40, **{column: value}) for seed in (1, 2, 3)))
    (obstacle,) = compared(BEFORE, other).obstacles
    got = PROTOCOL.get(column, "nothing")
    assert obstacle == f"{column} of dada q0: expected the same in both, got {got} in a.csv and {value} in b.csv"


def test_other_classes_are_an_obstacle_and_the_shared_ones_are_compared() -> None:
    found = compared(BEFORE, AFTER.rename(columns={"car": "bus"}))
    assert found.obstacles == ["classes: expected the same in both, got road car in a.csv and road bus in b.csv"]
    assert [score.name for score in found.rows[0].scores] == ["miou", "miou_star", "road"]


def test_what_else_differs_is_told_once() -> None:
    extra = row(1, 1, 1, round="q1")
    other = table(*(row(seed, 80, 40, setting="mine", code="def") for seed in (1, 2, 3)), extra)
    found = compared(BEFORE, other)
    assert found.obstacles == []
    assert found.notes == [
        "setting: expected the same in both, got demo in a.csv and mine in b.csv",
        "code of dada q0: expected the same in both, got abc in a.csv and def in b.csv",
        "only in b.csv: dada q1",
    ]


def test_tables_that_share_no_row_are_refused() -> None:
    with pytest.raises(ValueError, match=r"a\.csv, b\.csv: expected a method and round that both have, found none"):
        compared(BEFORE, table(row(1, 1, 1, method="advent")))


def test_another_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.csv: expected a metrics\.csv, found no file"):
        read(tmp_path / "none.csv")
    (tmp_path / "a.csv").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.csv: expected a metrics\.csv, got"):
        read(tmp_path / "a.csv")
    BEFORE.drop(columns="seed").to_csv(tmp_path / "summary.csv", index=False)
    with pytest.raises(ValueError, match=r"summary\.csv: expected a metrics\.csv, got a table without seed"):
        read(tmp_path / "summary.csv")
    BEFORE.to_csv(tmp_path / "metrics.csv", index=False)
    assert compared(read(tmp_path / "metrics.csv"), BEFORE).obstacles == []
