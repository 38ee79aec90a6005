import math
from pathlib import Path

import pytest

from dadist.report.costs import JobCost, costs, read, text

HEADER = "s\th:m:s\tmax_rss\tmax_vms\n"


def write(root: Path, rule: str, name: str, seconds: object, megabytes: object) -> None:
    (root / rule).mkdir(parents=True, exist_ok=True)
    (root / rule / f"{name}.tsv").write_text(f"{HEADER}{seconds}\t0:00:01\t{megabytes}\t9\n", encoding="utf-8")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    benchmarks = tmp_path / "benchmarks"
    for seed, seconds, megabytes in ((1, 10.0, 300.0), (2, 14.0, 500.0)):
        write(benchmarks, "adapt", f"demo-dada-seed{seed}", seconds, megabytes)
    write(benchmarks, "evaluate", "demo-dada-seed1-q0", 2.5, 100.0)
    write(benchmarks, "pseudo_label", "demo-dada-seed1-q1", 4.0, 200.0)
    write(benchmarks, "selftrain", "demo-dada-seed1-q1", 8.0, 700.0)
    write(benchmarks, "adapt", "demo-advent-seed1", 0.3, "NA")  # over before Snakemake looked
    for name in ("demo-no_depth-dada-seed1", "demo-paper_dada-dada-seed1", "demo_b-dada-seed1"):
        write(benchmarks, "adapt", name, 99.0, 99.0)  # of other settings
    write(benchmarks, "collect", "demo-metrics", 1.0, 50.0)
    return tmp_path


def test_a_method_s_stages_are_in_the_order_that_they_run_in_with_means_over_the_seeds_and_their_sum(
    results: Path,
) -> None:
    advent, all_of_it, *dada = costs(results / "demo", results / "benchmarks").itertuples(index=False, name=None)
    assert advent[:5] == ("advent", "q0", "adapt", 1, 0.3)
    assert all_of_it[:5] == ("advent", "all", "all", 1, 0.3)
    assert all(math.isnan(value) for value in (*advent[5:], *all_of_it[5:]))
    assert dada == [
        ("dada", "q0", "adapt", 2, 12.0, 400.0),
        ("dada", "q0", "evaluate", 1, 2.5, 100.0),
        ("dada", "q1", "pseudo_label", 1, 4.0, 200.0),
        ("dada", "q1", "selftrain", 1, 8.0, 700.0),
        ("dada", "all", "all", 2, 26.5, 700.0),
    ]


def test_a_variant_is_a_setting_of_its_own(results: Path) -> None:
    found = costs(results / "demo-paper_dada", results / "benchmarks")
    assert found.seconds.tolist() == [99.0, 99.0]


def test_the_lines_are_these(results: Path) -> None:
    assert text(costs(results / "demo", results / "benchmarks")).splitlines()[:4] == [
        "method                round  stage          seeds    seconds  peak MB",
        "advent                q0     adapt              1        0.3",
        "advent                all    all                1        0.3",
        "dada                  q0     adapt              2       12.0      400",
    ]


def test_a_setting_that_was_not_run_is_told_with_the_command(results: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"methods of other took, found none; name the folder of a setting"):
        costs(results / "other", results / "benchmarks")


def test_what_snakemake_could_not_tell_is_nan(results: Path) -> None:
    assert read(results / "benchmarks/evaluate/demo-dada-seed1-q0.tsv") == JobCost(2.5, 100.0)
    short = read(results / "benchmarks/adapt/demo-advent-seed1.tsv")
    assert short is not None
    assert math.isnan(short.peak_mb)


def test_a_file_that_is_not_there_or_is_another_kind_of_file_is_none(tmp_path: Path) -> None:
    assert read(tmp_path / "none.tsv") is None
    (tmp_path / "empty.tsv").write_text("", encoding="utf-8")
    (tmp_path / "other.tsv").write_text("a\tb\n1\t2\n", encoding="utf-8")
    assert read(tmp_path / "empty.tsv") is None
    assert read(tmp_path / "other.tsv") is None
