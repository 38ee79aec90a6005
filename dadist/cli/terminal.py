"""What `snakemake` shows of a study: one line per job, what the stages say, and at the end what failed.

It takes the place of Snakemake's handler for the terminal, and of nothing else: dry runs, ``--verbose``,
``--printshellcmds``, ``--quiet``, other loggers, and the log file in ``.snakemake/log``, stay as Snakemake has them.
"""

import logging
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from snakemake_interface_logger_plugins.common import LogEvent

from dadist.report.outcome import outcome

# Snakemake's name for the handler that it writes to the terminal with.
DEFAULT = "DefaultStreamHandler"
# What says nothing of the study. All other messages are shown, those that a later Snakemake may have included.
NOISE = re.compile(
    r"Building DAG|Using shell|Provided (cores|resources|remote)|Rules claiming more threads|Conda environments|"
    r"Singularity containers|Select jobs|Execute \d+ jobs|Removing temporary|Complete log|Workflow (finished|runtime)|"
    r"Shutting down|Exiting because a job execution failed|Finished job|Elapsed time|"
    r"RuleException:\s+CalledProcessError"  # a stage that failed has said why
)
FAILED = "At least one job did not complete successfully"
ENDED = "Terminating processes on user request"  # Ctrl-C
HELP = "For further error details"  # how what an executor says of a job ends
SHORTENED = {LogEvent.WORKFLOW_STARTED, LogEvent.PROGRESS, LogEvent.SHELLCMD, LogEvent.RESOURCES_INFO}


class Terminal(logging.StreamHandler[TextIO]):
    """Of what Snakemake reports, what somebody waits for.

    ``made`` has the outputs of the jobs that ended well.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.name = DEFAULT
        self.total = 0
        self.begun: dict[int, tuple[str, list[str]]] = {}  # number of a job → what it is, and its outputs
        self.made: list[str] = []
        self.failed: dict[str, str] = {}  # what a job is → what is known of its end
        self.ended = False  # by the user

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line of a record, if it has one."""
        try:
            text = self._text(record)
            if text:
                self.stream.write(f"{text}\n")
                self.flush()
        except BrokenPipeError:
            raise
        except Exception:  # noqa: BLE001 - as every handler of `logging` does
            self.handleError(record)

    def end(self) -> None:
        """Write what came out: tables and pages among what was made."""
        told = outcome(self.made)
        if told:
            self.stream.write(f"{told}\n")
            self.flush()

    def _text(self, record: logging.LogRecord) -> str:
        match getattr(record, "event", None):
            case LogEvent.RUN_INFO:
                return self._planned(vars(record)["stats"])
            case LogEvent.JOB_INFO:
                return self._begin(vars(record))
            case LogEvent.JOB_FINISHED:
                self.made += self.begun.get(vars(record)["job_id"], ("", []))[1]
                return ""
            case LogEvent.JOB_ERROR:
                return self._fail(vars(record))
            case event if event in SHORTENED:
                return ""
        text = record.getMessage().strip()
        if ENDED in text:
            self.ended = True
            return "ended by you: jobs stop, and trainings save where they are"
        if self.ended and FAILED in text:
            return "the same command goes on from there"
        if FAILED in text:
            return "\n".join(f"failed: {job}: {why}" for job, why in self.failed.items()) or text
        return "" if NOISE.match(text) else text

    def _planned(self, stats: Mapping[str, int]) -> str:
        counts = {rule: count for rule, count in stats.items() if rule not in ("all", "total")}
        self.total = sum(counts.values())
        rules = ", ".join(f"{count} {rule}" for rule, count in counts.items())
        return f"{self.total} jobs: {rules}"

    def _begin(self, job: Mapping[str, Any]) -> str:
        if not job["output"]:  # the rule `all`
            return ""
        number, what = job["jobid"], _what(job)
        again = ", again" if number in self.begun else ""
        self.begun[number] = (what, list(job["output"]))
        place = [*self.begun].index(number) + 1
        return f"[{place:{len(str(self.total))}}/{self.total}] {what}{again}"

    def _fail(self, job: Mapping[str, Any]) -> str:
        what = self.begun.get(job["jobid"], (job["rule_name"], []))[0]
        if self.ended:
            return f"stopped: {what}"
        self.failed[what] = _why([Path(path) for path in job["log"]], job.get("rule_msg"))
        return f"failed: {what}"


def take_over(logger: logging.Logger, settings: Any, *, main: bool) -> Terminal | None:
    """Put a `Terminal` in the place of Snakemake's own handler.

    Args:
        logger: Snakemake's.
        settings: Its settings of output.
        main: Whether this is the Snakemake that somebody started, and no job of one.

    Returns:
        Nothing if the handler stays: somebody asked to see more, less or other things, or has another logger.
    """
    names = ("dryrun", "verbose", "printshellcmds", "quiet", "debug_dag", "show_failed_logs")
    asked = any(getattr(settings, name) for name in names)
    theirs = [handler for handler in logger.handlers if handler.name == DEFAULT]
    if asked or not main or len(theirs) != 1:
        return None
    mine = Terminal(sys.stdout if settings.stdout else sys.stderr)
    logger.removeHandler(theirs[0])
    logger.addHandler(mine)
    return mine


def _what(job: Mapping[str, Any]) -> str:
    """A job in words: its rule, and what its wildcards stand for."""
    values = (f"seed {value}" if name == "seed" else str(value) for name, value in job["wildcards"].items())
    return " ".join((job["rule_name"], *values))


def _why(logs: list[Path], executor: str | None) -> str:
    """The message that a stage ended with; without one, what the ``executor`` says, and what there is to look at."""
    said = {path: path.read_text(encoding="utf-8", errors="replace").strip() for path in logs if path.is_file()}
    for path, text in said.items():
        *before, last = re.split(r"^\S+ \S+: (?:error: |(?=stopped by ))", text, flags=re.M)
        if before:
            return f"{last} ({path})"
    known = (executor or "").partition(HELP)[0].strip().rstrip(".") or "perhaps killed, perhaps out of memory"
    lines = "\n".join(said.values()).splitlines()
    end = f"; its last line was: {lines[-1]}" if lines else ""
    where = ", ".join(map(str, logs)) or "no log"
    return f"it ended without a message, {known}{end} ({where})"
