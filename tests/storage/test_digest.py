import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dadist.registry import METHODS
from dadist.storage import digest as digests

ADAPT, DADA = "dadist.stages.adapt", METHODS["dada"]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package, to edit."""
    copy = tmp_path / "dadist"
    shutil.copytree(digests.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digests, "PACKAGE", copy)
    digests._parsed.cache_clear()
    yield copy
    digests._parsed.cache_clear()


@dataclass
class Params:
    """Of a stage that has none."""


def edit(path: Path, change: Callable[[str], str]) -> None:
    """Change a file, and make sure that it has changed."""
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, encoding="utf-8")
    digests._parsed.cache_clear()


def add_code(text: str) -> str:
    return text + "\nEXTRA = 1\n"


def test_a_digest_is_sixteen_hexadecimal_digits_and_repeats() -> None:
    digest = digests.digest(ADAPT, DADA)
    assert re.fullmatch("[0-9a-f]{16}", digest)
    assert digests.digest(DADA, ADAPT) == digest


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"""', '"""Another word. ', 1),
        lambda text: re.sub(r'( +)"""Mean reverse.*?"""\n', "", text, flags=re.DOTALL),
        lambda text: text.replace("    c = (ratio", "    # A remark.\n\n    c = (ratio"),
        lambda text: text.replace("if error.numel() else", "if (error.numel( ))   else"),
    ],
    ids=["docstring", "no docstring", "comment", "whitespace"],
)
def test_an_edit_that_is_not_code_keeps_the_digest(package: Path, change: Callable[[str], str]) -> None:
    before = digests.digest(ADAPT, DADA)
    edit(package / "losses" / "depth.py", change)
    assert digests.digest(ADAPT, DADA) == before


@pytest.mark.parametrize(
    "file",
    [
        "stages/adapt.py",
        "methods/dada.py",
        "losses/depth.py",  # imported by the method
        "model/heads.py",  # by the segmenter that the stage imports
        "data/readers/base.py",  # by prepared
        "classes.py",  # by `from dadist import classes`
        "model/__init__.py",  # runs with every module of its folder
    ],
)
def test_an_edit_of_code_that_a_stage_imports_changes_its_digest(package: Path, file: str) -> None:
    before = digests.digest(ADAPT, DADA)
    edit(package / file, add_code)
    assert digests.digest(ADAPT, DADA) != before


def test_a_change_of_one_number_changes_the_digest(package: Path) -> None:
    before = digests.digest(DADA)
    edit(package / "losses" / "depth.py", lambda text: text.replace("ratio: float = 0.2", "ratio: float = 0.3"))
    assert digests.digest(DADA) != before


@pytest.mark.parametrize(
    "file",
    [
        "__init__.py",
        "config/schema.py",
        "registry.py",
        "runtime/progress.py",
        "storage/digest.py",
        "stages/__init__.py",
    ],
)
def test_an_edit_of_what_decides_no_result_keeps_the_digest(package: Path, file: str) -> None:
    before = digests.digest(ADAPT, DADA)
    edit(package / file, add_code)
    assert digests.digest(ADAPT, DADA) == before


def test_an_edit_of_one_method_keeps_the_digest_of_the_others(package: Path) -> None:
    before = {name: digests.digest(ADAPT, module) for name, module in METHODS.items()}
    edit(package / "methods" / "advent.py", add_code)
    after = {name: digests.digest(ADAPT, module) for name, module in METHODS.items()}
    assert {name for name in METHODS if before[name] != after[name]} == {"advent"}


def test_an_edit_of_training_keeps_the_digest_of_the_stages_before_it(package: Path) -> None:
    before = [digests.digest(f"dadist.stages.{stage}") for stage in ("fit_gmm", "prepare", "collect")]
    edit(package / "training/loop.py", add_code)
    assert [digests.digest(f"dadist.stages.{stage}") for stage in ("fit_gmm", "prepare", "collect")] == before


def test_the_text_of_code_does_not_depend_on_how_a_python_writes_it(package: Path) -> None:
    # ast.unparse puts the inner quotes of an f-string differently from 3.12 on, ast.dump leaves out empty lists from
    # 3.13 on; worked by hand here.
    (package / "one.py").write_text("def f(x):\n    return f\"{x['a']!r:>9}\"\n", encoding="utf-8")
    assert digests._parsed("dadist.one")[0] == (
        "Module(body=[FunctionDef(name='f', args=arguments(args=[arg(arg='x')]), body=[Return(value=JoinedStr("
        "values=[FormattedValue(value=Subscript(value=Name(id='x', ctx=Load()), slice=Constant(value='a'), ctx=Load()"
        "), conversion=114, format_spec=JoinedStr(values=[Constant(value='>9')]))]))])])"
    )


def test_an_unknown_module_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dadist\.methods\.nought: no such module"):
        digests.digest("dadist.methods.nought")


def test_an_input_that_is_gone_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "model.pt"
    with pytest.raises(FileNotFoundError, match=f"^{re.escape(str(gone))}: expected what an earlier stage wrote"):
        digests.key(Params(), [gone])
