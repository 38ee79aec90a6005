"""The cores that this process may use, and how its threads wait for one another. Nothing here imports torch."""

import logging
import math
import os
import time
from pathlib import Path

# How often a thread of OpenMP looks whether the others are done before it sleeps. GNU's library looks 300000 times,
# and keeps a core that another process needs, step after step: `python -m benchmarks busy`, docs/speed.md.
SPINS = 1000
GROUPS = Path("/sys/fs/cgroup")
TICKS = os.sysconf("SC_CLK_TCK")


def settle() -> None:
    """Bound the spinning, and the threads to a quota of CPU; before torch is loaded, which reads both once.

    What the user has set in the environment is left as it is.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
    if usable() < affine():  # torch knows what it is bound to, and no quota
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, math.floor(usable()))))


def affine() -> int:
    """Cores that the system lets this process run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable(groups: Path = GROUPS, own: Path = Path("/proc/self/cgroup")) -> float:
    """Cores that this process may use: those of its affinity, or less by a quota of its cgroups (v2 or v1)."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        return affine()
    quotas = [float(affine())]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        inside = [Path(path), *Path(path).parents]
        if not controllers:  # v2
            quotas += [_ratio(groups / str(one).lstrip("/") / "cpu.max") for one in inside]
        elif "cpu" in controllers.split(","):
            quotas += [_quota(groups / controllers / str(one).lstrip("/")) for one in inside]
    return min(quotas)


class Load:
    """How busy others keep the machine, from the making of this to the asking."""

    def __init__(self) -> None:
        self.begun, self.all, self.own = time.monotonic(), _busy(), time.process_time()

    def others(self) -> float:
        """Cores that others have used in the mean."""
        passed = max(time.monotonic() - self.begun, 1e-3)
        return max(_busy() - self.all - (time.process_time() - self.own), 0.0) / passed

    def tell(self) -> None:
        """Say in the log if there are more threads than cores for them."""
        threads = os.environ.get("OMP_NUM_THREADS", "")
        free = usable() - self.others()
        if threads.isdecimal() and int(threads) > max(free + 0.5, 1):
            logging.info(
                "%s threads, but %.1f of %.3g cores are free: others use them; fewer threads (--set-threads) or fewer "
                "jobs at once (--cores) may be faster",
                threads,
                max(free, 0.0),
                usable(),
            )


def _ratio(path: Path) -> float:
    """Cores by a file ``cpu.max``, "QUOTA PERIOD" in microseconds."""
    try:
        quota, period = path.read_text(encoding="utf-8").split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # none, or "max"
        return math.inf


def _quota(folder: Path) -> float:
    """Cores by the two files of version 1; a quota of -1 is none."""
    try:
        quota, period = (
            int((folder / f"cpu.cfs_{name}_us").read_text(encoding="utf-8")) for name in ("quota", "period")
        )
        return quota / period if quota > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf


def _busy() -> float:
    """Seconds of cores that the machine has worked, all cores together."""
    try:
        first = Path("/proc/stat").read_text(encoding="utf-8").splitlines()[0].split()
    except OSError:
        return 0.0
    user, nice, system, _, _, *interrupts = map(int, first[1:8])
    return (user + nice + system + sum(interrupts)) / TICKS
