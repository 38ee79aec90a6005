"""Stages: one small script per rule, and the glue between a rule and its script.

A stage file ends in ``stage(run)``. The flags of the script are the keyword arguments of ``run``, which are the names
of the rule's inputs and outputs, and ``--params``: one JSON of exactly the settings that the stage reads. A rule that
asks for GPUs passes ``--gpus``. A stage with a section of settings that has a key ``gpus`` runs in that many processes.
"""

import argparse
import contextlib
import functools
import inspect
import json
import logging
import sys
import traceback
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from dadist.config.records import parse
from dadist.runtime import cores, gpus, launch, memory
from dadist.runtime.locks import interrupt, lock_of
from dadist.runtime.processes import end, rank
from dadist.storage.digest import content, digest, key, texts
from dadist.storage.kept import once
from dadist.training.monitor import TrainingMonitor

cores.settle()  # a stage's own imports, torch among them, come after this
LOAD = cores.Load()

In = Annotated[Path, "in"]
Ins = Annotated[list[Path], "in"]  # any number of inputs, none included
Out = Annotated[Path, "out"]  # made once, and kept for a run that is forced
Own = Annotated[Path, "own", "out"]  # the same, but the stage sees to it: it can go on where it was stopped
Count = Annotated[int, "workers"]  # processes to use; changes no result
Batch = Annotated[int, "batch"]  # images at once; changes no result
Monitored = Annotated[TrainingMonitor, "monitor"]  # alarms and event files; changes no result


def flags(run: Callable[..., None]) -> dict[str, str]:
    """Flag name → ``"in"``, ``"out"``, ``"workers"``, ``"batch"`` or ``"monitor"``, from the signature of a stage."""
    hints = typing.get_type_hints(run, include_extras=True)
    return {name: typing.get_args(hint)[-1] for name, hint in hints.items() if name not in ("params", "return")}


def stage(run: Callable[..., None]) -> None:
    """Run a stage as a script: parse its flags, log to stderr, end with one clear message if it cannot go on."""
    memory.keep_freed_memory()
    hints = typing.get_type_hints(run, include_extras=True)
    name = Path(inspect.getfile(inspect.unwrap(run))).stem
    _log(name, rank())
    parser = argparse.ArgumentParser(prog=f"python -m dadist.stages.{name}", allow_abbrev=False)
    parser.add_argument("--params", required=True, type=json.loads, help="JSON of the settings")
    parser.add_argument("--gpus", default=0, type=int, help="how many to take of those that are free")
    for flag in flags(run):
        kind = typing.get_args(hints[flag])[0]
        many = typing.get_origin(kind) is list
        parser.add_argument(f"--{flag}", required=True, type=Path if many else kind, nargs="*" if many else None)
    arguments: dict[str, Any] = vars(parser.parse_args())
    try:
        params = parse(hints["params"], arguments.pop("params"), name)
        granted = arguments.pop("gpus")
        own = [arguments[flag] for flag, hint in hints.items() if hint == Own]
        with _once(name, params, arguments, hints) as there:
            if not there:
                if own:  # what can go on where it was stopped takes long; of every stage it would be too much
                    LOAD.tell()
                _run(functools.partial(run, params, **arguments), name, _processes(params), granted, own)
    except (ValueError, OSError) as error:
        # A user's mistake: the message says all, and a traceback would hide it; where it was raised is enough for us.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        logging.error("error: %s [%s:%s]", error, Path(frame.filename).name, frame.lineno)
        raise SystemExit(1) from None
    if rank() is not None:
        end()


@contextlib.contextmanager
def _once(name: str, params: Any, arguments: dict[str, Any], hints: dict[str, Any]) -> Iterator[bool]:
    """Own the outputs; whether they were made before with the same settings, code and inputs. What is made is kept."""
    outputs = [arguments[flag] for flag, hint in hints.items() if hint == Out]
    inputs = [arguments[flag] for flag, hint in hints.items() if hint == In]
    inputs += [one for flag, hint in hints.items() if hint == Ins for one in arguments[flag]]
    if not outputs or not all(path.exists() for path in inputs):  # the stage says what is missing
        yield False
        return
    code = digest(f"{__name__}.{name}") + content(*texts())
    with once(outputs, key(params, inputs, code)) as there:
        yield there


def _run(work: Callable[[], None], name: str, processes: int, granted: int, own: list[Path]) -> None:
    """In this process; or start as many as are wanted, in which this runs again."""
    if granted and rank() is None:
        for output in own:  # what outlived its workflow may hold the GPU that would be waited for
            interrupt(lock_of(output))
    # GPUs are taken before CUDA is used; importing torch does not use it.
    if processes == 1:
        gpus.take(granted)
        work()
    elif (mine := rank()) is None:
        gpus.take_for_processes(processes, granted)
        launch.launch(processes, ["-m", f"{__name__}.{name}", *sys.argv[1:]])
    else:
        gpus.take_own(mine)
        from dadist.runtime import distributed  # here, since it imports torch

        with distributed.joined():
            work()


def _processes(params: Any) -> int:
    return max([1, *(getattr(section, "gpus", 1) for section in vars(params).values())])


def _log(name: str, rank: int | None) -> None:
    """To stderr; of several processes all but the first tell only what went wrong."""
    label, level = (name, logging.INFO) if not rank else (f"{name}[{rank}]", logging.WARNING)
    logging.basicConfig(stream=sys.stderr, level=level, format=f"%(asctime)s {label}: %(message)s", datefmt="%H:%M:%S")
    logging.captureWarnings(True)
