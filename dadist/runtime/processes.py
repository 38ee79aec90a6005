"""Which process this is, and which one a note means.

An id alone names another process after a restart, in a container, or once it is given anew.
"""

import contextlib
import json
import logging
import os
import shutil
import signal
import sys
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

BOOT = Path("/proc/sys/kernel/random/boot_id")
PARENT = os.getppid()  # while it lives
RANK, PROCESSES = "RANK", "WORLD_SIZE"  # which of several processes one is, and of how many
MEETING = "DADIST_MEETING"  # the file through which they find each other
LAUNCHER, WORKFLOW = "DADIST_LAUNCHER", "DADIST_WORKFLOW"  # ids of the process that launched them, and of its parent
# What the processes listen on: they are on one machine, and nobody else is to hear or reach them.
LOOPBACK = {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "=lo", "NCCL_RAS_ENABLE": "0"}


@dataclass(frozen=True)
class Process:
    """One process of one run of a kernel.

    An id names it among those of its PID namespace alone, and for as long as it lives; when it began, in ticks since
    the boot, tells it from a later one of the same id.
    """

    host: str
    boot: str
    namespace: str
    pid: int
    start: int

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The process that has an id here and now; None if there is none, it has ended, or the system does not tell."""
        try:
            namespace, found = str(Path("/proc/self/ns/pid").readlink()), _status(pid)
            start = int(found[19])
            boot = BOOT.read_text("ascii").strip()
        except (OSError, ValueError, IndexError):
            return None
        return None if found[0] in "ZX" else cls(os.uname().nodename, boot, namespace, pid, start)

    @classmethod
    def mine(cls) -> "Process":
        """This one; where the system tells too little, one that nobody will find."""
        return cls.of(os.getpid()) or cls(os.uname().nodename, "", "", os.getpid(), 0)

    @classmethod
    def noted(cls, note: bytes) -> "Process | None":
        """What `note` gave; None of any other text."""
        try:
            found = json.loads(note)
        except (ValueError, RecursionError):
            return None
        types = {"host": str, "boot": str, "namespace": str, "pid": int, "start": int}
        if not isinstance(found, dict) or {name: type(value) for name, value in found.items()} != types:
            return None
        return cls(**found)

    def note(self) -> bytes:
        """As text, to leave in a file."""
        return json.dumps(asdict(self)).encode()

    def here(self) -> bool:
        """Whether its id is one that this process can look up."""
        mine = Process.of(os.getpid())
        return mine is not None and (mine.boot, mine.namespace) == (self.boot, self.namespace)

    def end(self) -> bool:
        """Tell it to save and end, if it is the one that lives under this id here; whether it was told."""
        if self.pid == os.getpid() or Process.of(self.pid) != self:
            return False
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, signal.SIGTERM)
            return True
        return False

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def environment(rank: int, processes: int, meeting: Path) -> dict[str, str]:
    """What a process that this one launches finds around it.

    Args:
        rank: Which one.
        processes: Of how many.
        meeting: The file through which they find each other.
    """
    own = {RANK: rank, PROCESSES: processes, MEETING: meeting, LAUNCHER: os.getpid(), WORKFLOW: PARENT}
    return {**os.environ, **LOOPBACK, **{name: str(value) for name, value in own.items()}}


def rank() -> int | None:
    """Which of several processes this is; None in one that was not launched with others."""
    return int(os.environ[RANK]) if MEETING in os.environ else None


def meeting() -> tuple[Path, int, int]:
    """The file through which the processes that were launched together meet, which this is, and of how many."""
    return Path(os.environ[MEETING]), int(os.environ[RANK]), int(os.environ[PROCESSES])


def abandoned() -> bool:
    """Whether the process that launched this one with others is gone, and nobody would end it with them."""
    return rank() is not None and os.getppid() != int(os.environ[LAUNCHER])


def orphaned() -> bool:
    """Whether whoever ran this stage, such as Snakemake, is gone; of several processes, whoever ran their launcher."""
    if rank() is None:
        return os.getppid() != PARENT
    try:
        return abandoned() or _status(os.getppid())[1] != os.environ[WORKFLOW]
    except OSError:
        return True


def _status(pid: int) -> list[str]:
    """What the kernel tells of a process behind its name, which may hold anything: its state, its parent, and so on.

    Raises:
        OSError: There is none.
    """
    return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode("ascii").split()


def end() -> NoReturn:
    """End this process, whose work is done, as one of several.

    DistributedDataParallel keeps the threads of gloo, even when the group is destroyed, and Python's own way out then
    aborts once in a while: a training that is finished and saved would be called failed.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def folder_to_add(command: str) -> str:
    """The folder that PATH lacks at its front for a command of this environment; "" if it is found as it is.

    What such a command starts calls `python`, which is another one, or none, where the environment is not activated.

    Raises:
        FileNotFoundError: The environment has no such command.
    """
    scripts, found = sysconfig.get_path("scripts"), shutil.which(command)
    if found and Path(found).parent == Path(scripts):
        return ""
    if found is None and shutil.which(command, path=scripts) is None:
        raise FileNotFoundError(f"expected the command {command}, found none; pip install {command}")
    return scripts


def become(command: list[str], folder: str) -> NoReturn:
    """Run a command in the place of this process: it gets the signals, and whoever waits gets its exit status.

    Args:
        command: Name and words.
        folder: As `folder_to_add` gave it.
    """
    path = os.pathsep.join(part for part in (folder, os.environ.get("PATH", os.defpath)) if part)
    os.execvpe(command[0], command, {**os.environ, "PATH": path})
