"""docs/extend.md, "A method", done as a reader would: its blocks go where they say, and the method gets its row."""

import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from sandbox import ROOT, TINY, Sandbox, merged

PAGE = (ROOT / "docs/extend.md").read_text(encoding="utf-8")
METHOD = "mirror"
TEST = f"tests/methods/test_{METHOD}.py"


class Touch(NamedTuple):
    """A block of the page."""

    after: str  # the line of the file that it goes behind; empty: it is the file
    path: str
    text: str

    def apply(self, folder: Path) -> None:
        """Write the file, or the lines into it."""
        file = folder / self.path
        if not self.after:
            assert not file.exists()
            file.write_text(self.text, encoding="utf-8")
            return
        before, line, rest = file.read_text(encoding="utf-8").partition(f"\n{self.after}\n")
        assert line, f"{file}: expected the line {self.after!r}"
        file.write_text(f"{before}{line}{self.text}{rest}", encoding="utf-8")


TOUCHES = [
    Touch(*found)
    for found in re.findall(r"^<!-- (?:file|line: (.*)) -->\n```\w+\n# ([^\s,]+).*\n((?:.*\n)*?)```", PAGE, re.M)
]


@pytest.fixture(scope="module")
def clone(tiny: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """The project with the five pieces, where the other methods are trained."""
    sandbox = Sandbox(
        tmp_path_factory.mktemp("add") / "run", merged(TINY, {"settings": {"demo": {"methods": [METHOD]}}})
    )
    shutil.copytree(ROOT / "tests", sandbox.folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", sandbox.folder)
    sandbox.take_over(tiny)
    for touch in TOUCHES:
        touch.apply(sandbox.folder)
    return sandbox


def test_the_pieces_are_the_five_that_the_house_names() -> None:
    assert [touch.path for touch in TOUCHES] == [
        f"dadist/config/methods/{METHOD}.py",
        f"dadist/methods/{METHOD}.py",
        "dadist/registry.py",
        f"config/methods/{METHOD}.yaml",
        TEST,
    ]


def test_what_the_page_points_at_is_there() -> None:
    rows = PAGE.partition("| your method has ")[2].partition("\n\n")[0].splitlines()[2:]
    for row in rows:
        paths = re.findall(r"`([\w/]+\.(?:py|yaml))`", row.split("|")[3])
        assert paths, row
        assert all((ROOT / path).is_file() for path in paths), row


@pytest.mark.parametrize(
    "command",
    [
        f"ruff check {TEST} dadist",
        f"ruff format --check {TEST} dadist",
        f"mypy --cache-dir {ROOT}/.mypy_cache dadist/methods/{METHOD}.py dadist/config/methods/{METHOD}.py",
    ],
)
def test_the_checkers_have_nothing_against_it(clone: Sandbox, command: str) -> None:
    answer = clone.run(*command.split())
    assert answer.returncode == 0, answer.stdout


def test_its_test_and_those_of_every_method_pass(clone: Sandbox) -> None:
    answer = clone.run("pytest", TEST, "tests/methods/test_contract.py", "tests/training/test_resume.py", "-k", METHOD)
    assert answer.returncode == 0, answer.stdout
    assert int(re.findall(r"(\d+) passed", answer.stdout)[0]) > 4, answer.stdout


def test_it_trains_to_its_row_of_the_table_and_no_other_method_is_trained_again(clone: Sandbox) -> None:
    model = f"results/demo/{METHOD}/seed1/q0"
    assert clone.planned("results/demo/metrics.csv") == [
        f"adapt {model}/model.pt",
        "collect results/demo/metrics.csv",
        f"evaluate {model}/metrics.json",
    ]
    answer = clone.snakemake("results/demo/metrics.csv")
    assert answer.returncode == 0, answer.stdout
    table = pd.read_csv(clone.folder / "results/demo/metrics.csv")
    assert table.method.tolist() == ["source_only", "adabn", METHOD]
    assert table.miou.between(0, 100).all()
    losses = pd.read_csv(clone.folder / model / "losses.csv")
    assert list(losses.columns)[:-1] == ["step", "lr", "segmentation", "consistency"]
