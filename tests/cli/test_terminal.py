"""Snakemake's own events in, what stands on the terminal out. tests/workflow has real runs of it."""

import io
import logging
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from dadist.cli.terminal import DEFAULT, Terminal, take_over

ASKED = ("dryrun", "verbose", "printshellcmds", "quiet", "debug_dag", "show_failed_logs")


def record(event: LogEvent | None, text: str = "", **fields: Any) -> logging.LogRecord:
    one = logging.LogRecord("snakemake.logging", logging.INFO, "", 0, text, None, None)
    vars(one).update(event=event, **fields)
    return one


def job(number: int, rule: str = "adapt", log: Path | None = None, **wildcards: str) -> dict[str, Any]:
    output = [] if rule == "all" else [f"results/{number}.csv"]
    return {
        "jobid": number,
        "rule_name": rule,
        "wildcards": wildcards,
        "output": output,
        "log": [str(log)] if log else [],
    }


@pytest.fixture
def terminal() -> Terminal:
    """Told that two trainings and the rule `all` will run."""
    made = Terminal(io.StringIO())
    made.emit(record(LogEvent.RUN_INFO, stats={"adapt": 2, "all": 1, "total": 3}))
    return made


def lines(terminal: Terminal) -> list[str]:
    assert isinstance(terminal.stream, io.StringIO)
    return terminal.stream.getvalue().splitlines()


def test_a_job_is_one_line_and_all_is_none(terminal: Terminal) -> None:
    terminal.emit(record(LogEvent.JOB_INFO, **job(5, setting="demo", method="dada", seed="3")))
    terminal.emit(record(LogEvent.JOB_INFO, **job(4, "evaluate", setting="demo")))
    terminal.emit(record(LogEvent.JOB_INFO, **job(5, setting="demo", method="dada", seed="3")))  # a retry
    terminal.emit(record(LogEvent.JOB_INFO, **job(0, "all")))
    assert lines(terminal) == [
        "2 jobs: 2 adapt",
        "[1/2] adapt demo dada seed 3",
        "[2/2] evaluate demo",
        "[1/2] adapt demo dada seed 3, again",
    ]


def test_what_was_made_is_what_ended_well(terminal: Terminal) -> None:
    for number in (1, 2):
        terminal.emit(record(LogEvent.JOB_INFO, **job(number)))
    terminal.emit(record(LogEvent.JOB_FINISHED, job_id=2))
    assert terminal.made == ["results/2.csv"]


SILENT = "it ended without a message, perhaps killed, perhaps out of memory"
STOPPED = "stopped by SIGTERM; the same command goes on from here"
STEP, ERROR = "10:00:00 adapt: step 1/2", "10:00:01 adapt: error: expected a, got b;\n  write a"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (f"{STEP}\n{ERROR}\n", "expected a, got b;\n  write a"),
        (f"{STEP}\n10:00:02 adapt: stopped by SIGTERM; the same command goes on from here", STOPPED),
        (f"{STEP}\n", f"{SILENT}; its last line was: {STEP}"),
        ("", SILENT),
    ],
)
def test_a_failure_is_the_last_line_with_its_reason_and_its_log(
    terminal: Terminal, tmp_path: Path, said: str, why: str
) -> None:
    log = tmp_path / "adapt.log"
    log.write_text(said, encoding="utf-8")
    terminal.emit(record(LogEvent.JOB_INFO, **job(1, log=log, setting="demo")))
    terminal.emit(record(LogEvent.JOB_ERROR, **job(1, log=log, setting="demo")))
    terminal.emit(record(LogEvent.ERROR, "WorkflowError:\nAt least one job did not complete successfully."))
    assert lines(terminal)[2:] == ["failed: adapt demo", *f"failed: adapt demo: {why} ({log})".splitlines()]


def test_of_a_job_elsewhere_its_message_is_told_or_else_what_the_executor_says(
    terminal: Terminal, tmp_path: Path
) -> None:
    logs = tmp_path / "adapt.log", tmp_path / "12.log"
    logs[1].write_text("RuleException:\nmany lines of another Snakemake", encoding="utf-8")
    lost = "SLURM-job '12' failed, SLURM status is: 'OUT_OF_MEMORY'. For further error details see the cluster log."
    for said in (f"{ERROR}\n", STEP):
        logs[0].write_text(said, encoding="utf-8")
        failed = {**job(1, setting="demo"), "log": [str(log) for log in logs], "rule_msg": lost}
        terminal.emit(record(LogEvent.JOB_ERROR, **failed))
        terminal.emit(record(LogEvent.ERROR, "WorkflowError:\nAt least one job did not complete successfully."))
    told = (
        "it ended without a message, SLURM-job '12' failed, SLURM status is: 'OUT_OF_MEMORY'; its last line was: many"
    )
    assert lines(terminal)[2:4] == ["failed: adapt: expected a, got b;", f"  write a ({logs[0]})"]
    assert lines(terminal)[-1] == f"failed: adapt: {told} lines of another Snakemake ({logs[0]}, {logs[1]})"


def test_what_says_nothing_of_the_study_is_left_out_and_what_is_not_known_is_shown(terminal: Terminal) -> None:
    for text in ("Select jobs to execute...", "RuleException:\nCalledProcessError in file …", "Elapsed time: 1"):
        terminal.emit(record(None, text))
    terminal.emit(record(LogEvent.PROGRESS, "1 of 2 steps", done=1, total=2))
    terminal.emit(record(None, "Nothing to be done (all requested files are present and up to date)."))
    terminal.emit(record(None, "RuleException:\nMissing output files"))
    assert lines(terminal)[1:] == [
        "Nothing to be done (all requested files are present and up to date).",
        "RuleException:",
        "Missing output files",
    ]


@pytest.mark.parametrize("name", [*ASKED, "job", "other"])
def test_whoever_asks_for_more_or_less_has_snakemake_s_own(name: str) -> None:
    logger, theirs = logging.Logger("one"), logging.StreamHandler()
    theirs.name = "other" if name == "other" else DEFAULT
    logger.addHandler(theirs)
    settings = SimpleNamespace(stdout=False, **{one: one == name for one in ASKED})
    assert take_over(logger, settings, main=name != "job") is None
    assert logger.handlers == [theirs]


def test_all_others_have_this_one_on_the_stream_that_they_chose() -> None:
    for stdout in (False, True):
        logger, theirs = logging.Logger("one"), logging.StreamHandler()
        theirs.name = DEFAULT
        logger.addHandler(theirs)
        mine = take_over(logger, SimpleNamespace(stdout=stdout, **dict.fromkeys(ASKED)), main=True)
        assert logger.handlers == [mine]
        assert mine is not None
        assert mine.stream is (sys.stdout if stdout else sys.stderr)


def test_what_the_user_ended_has_not_failed(terminal: Terminal) -> None:
    terminal.emit(record(LogEvent.JOB_INFO, **job(5, setting="demo")))
    terminal.emit(record(None, "Terminating processes on user request, this might take some time."))
    terminal.emit(record(LogEvent.JOB_ERROR, **job(5, setting="demo")))
    terminal.emit(record(None, "At least one job did not complete successfully."))
    assert lines(terminal)[2:] == [
        "ended by you: jobs stop, and trainings save where they are",
        "stopped: adapt demo",
        "the same command goes on from there",
    ]
