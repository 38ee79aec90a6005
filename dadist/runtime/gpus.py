"""GPUs of one machine, shared by processes that know nothing of each other.

Snakemake counts GPUs and names none: two jobs at once would both take the first. A lock on one file per GPU says which
is taken, and the kernel lets go of it however its holder ends. No torch here: CUDA reads which GPUs it may see once.
"""

import contextlib
import logging
import os
import re
import stat
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from dadist.runtime import cores
from dadist.runtime.locks import lock

VISIBLE = "CUDA_VISIBLE_DEVICES"
POLL_S = 0.5

_held: list[IO[str]] = []  # until the process ends


def take(wanted: int) -> None:
    """Let CUDA see ``wanted`` GPUs that no other stage of this user has, and hold them until this process ends.

    Waits until so many are free. Without a GPU nothing happens; one that is wanted beyond those that are there is not
    waited for. Call it before CUDA is used.
    """
    ids = usable(os.environ.get(VISIBLE), present()) if wanted else []
    if ids:
        mine, files = hold(
            min(wanted, len(ids)), ids, private(Path(tempfile.gettempdir()) / f"dadist-gpus-{os.getuid()}")
        )
        _held.extend(files)
        os.environ[VISIBLE] = ",".join(mine)
        logging.info("on GPU %s", os.environ[VISIBLE])


def take_for_processes(wanted: int, granted: int) -> None:
    """As `take`, for that many processes that train together, which share what this one holds; and the threads.

    Args:
        wanted: Processes; each uses one GPU, or where there is none its part of the CPU.
        granted: GPUs that whoever runs the stage lets it have.

    Raises:
        ValueError: when there are GPUs, but fewer than that or not granted.
    """
    ids = usable(os.environ.get(VISIBLE), present())
    if ids and len(ids) < wanted:
        raise ValueError(f"gpus: expected {wanted} on one machine, got {len(ids)}; set the key gpus to {len(ids)}")
    if ids and granted < wanted:
        raise ValueError(
            f"gpus: expected {wanted} for one training, got leave to take {granted}; run with --resources gpu={wanted}"
        )
    take(wanted)
    threads = os.environ.get("OMP_NUM_THREADS", "")
    each = max(int(threads if threads.isdecimal() else cores.usable()) // wanted, 1)
    os.environ["OMP_NUM_THREADS"] = str(each)
    # A warning of DistributedDataParallel, about the time that it takes to look for weights that a step leaves out.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    logging.info("%d processes of %d threads%s", wanted, each, "" if ids else ", without a GPU")


def take_own(rank: int) -> None:
    """Let CUDA see the one GPU of a process that was launched with others, of those that the launcher holds for all."""
    if ids := usable(os.environ.get(VISIBLE), present()):
        os.environ[VISIBLE] = ids[rank]


def settle_products() -> None:
    """Have cuBLAS sum in the same order each time; before its first use."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # the larger of the two settings that NVIDIA names


def present() -> list[str]:
    """UUIDs of the GPUs that this process may use, or of their MIG parts, in the driver's order; [] without any.

    By UUID: within a SLURM allocation numbers start from 0 again, and CUDA may number GPUs in another order.
    """
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    found = re.findall(r"UUID: ((?:GPU|MIG)-[^\s)]+)", answer.stdout) if answer.returncode == 0 else []
    return [one for one in found if one.startswith("MIG-")] or found


def count() -> int:
    """How many GPUs this process may use."""
    return len(usable(os.environ.get(VISIBLE), present()))


def usable(visible: str | None, present: Sequence[str]) -> list[str]:
    """Those of the GPUs that are present which CUDA_VISIBLE_DEVICES names, by number or UUID; all where it is unset."""
    if visible is None or not present:
        return list(present)
    named = [one.strip() for one in visible.split(",")]
    chosen = [present[int(one)] if one.isdecimal() and int(one) < len(present) else one for one in named]
    # As CUDA does: what follows the first name that means nothing does not count.
    end = next((index for index, one in enumerate(chosen) if not one.startswith(("GPU-", "MIG-"))), len(chosen))
    return chosen[:end]


def private(folder: Path) -> Path:
    """A folder that this user alone may look into and write to; made if need be.

    Raises:
        ValueError: Something else has its name, which anybody may have laid there.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != 0o700:
        raise ValueError(
            f"{folder}: expected a folder of user {os.getuid()} that is closed to others, for the locks of GPUs, got "
            f"{stat.filemode(found.st_mode)} of user {found.st_uid}; remove it, or set TMPDIR to a folder of your own"
        )
    return folder


def hold(wanted: int, ids: Sequence[str], folder: Path) -> tuple[list[str], list[IO[str]]]:
    """Wait until ``wanted`` of the GPUs are free, and lock them; the locks last as long as the files are open.

    All or none are held while waiting, so that two who want two each cannot wait for each other.

    Args:
        wanted: At most as many as there are ids.
        ids: Names of the GPUs.
        folder: Of the lock files.
    """
    told = False
    while True:
        mine: dict[str, IO[str]] = {}
        for one in ids:
            file = open(folder / one.replace("/", "-"), "a", encoding="utf-8", opener=_no_link)  # noqa: SIM115 (held on)
            if lock(file, "two stages at once may take the same GPU") is False:
                file.close()
                continue
            mine[one] = file
            if len(mine) == wanted:
                return list(mine), list(mine.values())
        for held in mine.values():
            held.close()
        if not told:
            logging.info("waiting for %d of %d GPUs; locks in %s", wanted, len(ids), folder)
            told = True
        time.sleep(POLL_S)


def _no_link(path: str, flags: int) -> int:
    """Opens a file, but not one that a link leads to: anything could be made or held in its place."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
