"""GPUs of one machine, shared by processes that know nothing of each other.

Snakemake counts GPUs and names none: two jobs at once would both take the first. A lock on one file per GPU says which
is taken, and the kernel lets go of it however its holder ends. No torch here: CUDA reads which GPUs it may see once.
"""

import fcntl
import logging
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

VISIBLE = "CUDA_VISIBLE_DEVICES"
RANK = "LOCAL_RANK"  # that torchrun's agent gives a process
LAUNCHER = "DADIST_LAUNCHER"  # the process that holds the GPUs of several
POLL_S = 0.5

_held: list[IO[str]] = []  # until the process ends


def take(wanted: int) -> None:
    """Let CUDA see ``wanted`` GPUs that no other stage of this user has, and hold them until this process ends.

    Waits until so many are free. Without a GPU nothing happens; one that is wanted beyond those that are there is not
    waited for. Call it before CUDA is used.
    """
    ids = usable(os.environ.get(VISIBLE), present()) if wanted else []
    if ids:
        mine, files = hold(min(wanted, len(ids)), ids, Path(tempfile.gettempdir()) / f"dadist-gpus-{os.getuid()}")
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
    each = max((int(threads) if threads.isdecimal() else os.cpu_count() or 1) // wanted, 1)
    os.environ["OMP_NUM_THREADS"] = str(each)
    os.environ[LAUNCHER] = str(os.getpid())
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # they are on one machine, and nobody else has to hear them
    # A warning of DistributedDataParallel, about the time that it takes to look for weights that a step leaves out.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    logging.info("%d processes of %d threads%s", wanted, each, "" if ids else ", without a GPU")


def take_own() -> None:
    """Let CUDA see the one GPU of this process, of those that the launcher holds for all."""
    if ids := usable(os.environ.get(VISIBLE), present()):
        os.environ[VISIBLE] = ids[int(os.environ[RANK])]


def rank() -> int | None:
    """Which of several processes this is; None in one that torchrun's agent did not start."""
    return int(os.environ[RANK]) if RANK in os.environ else None


def launcher() -> int | None:
    """Id of the process that called `take_for_processes` for this one, while it lived its parent; None without one."""
    return int(os.environ[LAUNCHER]) if RANK in os.environ and LAUNCHER in os.environ else None


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


def usable(visible: str | None, present: Sequence[str]) -> list[str]:
    """Those of the GPUs that are present which CUDA_VISIBLE_DEVICES names, by number or UUID; all where it is unset."""
    if visible is None or not present:
        return list(present)
    named = [one.strip() for one in visible.split(",")]
    chosen = [present[int(one)] if one.isdecimal() and int(one) < len(present) else one for one in named]
    # As CUDA does: what follows the first name that means nothing does not count.
    end = next((index for index, one in enumerate(chosen) if not one.startswith(("GPU-", "MIG-"))), len(chosen))
    return chosen[:end]


def hold(wanted: int, ids: Sequence[str], folder: Path) -> tuple[list[str], list[IO[str]]]:
    """Wait until ``wanted`` of the GPUs are free, and lock them; the locks last as long as the files are open.

    All or none are held while waiting, so that two who want two each cannot wait for each other.

    Args:
        wanted: At most as many as there are ids.
        ids: Names of the GPUs.
        folder: Of the lock files; made if need be.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    told = False
    while True:
        mine: dict[str, IO[str]] = {}
        for one in ids:
            file = (folder / one.replace("/", "-")).open("a", encoding="utf-8")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
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
