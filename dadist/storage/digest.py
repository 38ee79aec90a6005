"""What a result was made with: the digest of a stage's code, hashes of settings and inputs."""

import ast
import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]

# What decides nothing that a result depends on: it carries settings, files and lines of log, keeps what is done, or
# stops a stage. All else of the package counts.
IGNORED_FOLDERS = ("config", "doctor", "runtime", "storage")
IGNORED_MODULES = ("", "registry", "stages", "training.alarms", "training.monitor", "training.resume")


def digest(*modules: str) -> str:
    """Hash of the code that the modules run: theirs and every module of the package they import.

    Imports are followed statically. Docstrings, comments, IGNORED_FOLDERS and IGNORED_MODULES do not
    count: editing them re-runs nothing.

    Args:
        modules: Dotted names inside the package, such as ``"dadist.stages.fit_gmm"``.

    Returns:
        16 hexadecimal digits, the same on every Python from 3.11 on.
    """
    pending, seen = list(modules), set[str]()
    while pending:
        module = pending.pop()
        if module not in seen and _counts(module):
            seen.add(module)
            pending += [*_parsed(module)[1], module.rpartition(".")[0]]  # the package of a module runs before it
    text = "\n".join(f"{module}\n{_parsed(module)[0]}" for module in sorted(seen))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def content(*files: str) -> str:
    """Hash of files of the package that are no Python, by their paths in it; 16 hexadecimal digits."""
    return hashlib.sha256(b"".join((PACKAGE / file).read_bytes() for file in files)).hexdigest()[:16]


def texts() -> list[str]:
    """The files of the package that are no Python, for `content`."""
    files = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*") if path.is_file())
    return [str(path) for path in files if path.suffix not in (".py", ".pyc")]


def key(params: Any, inputs: Iterable[Path], code: str = "") -> str:
    """Hash of a stage's settings and of what its inputs hold; where a state may go on from, 16 hexadecimal digits.

    Args:
        params: A dataclass.
        inputs: Files, by their content; prepared folders, by their index and the sizes of their files; other
            folders, by the content of their files.
        code: Digest of what the settings do not name.

    Raises:
        FileNotFoundError: An input is gone.
    """
    whole = hashlib.sha256(json.dumps(dataclasses.asdict(params), sort_keys=True, default=str).encode())
    whole.update(code.encode())
    for path in inputs:
        if not path.exists():
            raise FileNotFoundError(f"{path}: expected what an earlier stage wrote, found nothing; run Snakemake again")
        files = [path]
        if path.is_dir():
            names = sorted(one.relative_to(path) for one in path.rglob("*") if one.is_file())
            whole.update("\n".join(f"{name} {(path / name).stat().st_size}" for name in names).encode())
            index = path / "index.json"
            files = [index] if index.is_file() else [path / name for name in names]
        for one in files:
            with one.open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:16]


def _counts(module: str) -> bool:
    inside = module.partition(".")[2]
    return inside not in IGNORED_MODULES and inside.partition(".")[0] not in IGNORED_FOLDERS


def _file(module: str) -> Path | None:
    """The file of a module of the package, None for anything else (a name inside a module, another package)."""
    if module.split(".")[0] != PACKAGE.name:
        return None
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)


@functools.cache
def _parsed(module: str) -> tuple[str, tuple[str, ...]]:
    """A module's code without docstrings, and the modules of the package that it imports."""
    path = _file(module)
    if path is None:
        raise ValueError(f"{module}: no such module in {PACKAGE}")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = node.body[ast.get_docstring(node, clean=False) is not None :] or [ast.Pass()]
    return _text(tree), tuple(name for name in imported if _file(name))


def _text(node: Any) -> str:
    """A syntax tree as text, what is absent or empty left out: ast.unparse and ast.dump differ between Pythons."""
    if isinstance(node, ast.AST):
        given = [(name, value) for name, value in ast.iter_fields(node) if value is not None and value != []]
        return f"{type(node).__name__}({', '.join(f'{name}={_text(value)}' for name, value in given)})"
    return f"[{', '.join(map(_text, node))}]" if isinstance(node, list) else repr(node)
