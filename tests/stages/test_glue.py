import dataclasses
import importlib
import inspect
import json
import logging
import os
import signal
import subprocess
import sys
import textwrap
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

import dadist.stages
from dadist.classes import CLASS_SETS
from dadist.config.records import Record
from dadist.stages import Count, In, Ins, Own, flags, stage

STAGES = sorted(path.stem for path in Path(dadist.stages.__file__).parent.glob("*.py") if path.stem != "__init__")

PARAMS = json.dumps({"classes": dataclasses.asdict(CLASS_SETS["7"])})  # of the stage collect


@dataclasses.dataclass(frozen=True)
class Params(Record):
    """Settings of the stage below."""

    seed: int
    rate: float


calls: list[dict[str, object]] = []


def run(params: Params, *, source: In, many: Ins, workers: Count, model: Own) -> None:
    """A stage for these tests."""
    if params.seed < 0:
        raise ValueError("seed: expected 0 or more, got less; set it so")
    if params.seed == 0:
        raise RuntimeError("a fault of ours")
    calls.append({"params": params, "source": source, "many": many, "workers": workers, "model": model})


@pytest.fixture
def clean() -> Iterator[None]:
    """`stage` sends warnings to the log; here they are to stay errors."""
    calls.clear()
    yield
    logging.captureWarnings(False)


def call(monkeypatch: pytest.MonkeyPatch, params: dict[str, object], *arguments: str) -> None:
    default = ("--source", "a/b", "--many", "c", "d e", "--workers", "3", "--model", "f")
    monkeypatch.setattr(sys, "argv", ["run", "--params", json.dumps(params), *(arguments or default)])
    stage(run)


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"dadist.stages.{name}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_flags_are_the_keyword_arguments_with_their_kinds() -> None:
    assert flags(run) == {"source": "in", "many": "in", "workers": "workers", "model": "out"}


def test_the_flags_of_adapt_are_these() -> None:
    adapt = importlib.import_module("dadist.stages.adapt")
    inputs = {"source": "in", "target": "in", "init": "in", "artefacts": "in"}
    assert flags(adapt.run) == {"monitor": "monitor", **inputs, "model": "out", "losses": "out"}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_takes_params_inputs_and_outputs_and_no_default(name: str) -> None:
    module = importlib.import_module(f"dadist.stages.{name}")
    signature = inspect.signature(module.run).parameters
    assert list(signature) == ["params", *flags(module.run)]
    assert all(parameter.default is inspect.Parameter.empty for parameter in signature.values())
    assert set(flags(module.run).values()) <= {"in", "out", "workers", "batch", "monitor"}
    assert "out" in flags(module.run).values()
    assert typing.get_type_hints(module.run)["params"] is module.Params
    assert module.Params.__dataclass_params__.frozen
    assert all(field.default is dataclasses.MISSING for field in dataclasses.fields(module.Params))


@pytest.mark.usefixtures("clean")
def test_a_stage_gets_its_flags_as_the_types_of_its_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    call(monkeypatch, {"seed": 3, "rate": 1})
    expected = {"source": Path("a/b"), "many": [Path("c"), Path("d e")], "workers": 3, "model": Path("f")}
    assert calls == [{"params": Params(3, 1.0), **expected}]


@pytest.mark.usefixtures("clean")
def test_any_number_of_inputs_may_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    call(monkeypatch, {"seed": 3, "rate": 1}, "--source", "a", "--many", "--workers", "1", "--model", "f")
    assert calls[0]["many"] == []


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(
    "arguments",
    [
        ("--source", "a", "--many", "--workers", "1"),  # no model
        ("--source", "a", "--many", "--workers", "1", "--mod", "f"),  # short for model
        ("--source", "a", "--many", "--workers", "x", "--model", "f"),
    ],
)
def test_wrong_flags_end_with_the_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        call(monkeypatch, {"seed": 3, "rate": 1}, *arguments)
    assert "usage: python -m dadist.stages.test_glue" in capsys.readouterr().err
    assert calls == []


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"seed": -1, "rate": 1.0}, "error: seed: expected 0 or more, got less; set it so [test_glue.py:"),
        ({"seed": 1, "rate": 1.0, "sed": 1}, "error: test_glue.sed: unknown key; did you mean 'seed'? [records.py:"),
        ({"seed": 1}, "error: test_glue.rate: missing; expected a value [records.py:"),
        ({"seed": 1.5, "rate": 1.0}, "error: test_glue.seed: expected a whole number, got 1.5 [records.py:"),
    ],
)
def test_a_users_mistake_ends_with_one_message_that_says_where(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, params: dict[str, object], message: str
) -> None:
    with pytest.raises(SystemExit) as end:
        call(monkeypatch, params)
    assert end.value.code == 1
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(message)


@pytest.mark.usefixtures("clean")
def test_a_fault_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="a fault of ours"):
        call(monkeypatch, {"seed": 0, "rate": 1.0})


def test_a_missing_input_is_one_line_on_stderr_and_exit_code_1(tmp_path: Path) -> None:
    ended = script(
        "collect", "--params", PARAMS, "--metrics", str(tmp_path / "a.json"), "--results", "b", "--summary", "c"
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert f"collect: error: {tmp_path / 'a.json'}: expected metrics, found no file; run the rule evaluate [" in line


def test_an_unknown_setting_is_one_line_on_stderr_and_exit_code_1(tmp_path: Path) -> None:
    params = PARAMS.removesuffix("}") + ', "clases": "7"}'
    ended = script("collect", "--params", params, "--metrics", "--results", str(tmp_path / "b"), "--summary", "c")
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert "collect: error: collect.clases: unknown key; did you mean 'classes'? [records.py:" in line
    assert not (tmp_path / "b").exists()


TRAINING = """
    import sys, time
    from dataclasses import dataclass
    from pathlib import Path
    from dadist.config.records import Record
    from dadist.stages import Own, stage
    from dadist.training.resume import State

    @dataclass(frozen=True)
    class Params(Record):
        steps: int

    def run(params: Params, *, model: Own) -> None:
        state = State.beside(model, "key")
        with state.held(), state.signals():
            print("trains", flush=True)
            for step in range(params.steps):
                time.sleep(0.05)
                if state.due():
                    state.save({"step": step})
            model.touch()

    stage(run)
"""


def test_a_training_that_holds_the_only_gpu_is_told_to_end_by_the_next_of_the_same_model(tmp_path: Path) -> None:
    tool, file = tmp_path / "nvidia-smi", tmp_path / "training.py"
    tool.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA (UUID: GPU-1f)'\n", encoding="utf-8")
    tool.chmod(0o755)
    file.write_text(textwrap.dedent(TRAINING), encoding="utf-8")
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    words = [sys.executable, str(file), "--gpus", "1", "--model", str(tmp_path / "model.pt"), "--params"]
    with subprocess.Popen(
        [*words, '{"steps": 100000}'], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as old:
        assert old.stdout is not None
        assert old.stdout.readline() == "trains\n"
        new = subprocess.run(
            [*words, '{"steps": 1}'], env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert new.returncode == 0, new.stderr
        assert "on GPU GPU-1f" in new.stderr
        assert old.wait(60) == 128 + signal.SIGTERM
    assert (tmp_path / "model.pt").exists()
