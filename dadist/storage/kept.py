"""What is finished stays finished: each output has a second name beside it, until another output takes its place.

Snakemake deletes an output before it runs the job again: one that is forced, or that it takes for incomplete since it
was killed before the job ended. What that job made meanwhile is here, with its key and the checksum of every file, and
is put back. Hard links take no room while the output stands.
"""

import contextlib
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from dadist.runtime.locks import alone, lock_of

logger = logging.getLogger(__name__)

RECORD = "record.json"
STAMP = ".snakemake_timestamp"  # that Snakemake lays into a folder

Sums = dict[str, str]  # name inside an output → SHA-256; the name of an output that is a file is ""


@contextlib.contextmanager
def once(outputs: Sequence[Path], key: str) -> Iterator[bool]:
    """Own some outputs until the block ends, which makes them unless they are there; keep what it made.

    Args:
        outputs: In one folder; the first gives its name to what stands beside them.
        key: Hash of all that they depend on.

    Yields:
        Whether they are there, by the same key.
    """
    with alone(lock_of(outputs[0])):
        there = put_back(outputs, key)
        yield there
        if not there:
            keep(outputs, key)


def keep(outputs: Sequence[Path], key: str) -> None:
    """Keep finished outputs for `put_back`, in place of what was kept before; the caller owns them."""
    place = kept_of(outputs[0])
    new = place.with_name(f"{place.name}-new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        sums = [_keep(output, new / str(index)) for index, output in enumerate(outputs)]
        (new / RECORD).write_text(json.dumps({"key": key, "sums": sums}), encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)
        new.rename(place)
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        logger.warning("%s: cannot be kept for a run that is forced, which will make it anew: %s", outputs[0], error)


def put_back(outputs: Sequence[Path], key: str) -> bool:
    """Put finished outputs back, with the time of now, if they were kept by this key and are whole; whether it was so.

    What was kept by another key goes. The caller owns the outputs.
    """
    place = kept_of(outputs[0])
    if not place.exists():
        return False
    sums = _record(place, key)
    if sums is None or len(sums) != len(outputs) or not _whole(place, sums):
        shutil.rmtree(place)
        return False
    pairs = [(place / str(index), output) for index, output in enumerate(outputs)]
    if any(kept.is_dir() and _foreign(kept, output) for kept, output in pairs):
        return False
    for kept, output in pairs:
        _put_back(kept, output)
    logger.info(
        "%s: made before with the same settings, code and inputs, and taken from %s; delete that to make it anew",
        outputs[0],
        place,
    )
    return True


def kept_of(output: Path) -> Path:
    """The folder where it is kept."""
    return output.with_name(f".{output.name}.kept")


def _keep(output: Path, place: Path) -> Sums:
    found = {}
    for name in _names(output):
        kept = place / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        _link(output / name, kept, copied=not name)
        found[name] = _sum(kept)
    return found


def _put_back(kept: Path, output: Path) -> None:
    new = output.with_name(f"{kept_of(output).name}-back")
    if not kept.is_dir():
        new.unlink(missing_ok=True)
        _link(kept, new, copied=True)
        os.utime(new)
        new.replace(output)
    elif not output.is_dir() or not any(output.iterdir()):
        shutil.rmtree(new, ignore_errors=True)
        for name in _names(kept):
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            _link(kept / name, new / name, copied=False)
        new.replace(output)


def _link(old: Path, new: Path, *, copied: bool) -> None:
    """A second name; where the file system has none, a copy of what is one file, as models and tables are."""
    try:
        new.hardlink_to(old)
    except OSError:
        if not copied:
            raise
        shutil.copyfile(old, new)


def _names(output: Path) -> list[str]:
    if not output.is_dir():
        return [""]
    return sorted(str(one.relative_to(output)) for one in output.rglob("*") if one.is_file() and one.name != STAMP)


def _foreign(kept: Path, output: Path) -> bool:
    """Whether there is a folder with other files than the kept ones."""
    if not output.is_dir() or not any(output.iterdir()):
        return False
    names = _names(kept)
    return _names(output) != names or not all((kept / name).samefile(output / name) for name in names)


def _record(place: Path, key: str) -> list[Sums] | None:
    try:
        record = json.loads((place / RECORD).read_bytes())
        return list(record["sums"]) if record["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _whole(place: Path, sums: list[Sums]) -> bool:
    for index, one in enumerate(sums):
        for name, wanted in one.items():
            file = place / str(index) / name
            if not file.is_file() or _sum(file) != wanted:
                logger.warning("%s: expected what was kept, got something else (damaged); it is made anew", file)
                return False
    return True


def _sum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
