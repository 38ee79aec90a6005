"""The disk that prepared arrays are to be written on."""

import errno
import math
import mmap
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dadist.data.inventory import SplitPlan
from dadist.data.packing import ARRAYS
from dadist.doctor.faults import Finding, finding
from dadist.storage.kept import kept_of


def prepared_bytes(plan: SplitPlan, images: int, label_size: tuple[int, int] | None) -> int:
    """What `prepare` will write for so many images; labels that keep their size are compressed, and counted as if not.

    Args:
        plan: Of the split.
        images: How many.
        label_size: (width, height) of the label files, for labels that keep it.
    """
    working = (plan.width, plan.height)
    sizes = {"images": working, "labels": label_size if plan.native and label_size else working, "depth": working}
    wanted = {"images": True, "labels": plan.labels, "depth": plan.depth}
    return images * sum(
        math.prod(sizes[name]) * math.prod(channels) * np.dtype(dtype).itemsize
        for name, (dtype, channels) in ARRAYS.items()
        if wanted[name]
    )


def check_disk(folder: Path, need_bytes: int, *, free_bytes: int | None = None) -> Iterator[Finding]:
    """Whether ``folder`` can take the arrays, and map them into memory.

    Args:
        folder: Where they are to be written; it need not exist yet. What already lies in it, or is kept
            of it, will be replaced.
        need_bytes: As `prepared_bytes` gives them.
        free_bytes: Free on the disk; None: ask it.
    """
    there = next(one for one in (folder, *folder.absolute().parents) if one.is_dir())
    files = [path.stat() for place in (folder, kept_of(folder)) for path in place.rglob("*") if path.is_file()]
    held = sum({one.st_ino: one.st_blocks * 512 for one in files}.values())  # what is kept has the same inodes
    free = held + (shutil.disk_usage(there).free if free_bytes is None else free_bytes)
    if free < need_bytes:
        what = f"expected {need_bytes / 1e9:.3g} GB free for prepared arrays, got {free / 1e9:.3g} GB"
        yield finding("disk-full", there, what)
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"\0")
            file.flush()
            mmap.mmap(file.fileno(), 1, access=mmap.ACCESS_READ).close()
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            yield finding("not-writable", there, f"expected a folder to write in, got {error.strerror}")
            return
        yield finding("no-memory-map", there, f"expected a folder to write in and map files of, got {error}")
