from pathlib import Path

import pytest

from dadist.report.outcome import outcome

HEAD = "setting,method,seed,round,miou,prior\n"


def written(folder: Path, rows: str, head: str = HEAD) -> Path:
    path = folder / "metrics.csv"
    path.write_text(head + rows, encoding="utf-8")
    return path


def test_a_table_is_told_by_method_and_round_with_its_spread(tmp_path: Path) -> None:
    rows = "demo,dada,1,q0,50.04,0\ndemo,dada,2,q0,52.04,0\ndemo,advent,1,q0,40,0\ndemo,advent,1,q1,41.26,0\n"
    path = written(tmp_path, rows)
    assert outcome([path]).splitlines() == [
        "",
        f"{path}: mIoU in percent, mean of 2 seeds",
        "  method          q0    q1",
        "  dada    51.0 ± 1.4",  # the sample standard deviation is the root of 2
        "  advent        40.0  41.3",
    ]


def test_a_round_that_lost_is_told_below_the_table(tmp_path: Path) -> None:
    path = written(
        tmp_path, "demo,dada,1,q0,50,0\ndemo,dada,1,q1,49,0\ndemo,advent,1,q0,40,0\ndemo,advent,1,q1,39.8,0\n"
    )
    (worse,) = outcome([path]).splitlines()[5:]
    assert worse.startswith("worse: dada q1: mIoU fell from 50.0 (q0) to 49.0, by 1.0 (one seed); take the model of")


def test_rows_that_only_the_setting_or_the_prior_tells_apart_are_lines_of_their_own(tmp_path: Path) -> None:
    path = written(tmp_path, "a,dada,7,q0,1,0\nb,dada,7,q0,2,0\nb,dada,7,q0,3,depth 1\n")
    assert outcome([path]).splitlines()[1:] == [
        f"{path}: mIoU in percent, seed 7",
        "  setting  method  prior     q0",
        "  a        dada    0        1.0",
        "  b        dada    0        2.0",
        "  b        dada    depth 1  3.0",
    ]


@pytest.mark.parametrize("head", ["setting,method,seeds,round,miou\n", "step,loss\n", ""])
def test_a_table_that_has_no_row_per_model_is_left_out(tmp_path: Path, head: str) -> None:
    assert outcome([written(tmp_path, "a,b,3,q0,5\n", head)]) == ""


def test_a_page_and_the_last_model_are_named_and_other_files_are_not() -> None:
    assert outcome(["a/model.pt", "x/report/index.html", "x y/model.pt", "x/index.npz"]).splitlines() == [
        "use it: dadist predict --model 'x y/model.pt' PHOTOS",
        "page: x/report/index.html",
    ]
