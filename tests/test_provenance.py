import errno
import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dadist import provenance
from dadist.methods.registry import METHODS

ADAPT, DADA = "dadist.stages.adapt", METHODS["dada"]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package, to edit."""
    copy = tmp_path / "dadist"
    shutil.copytree(provenance.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    provenance._parsed.cache_clear()
    yield copy
    provenance._parsed.cache_clear()


def edit(path: Path, change: Callable[[str], str]) -> None:
    """Change a file, and make sure that it has changed."""
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, encoding="utf-8")
    provenance._parsed.cache_clear()


def add_code(text: str) -> str:
    return text + "\nEXTRA = 1\n"


def test_a_digest_is_sixteen_hexadecimal_digits_and_repeats() -> None:
    digest = provenance.digest(ADAPT, DADA)
    assert re.fullmatch("[0-9a-f]{16}", digest)
    assert provenance.digest(DADA, ADAPT) == digest


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
    before = provenance.digest(ADAPT, DADA)
    edit(package / "losses" / "depth.py", change)
    assert provenance.digest(ADAPT, DADA) == before


@pytest.mark.parametrize(
    "file",
    [
        "stages/adapt.py",
        "methods/dada.py",
        "losses/depth.py",  # imported by the method
        "model/heads.py",  # by the segmenter that the stage imports
        "data/base.py",  # by prepared
        "classes.py",  # by `from dadist import classes`
        "model/__init__.py",  # runs with every module of its folder
    ],
)
def test_an_edit_of_code_that_a_stage_imports_changes_its_digest(package: Path, file: str) -> None:
    before = provenance.digest(ADAPT, DADA)
    edit(package / file, add_code)
    assert provenance.digest(ADAPT, DADA) != before


def test_a_change_of_one_number_changes_the_digest(package: Path) -> None:
    before = provenance.digest(DADA)
    edit(package / "losses" / "depth.py", lambda text: text.replace("ratio: float = 0.2", "ratio: float = 0.3"))
    assert provenance.digest(DADA) != before


@pytest.mark.parametrize(
    "file",
    ["__init__.py", "config.py", "methods/registry.py", "progress.py", "provenance.py", "stages/__init__.py"],
)
def test_an_edit_of_the_plumbing_keeps_the_digest(package: Path, file: str) -> None:
    before = provenance.digest(ADAPT, DADA)
    edit(package / file, add_code)
    assert provenance.digest(ADAPT, DADA) == before


def test_an_edit_of_one_method_keeps_the_digest_of_the_others(package: Path) -> None:
    before = {name: provenance.digest(ADAPT, module) for name, module in METHODS.items()}
    edit(package / "methods" / "advent.py", add_code)
    after = {name: provenance.digest(ADAPT, module) for name, module in METHODS.items()}
    assert {name for name in METHODS if before[name] != after[name]} == {"advent"}


def test_an_edit_of_training_keeps_the_digest_of_the_stages_before_it(package: Path) -> None:
    before = [provenance.digest(f"dadist.stages.{stage}") for stage in ("fit_gmm", "prepare", "collect")]
    edit(package / "train.py", add_code)
    assert [provenance.digest(f"dadist.stages.{stage}") for stage in ("fit_gmm", "prepare", "collect")] == before


def test_the_text_of_code_does_not_depend_on_how_a_python_writes_it(package: Path) -> None:
    # ast.unparse puts the inner quotes of an f-string differently from 3.12 on, ast.dump leaves out empty lists from
    # 3.13 on; worked by hand here.
    (package / "one.py").write_text("def f(x):\n    return f\"{x['a']!r:>9}\"\n", encoding="utf-8")
    assert provenance._parsed("dadist.one")[0] == (
        "Module(body=[FunctionDef(name='f', args=arguments(args=[arg(arg='x')]), body=[Return(value=JoinedStr("
        "values=[FormattedValue(value=Subscript(value=Name(id='x', ctx=Load()), slice=Constant(value='a'), ctx=Load()"
        "), conversion=114, format_spec=JoinedStr(values=[Constant(value='>9')]))]))])])"
    )


def test_an_unknown_module_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dadist\.methods\.nought: no such module"):
        provenance.digest("dadist.methods.nought")


def test_atomic_makes_the_folder_and_the_file_and_nothing_else(tmp_path: Path) -> None:
    with provenance.atomic(tmp_path / "deep" / "a.txt") as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert temporary.parent == tmp_path / "deep"
        assert temporary.suffix == ".txt"
        assert not (tmp_path / "deep" / "a.txt").exists()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.txt"]
    assert (tmp_path / "deep" / "a.txt").read_text(encoding="utf-8") == "new"


def test_a_full_disk_is_told_with_the_file_that_it_refused(tmp_path: Path) -> None:
    def write() -> None:
        with provenance.atomic(tmp_path / "a.txt"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"a\.txt: expected room on the disk, got 'No space left on device'; make room"):
        write()


def test_a_sealed_archive_is_an_archive_whose_every_change_shows(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.arange(5))
    sealed = provenance.sealed(buffer.getvalue())
    with np.load(io.BytesIO(sealed)) as arrays:
        assert arrays["a"].tolist() == [0, 1, 2, 3, 4]
    assert not provenance.damaged(sealed)
    assert not provenance.damaged(buffer.getvalue())  # of others: nothing is known
    assert not provenance.damaged(b"")
    length = len(buffer.getvalue()) - 2
    for at in [*range(length), *range(length + 2 + len(provenance.SEAL), len(sealed))]:
        assert provenance.damaged(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]), at


def test_a_failed_write_leaves_the_old_file_and_no_temporary(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")

    def write() -> None:
        with provenance.atomic(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
