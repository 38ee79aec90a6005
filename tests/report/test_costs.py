from pathlib import Path

from dadist.report.costs import Cost, Measured, read, section

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def written(path: Path, row: str) -> str:
    path.write_text(HEAD + row, encoding="utf-8")
    return str(path)


def test_a_benchmark_is_read_and_what_snakemake_could_not_tell_is_none(tmp_path: Path) -> None:
    full = written(tmp_path / "a.tsv", "90.5\t0:01:30\t812.25\t1\t1\t1\t0\t0\t99\t88.0\n")
    short = written(tmp_path / "b.tsv", "0.4\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\n")
    assert read(Path(full)) == Measured(90.5, 88.0, 812.25)
    assert read(Path(short)) == Measured(0.4, None, None)


def test_a_file_that_is_not_there_or_is_another_kind_of_file_is_none(tmp_path: Path) -> None:
    assert read(tmp_path / "none.tsv") is None
    (tmp_path / "empty.tsv").write_text("", encoding="utf-8")
    (tmp_path / "other.tsv").write_text("a\tb\n1\t2\n", encoding="utf-8")
    assert read(tmp_path / "empty.tsv") is None
    assert read(tmp_path / "other.tsv") is None


def test_the_section_adds_up_and_counts_what_left_no_file(tmp_path: Path) -> None:
    files = [written(tmp_path / f"{index}.tsv", "100\t0\t500\t1\t1\t1\t0\t0\t99\t50\n") for index in range(3)]
    costs = [Cost("adapt", f"seed {file}", file) for file in [*files, str(tmp_path / "lost.tsv")]]
    made = section(costs)
    assert "3 jobs, 5 min one after the other, 2 min of processor time; 1 left no benchmark file." in made
    assert made.count("<tr>") == 4
    assert "No benchmark files" in section(costs[-1:])
