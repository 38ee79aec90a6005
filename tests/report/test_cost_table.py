from pathlib import Path

from dadist.report.cost_table import Cost, section

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def written(path: Path, row: str) -> str:
    path.write_text(HEAD + row, encoding="utf-8")
    return str(path)


def test_the_section_adds_up_and_counts_what_left_no_file(tmp_path: Path) -> None:
    files = [written(tmp_path / f"{index}.tsv", "100\t0\t500\t1\t1\t1\t0\t0\t99\t50\n") for index in range(3)]
    costs = [Cost("adapt", f"seed {file}", file) for file in [*files, str(tmp_path / "lost.tsv")]]
    made = section(costs, rendered=True, tabled=True)
    assert "3 jobs, 5 min one after the other; 1 left no benchmark file." in made
    assert made.count("<tr>") == 4
    assert "Not among them: rendering, the table of results, this page." in made
    assert "No benchmark files" in section(costs[-1:], rendered=True, tabled=True)


def test_a_job_whose_time_nobody_knows_leaves_the_sum_of_the_others(tmp_path: Path) -> None:
    files = [written(tmp_path / f"{s}.tsv", f"{s}\t0\t500\t1\t1\t1\t0\t0\t99\t50\n") for s in ("100", "NA")]
    assert "2 jobs, 100 s one after the other." in section(
        [Cost("adapt", file, file) for file in files], rendered=False, tabled=False
    )
