import csv
import dataclasses
from pathlib import Path

import builders
import numpy as np
import pytest

from dadist.classes import CLASS_SETS
from dadist.evaluation.confusion import Metrics
from dadist.evaluation.depth import NAMES, depth_errors
from dadist.report.comparison import compare, read
from dadist.report.tables import over_seeds, save, table

PROTOCOL: dict[str, str | int | float] = {
    "protocol": "unified",
    "iterations": 780,
    "selection": "last",
    "init": "warm_up",
    "source": "9 images 64x32",
    "target": "8 images 48x24",
    "labels": "native",
    "code": "0e11",
}


def metrics(classes: str, **changes: object) -> Metrics:
    """Of the classes 0, 1 and 3 alone: IoU 2/3, 1/2 and 1."""
    confusion = np.zeros((len(CLASS_SETS[classes]),) * 2, int)
    confusion[0, 0], confusion[0, 1], confusion[1, 1], confusion[3, 3] = 2, 1, 1, 5
    values = {
        "setting": "demo",
        "method": "dada",
        "seed": 3,
        "round": "q1",
        "images": 12,
        "depth": None,
        "protocol": PROTOCOL,
    }
    return Metrics(classes=CLASS_SETS[classes], **{**values, "confusion": confusion.tolist(), **changes})  # type: ignore[arg-type]


def written(path: Path, classes: str, *given: Metrics) -> list[list[str]]:
    save(table(given, CLASS_SETS[classes]), path)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("classes", ["16", "7"])
def test_the_columns_come_in_this_order(tmp_path: Path, classes: str) -> None:
    header, row = written(tmp_path / "metrics.csv", classes, metrics(classes))
    before = ["setting", "method", "seed", "round", "miou", "miou_star"]
    assert header == [
        *before,
        *CLASS_SETS[classes].names,
        "images",
        *[name for name in PROTOCOL if name != "code"],
        "prior",
        "code",
    ]
    assert len(row) == len(header)


def test_a_row_is_worked_by_hand(tmp_path: Path) -> None:
    header, row = written(tmp_path / "metrics.csv", "16", metrics("16"))
    found = dict(zip(header, row, strict=True))
    assert (found["road"], found["sidewalk"], found["wall"]) == ("66.67", "50.0", "100.0")
    assert found["miou"] == "72.22"  # of the three classes that occur
    assert found["miou_star"] == "58.33"  # without wall
    assert found["building"] == found["bicycle"] == ""
    assert [found[key] for key in ("setting", "method", "seed", "round")] == ["demo", "dada", "3", "q1"]
    assert found["images"] == "12"
    assert {key: found[key] for key in PROTOCOL} == {key: str(value) for key, value in PROTOCOL.items()}


def test_rows_keep_the_order_they_came_in(tmp_path: Path) -> None:
    given = [metrics("7", round=name, seed=seed) for seed, name in ((2, "q1"), (1, "q2"), (2, "q0"))]
    _, *rows = written(tmp_path / "metrics.csv", "7", *given)
    assert [(row[2], row[3]) for row in rows] == [("2", "q1"), ("1", "q2"), ("2", "q0")]


def test_all_seven_classes_count_for_both_means(tmp_path: Path) -> None:
    header, row = written(tmp_path / "metrics.csv", "7", metrics("7"))
    found = dict(zip(header, row, strict=True))
    assert found["miou"] == found["miou_star"] == "72.22"


def test_metrics_of_another_class_set_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected metrics of class set 16, got 7 \(demo, dada, seed 3, q1\); "):
        table([metrics("7")], CLASS_SETS["16"])


def test_depth_has_its_columns_once_a_model_has_it(tmp_path: Path) -> None:
    errors = depth_errors(np.full((1, 1), 5.0), np.array([[99]], np.uint16), numerator=1000.0, cap_m=80.0)
    header, without, row = written(tmp_path / "metrics.csv", "7", metrics("7"), metrics("7", depth=errors))
    found = dict(zip(header, row, strict=True))
    depth = slice(header.index("images") - 7, header.index("images"))
    assert header[depth] == list(NAMES)
    assert without[depth] == [""] * 7
    assert found["abs_rel"] == "1.01"  # (1.99 - 0.99) / 0.99
    assert (found["rms"], found["delta1"]) == ("1.0", "0.0")


def test_the_summary_has_the_mean_and_the_sample_deviation_over_the_seeds(tmp_path: Path) -> None:
    worse = np.zeros((7, 7), int)
    worse[0, 0], worse[0, 1], worse[1, 1], worse[3, 3] = 1, 1, 1, 5  # IoU 1/2, 1/2 and 1: 66.67; the other has 72.22
    given = [
        metrics("7", seed=1),
        metrics("7", seed=2, confusion=worse.tolist()),
        metrics("7", seed=1, round="q2"),
        metrics("7", seed=1, round="q2", protocol={**PROTOCOL, "protocol": "paper"}),
        metrics("7", seed=1, round="q2", protocol={**PROTOCOL, "prior": "depth 1, place 0"}),
    ]
    save(over_seeds(table(given, CLASS_SETS["7"])), tmp_path / "summary.csv")
    with (tmp_path / "summary.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = [(row["protocol"], row["round"], row["seeds"], row["statistic"], row["miou"]) for row in rows]
    # (72.22 - 66.67) / sqrt(2) = 3.93
    assert found == [
        ("unified", "q1", "2", "mean", "69.44"),
        ("unified", "q1", "2", "std", "3.93"),
        ("unified", "q2", "1", "mean", "72.22"),
        ("unified", "q2", "1", "std", ""),
        ("paper", "q2", "1", "mean", "72.22"),
        ("paper", "q2", "1", "std", ""),
        ("unified", "q2", "1", "mean", "72.22"),
        ("unified", "q2", "1", "std", ""),
    ]
    assert [row["prior"] for row in rows] == ["none"] * 6 + ["depth 1, place 0"] * 2
    assert list(rows[0])[:7] == ["setting", "protocol", "method", "round", "prior", "seeds", "statistic"]
    assert list(rows[0])[7:] == ["miou", "miou_star", *CLASS_SETS["7"].names]


def test_no_text_is_a_formula_to_a_spreadsheet_and_numbers_stay(tmp_path: Path) -> None:
    oddly = dataclasses.replace(metrics("7"), classes=builders.ODDLY, protocol={**PROTOCOL, "init": "@cmd"})
    rows = table([oddly], builders.ODDLY)
    rows["miou"] = -1.5
    save(rows, tmp_path / "metrics.csv")
    with (tmp_path / "metrics.csv").open(newline="", encoding="utf-8") as file:
        header, row = csv.reader(file)
    assert header[6:13] == [*builders.ODD[:3], "'=1+2", "'-two\nlines", *builders.ODD[5:]]
    assert dict(zip(header, row, strict=True))["init"] == "'@cmd"
    assert dict(zip(header, row, strict=True))["miou"] == "-1.5"
    assert compare(*(read(tmp_path / "metrics.csv") for _ in range(2)), "a", "b").obstacles == []
