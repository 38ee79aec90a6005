"""The rules of the house that a machine can check: names, layers, sizes, what Python may and may not know."""

import ast
import dataclasses
import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from sandbox import ROOT, Sandbox, configuration

import dadist
from dadist.config import schema, sections, training_sections
from dadist.config.methods import Objective, hyperparameters
from dadist.registry import DATASETS, METHODS, RECIPES
from dadist.stages import flags

PACKAGE = ROOT / "dadist"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# Sections of config.yaml that belong to no single rule; every other one is named after the rule that reads it.
SHARED = {
    "seeds",
    "methods",
    "start",
    "data_root",
    "domains",
    "depth_networks",
    "class_sets",
    "presets",
    "published",
    "grid",
    "ablation",
    "monitor",
    "prior",
    "inverse_depth",
    "objectives",
    "settings",
}
# The table of `collect` holds what `methods`, `seeds` and `selftrain` ask for. A domain names the network of the
# second, `source` of a setting what the third joins.
WITHOUT_SECTION = {"collect", "estimate_depth", "join_sources"}

# What rules make that nothing in the demo asks for.
ON_DEMAND = ("results/demo/prior/components.csv", "results/demo/prior/patches.npz")

# Packages that take long to import, and the stages that cannot do without.
SECONDS_TO_LOAD = {
    "torch": {
        *("adapt", "align_depth", "cluster_patches", "draw", "embed", "evaluate", "pseudo_label", "selftrain"),
        *("draw_prior", "weigh_prior"),
    },
    "pandas": {"collect", "compare_components", "draw_figures", "draw_prior", "embed", "write_page"},
    "matplotlib": {"align_depth", "draw_figures", "draw_prior"},
    "scipy": set[str](),
    "sklearn": set[str](),
    "torchvision": set[str](),
}

# A word that one module alone may have: the folder that all is written to.
ALONE = {"results/": "dadist.pipeline.paths"}
# It says in words where a study's files stand, and reads YAML.
CONFIGURATION = "dadist.config"

MODULE_LINES = 260
STAGE_LINES = 70
FUNCTION_LINES = 45  # without the docstring, which may be as long as it needs
FILE_BYTES = 200_000

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@cache
def rules() -> dict[str, dict[str, str]]:
    """Rule → directive → its text, from the rule files, whose layout snakefmt fixes; "doc" is the docstring."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted((ROOT / "workflow/rules").glob("*.smk")):
        for name, body in re.findall(r"^rule (\w+):\n((?:    .*\n|\n)+)", file.read_text(encoding="utf-8"), re.M):
            blocks = re.findall(r"^    (\w+):\n((?:        .*\n)+)", body, re.M)
            lines = re.findall(r"^    (\w+): (.+)$", body, re.M)
            docstring = re.match(r'    """(.*)"""\n', body)
            found[name] = {**dict(blocks), **dict(lines), "doc": docstring[1] if docstring else ""}
    return found


def named(text: str) -> list[str]:
    """Names of ``name=value`` lines of a directive."""
    return re.findall(r"^        (\w+)=", text, re.M)


@cache
def repository() -> list[Path]:
    """Files that git has or would take."""
    answer = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [path for name in answer.stdout.splitlines() if (path := ROOT / name).is_file()]


def public(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Public classes and functions of a module, and the public methods of those classes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef | Function) and not child.name.startswith("_"):
            yield f"{prefix}{child.name}", child
            if isinstance(child, ast.ClassDef):
                yield from public(child, f"{child.name}.")


def imported(module: str) -> Iterator[str]:
    """Modules of the package that a module imports, anywhere in it."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in below if name in MODULES)
            if any(name not in MODULES for name in below):
                yield str(node.module)


def strings(module: str) -> Iterator[str]:
    """String literals of a module, docstrings left out."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Module | ast.ClassDef | Function) and ast.get_docstring(node) is not None
        if isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """The workflow with nothing made yet and the real config."""
    return Sandbox(tmp_path_factory.mktemp("house") / "run", {})


# --- one name in five places


def test_every_rule_has_a_stage_and_every_stage_a_rule() -> None:
    stages = {path.stem for path in (PACKAGE / "stages").glob("*.py")} - {"__init__"}
    assert set(rules()) == stages


def test_every_rule_has_a_section_of_its_name_and_every_section_a_rule() -> None:
    keys = set(configuration())
    assert keys - SHARED == set(rules()) - WITHOUT_SECTION
    assert keys >= SHARED


@pytest.mark.parametrize("rule", rules())
def test_a_rule_logs_and_is_timed_under_its_name(rule: str) -> None:
    assert rules()[rule]["log"].strip().startswith(f'"results/logs/{rule}/')
    assert rules()[rule]["benchmark"].strip().startswith(f'"results/benchmarks/{rule}/')


WORKFLOWS = ("tiny", "target_depth", "estimated_depth", "several_sources")


@pytest.mark.parametrize("rule", rules())
def test_a_rule_is_run_by_the_workflow_tests(rule: str) -> None:
    # Stages hold no maths: what they call has its own test file, and this one runs each of them.
    texts = [(ROOT / f"tests/workflow/test_{name}.py").read_text(encoding="utf-8") for name in WORKFLOWS]
    assert any(f'"{rule}"' in text for text in texts)


# --- a rule and its stage


@pytest.mark.parametrize("rule", rules())
def test_inputs_and_outputs_of_a_rule_are_the_flags_of_its_stage(rule: str) -> None:
    stage = flags(importlib.import_module(f"dadist.stages.{rule}").run)
    directives = rules()[rule]
    assert named(directives.get("input", "")) == [name for name, way in stage.items() if way == "in"]
    assert named(directives["output"]) == [name for name, way in stage.items() if way == "out"]
    shell = "".join(json.loads(line) for line in directives["shell"].splitlines())
    given = re.findall(r"--(\w+) \{(?:input|output)\.(\w+):q\}", shell)
    assert given == [(name, name) for name, way in stage.items() if way in ("in", "out")]
    assert ("--workers {threads}" in shell) == ("workers" in stage.values())
    assert ("--batch {resources.batch}" in shell) == ("batch" in stage.values())
    assert ("--monitor {resources.monitor:q}" in shell) == ("monitor" in stage.values())
    assert ("--gpus {resources.gpu}" in shell) == ("gpu" in named(directives["resources"]))


@pytest.mark.parametrize("rule", rules())
def test_a_rule_is_portable_and_complete(rule: str) -> None:
    directives = rules()[rule]
    assert directives["doc"].endswith(".")
    assert directives["threads"].isdigit()
    resources = set(named(directives["resources"]))
    assert {"mem_mb", "runtime"} <= resources <= {"gpu", "mem_mb", "runtime", "batch", "monitor"}
    assert re.search(rf"^        spec=lambda w: (params|page)\.{rule}\(STUDY, ", directives["params"], re.M)
    shell = "".join(json.loads(line) for line in directives["shell"].splitlines())
    # exec: told to end, as at SLURM's time limit, a shell in between would be gone before the stage has saved itself,
    # and the job would end with it.
    assert shell.startswith(f"exec python -m dadist.stages.{rule} --params {{params.spec:q}} ")
    assert shell.endswith(" 2> >(tee {log:q} >&2)")


@pytest.mark.parametrize("rule", rules())
def test_a_stage_is_frozen_settings_a_run_and_no_more(rule: str) -> None:
    module = f"dadist.stages.{rule}"
    params = next(node for name, node in public(tree(module)) if name == "Params")
    assert isinstance(params, ast.ClassDef)
    assert [ast.unparse(one) for one in params.decorator_list] == ["dataclass(frozen=True)"]
    assert not [node for node in params.body if isinstance(node, ast.AnnAssign) and node.value is not None]
    assert {name for name, _ in public(tree(module))} == {"Params", "run"}
    assert ast.unparse(tree(module).body[-1]).split() == ["if", "__name__", "==", "'__main__':", "stage(run)"]
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= STAGE_LINES


def test_every_key_of_every_section_is_read_somewhere() -> None:
    read = {
        node.attr
        for module in MODULES
        if not module.startswith(
            (
                "dadist.config.schema",
                "dadist.config.sections",
                "dadist.config.training_sections",
                "dadist.config.methods",
            )
        )
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute)
    }
    for file in (ROOT / "workflow/rules").glob("*.smk"):
        read |= set(re.findall(r"\w+", file.read_text(encoding="utf-8")))
    listed = [one for module in (schema, sections, training_sections) for one in vars(module).values()]
    records = [one for one in listed if isinstance(one, type) and dataclasses.is_dataclass(one)]
    keys = {(one.__name__, field.name) for one in records for field in dataclasses.fields(one)}
    assert not [f"{section}.{key}" for section, key in sorted(keys) if key not in read]


@pytest.mark.parametrize("method", METHODS)
def test_every_hyperparameter_of_a_method_is_read_by_it_or_its_base(method: str) -> None:
    bases = importlib.import_module(METHODS[method]).METHOD.__mro__
    code = "".join(ast.unparse(tree(module)) for module in {METHODS[method], *(one.__module__ for one in bases[:-1])})
    common = {field.name for field in dataclasses.fields(Objective)}
    names = {field.name for field in dataclasses.fields(hyperparameters(method))} - common
    assert not [name for name in names if not re.search(rf"\b(hyperparameters|chosen)\.{name}\b", code)]


# --- which module imports which


def loaded(modules: str, *heavy: str) -> list[str]:
    """Which of some packages a new Python has loaded once it has imported the modules."""
    code = f"import sys, {modules}; print(*[one for one in {heavy} if one in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return answer.stdout.split()


def test_planning_loads_no_torch() -> None:
    modules = ", ".join(name for name in MODULES if name.startswith(("dadist.config.", "dadist.pipeline.")))
    assert loaded(modules, "torch", "timm", "pandas", "matplotlib", "sklearn", "snakemake") == []


def loads() -> dict[tuple[str, ...], list[str]]:
    """Packages that take seconds → the stages that load these and no others."""
    found: dict[tuple[str, ...], list[str]] = {}
    for rule in rules():
        found.setdefault(tuple(name for name, stages in SECONDS_TO_LOAD.items() if rule in stages), []).append(rule)
    return found


@pytest.mark.workflow  # a process that loads all of it for each group
@pytest.mark.parametrize("wanted", loads(), ids="+".join)
def test_a_stage_loads_torch_if_it_has_a_network_and_matplotlib_if_it_draws_charts(wanted: tuple[str, ...]) -> None:
    # Each takes a second or so of every job, sklearn and torchvision more: who wants those imports them late.
    stages = ", ".join(f"dadist.stages.{rule}" for rule in loads()[wanted])
    assert loaded(stages, *SECONDS_TO_LOAD) == [*wanted]


@pytest.mark.parametrize("registry", [DATASETS, METHODS, RECIPES], ids=["DATASETS", "METHODS", "RECIPES"])
def test_every_name_of_a_registry_is_a_module(registry: dict[str, str]) -> None:
    for name, module in registry.items():
        attribute = "reader" if registry is DATASETS else "METHOD"
        assert hasattr(importlib.import_module(module), attribute), f"{name}: {module} has no {attribute}"
        assert module.endswith(f".{name}")


@pytest.mark.parametrize(
    ("folder", "registered"),
    [("data.readers", {*DATASETS}), ("methods", {*METHODS, *RECIPES})],
)
def test_every_data_set_and_method_is_registered(folder: str, registered: set[str]) -> None:
    constant = "Options" if folder == "data.readers" else "METHOD"
    found = {
        module.rpartition(".")[2]
        for module in MODULES
        if module.startswith(f"dadist.{folder}.")
        for node in tree(module).body
        if (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == constant)
        or (isinstance(node, ast.ClassDef) and node.name == constant)
    }
    assert found == registered


# --- what Python may not know and do


def test_paths_and_surroundings_stay_out_of_python() -> None:
    # What CUDA may see, which of several processes one is, and that ONNX Runtime shall not report its use, is told by
    # no other way.
    told = {"dadist.runtime.cores", "dadist.runtime.gpus", "dadist.runtime.processes", "dadist.runtime.onnx_runtime"}
    never = {"os.getenv", "os.getcwd", "os.chdir", "Path.cwd", "Path.home"}
    for module, path in MODULES.items():
        names = {ast.unparse(node) for node in ast.walk(tree(module)) if isinstance(node, ast.Attribute)}
        assert not names & (never if module in told else never | {"os.environ"}), module
        if not module.startswith(CONFIGURATION):
            files = {text for text in strings(module) if "results/" in text or re.fullmatch(r"\S*config\.ya?ml", text)}
            assert files == {text for text, alone in ALONE.items() if alone == module}, module
            assert not re.search(r"^\s*(import|from) yaml", path.read_text(encoding="utf-8"), re.M), module


# The benchmarks time how others read; no rule runs them. `gpus` asks nvidia-smi for names, and hands it no file;
# `launch` starts this Python again, which is watched; `memory` tells the allocator of C what to keep.
UNWATCHED = {module for module in MODULES if module.startswith("benchmarks.parts")} | {
    "dadist.runtime.memory",
    "dadist.runtime.gpus",
    "dadist.runtime.launch",
}


def test_no_file_is_read_past_python_where_no_audit_sees_it() -> None:
    # tests/audit.py watches what Python opens; these open files by themselves, or in a process that is no Python.
    calls = {f"cv2.{call}" for call in ("imread", "imreadmulti", "imcount", "VideoCapture", "FileStorage")}
    imports = re.compile(r"^\s*((import|from) (ctypes|subprocess|torchvision\.io)|from (cv2|torchvision) import)", re.M)
    for module in set(MODULES) - UNWATCHED:
        names = {ast.unparse(node) for node in ast.walk(tree(module)) if isinstance(node, ast.Attribute)}
        assert not names & calls, module
        assert not [name for name in names if name.endswith(".from_file") or name.startswith("torchvision.io")], module
        text = MODULES[module].read_text(encoding="utf-8")
        assert not imports.search(text), module
        assert not re.search(r"\bdir_fd\b", text), module


def test_no_code_asks_which_method_it_is() -> None:
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                words = {ast.unparse(side).rpartition(".")[2] for side in sides}
                literal = any(isinstance(side, ast.Constant) and isinstance(side.value, str) for side in sides)
                asks = literal and words & {"method", "recipe", "backbone"}
                assert not asks, f"{module}: {ast.unparse(node)}"


# --- sizes


def test_a_module_fits_a_few_screens() -> None:
    lines = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in MODULES.items()}
    assert not {module: count for module, count in lines.items() if count > MODULE_LINES}


def test_a_function_fits_a_screen() -> None:
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, Function):
                first = node.body[0]
                skipped = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node) is not None else 0
                lines = (node.end_lineno or 0) - node.lineno + 1 - skipped
                assert lines <= FUNCTION_LINES, f"{module}.{node.name}"


# --- the repository


def test_no_file_is_large() -> None:
    # A lock is as long as what it locks.
    assert not [path for path in repository() if path.stat().st_size >= FILE_BYTES and path.suffix != ".lock"]


def test_no_file_names_a_folder_of_one_machine_or_leaves_work_undone() -> None:
    machine = re.compile(r"(?:^|[\s\"'=(`:])/(?:tmp|root|work|home)/\w", re.M)
    undone = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b")
    found = []
    for path in repository():
        if path.suffix == ".png":
            continue
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path}: {match[0]}" for pattern in (machine, undone) for match in pattern.finditer(text)]
    assert not found


def test_one_version_is_told_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    released = re.findall(r"^## ([\d.]+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)[0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (citation["version"], str(citation["date-released"])) == released
    assert dadist.__version__ == project["version"] == released[0]
    assert citation["references"][0]["url"] == project["urls"]["Paper"]


UNLOCKED = {"kubernetes"}  # for who has such a cluster: 65 MB that no other needs


@cache
def locked(name: str) -> dict[str, str]:
    """What a lock pins: distribution → version, where its marker holds for this Python or names another system."""
    text = (ROOT / f"envs/{name}.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.M))


def test_the_locks_agree_and_name_no_registry() -> None:
    cpu, cuda, dev = map(locked, ("cpu", "cuda", "dev"))
    assert cuda.items() <= dev.items()
    assert cpu.items() <= cuda.items()
    docs = locked("docs")  # beside dev.lock in one environment
    assert {name: version for name, version in docs.items() if dev.get(name, version) != version} == {}
    of_gpus = {name for name in cuda if re.match(r"nvidia-|cuda-|triton$", name)}
    assert of_gpus == cuda.keys() - cpu.keys() != set()
    assert not [path for path in (ROOT / "envs").glob("*.lock") if "://" in path.read_text(encoding="utf-8")]


def test_what_a_lock_pins_is_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    locks = {"cpu": ["pretrained", "slurm"], "dev": sorted(extras.keys() - UNLOCKED - {"docs"}), "docs": ["docs"]}
    for lock, names in locks.items():
        study = [] if lock == "docs" else project["dependencies"]
        asked = [*study, *(one for name in names for one in extras[name])]
        for one in map(Requirement, asked):
            if one.name != "dadist":
                pinned = locked(lock)[canonicalize_name(one.name)]
                assert one.specifier.contains(pinned), f"{lock}: {one} and {pinned}"


@pytest.mark.parametrize(
    "command",
    [
        *("ruff check .", "ruff format --check .", "lint-imports", "snakefmt --check Snakefile workflow"),
        pytest.param("mypy", marks=pytest.mark.workflow),  # half a minute where it has never run
    ],
)
def test_the_checkers_agree(command: str) -> None:
    answer = subprocess.run(command.split(), cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_snakemake_finds_nothing_to_improve(sandbox: Sandbox) -> None:
    answer = sandbox.snakemake("--lint")
    assert answer.returncode == 0, answer.stdout
    assert "Lints for" not in answer.stdout


def test_a_process_of_tests_has_one_thread_of_torch() -> None:
    assert torch.get_num_threads() == int(os.environ["OMP_NUM_THREADS"])
