"""JSON records and CSV tables with a checksum of themselves: a stage believes none that was damaged."""

import hashlib
import json
from pathlib import Path
from typing import Any

from dadist.storage.atomic import atomic
from dadist.storage.errors import DataError

SEAL = "sha256"  # key of a record; begins the last column of a table, which has no values


def save(record: dict[str, Any], path: Path, *, version: int) -> None:
    """Write a record as JSON, all or nothing.

    Args:
        record: What JSON can hold.
        path: The file.
        version: Of the format, for `load` to compare.
    """
    whole = json.loads(json.dumps({"version": version, **record}))  # as it will be read: keys as text
    with atomic(path) as temporary:
        temporary.write_text(json.dumps({**whole, SEAL: _of_record(whole)}, indent=1) + "\n", encoding="utf-8")


def load(path: Path, *, version: int, what: str, remedy: str) -> dict[str, Any]:
    """Read what ``save`` wrote.

    Args:
        path: The file.
        version: That the format has to have.
        what: Name of the content, for messages.
        remedy: What to do, for messages.

    Raises:
        DataError: The file is not there, is damaged, or holds something else.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict):
            raise TypeError(f"a {type(record).__name__}")
        if record.get("version") != version:
            raise ValueError(f"version {record.get('version')!r} of the format, not {version}")
        if record.pop(SEAL, None) != _of_record(record):
            raise ValueError("a damaged file: its checksum is wrong")
    except (ValueError, TypeError, RecursionError, FileNotFoundError) as error:
        got = "no such file" if isinstance(error, FileNotFoundError) else error
        raise DataError(f"{path}: expected {what}, got {got}; {remedy}") from error
    del record["version"]
    return record


def sealed(table: str) -> str:
    """The text of a CSV file with one more column, which has a name and no values: the checksum of the rest."""
    header, *rows = table.splitlines()
    return "".join(f"{line}\n" for line in (f"{header},{SEAL}:{_of_text(table)}", *(f"{row}," for row in rows)))


def load_table(path: Path, *, what: str, remedy: str) -> str:
    """The text that was `sealed` and written to a file.

    Raises:
        DataError: The file is not there, is damaged, or holds something else.
    """
    try:
        written = path.read_bytes().decode("utf-8")
        header, *rows = written.splitlines() or [""]
        table = "".join(f"{line}\n" for line in (header.rpartition(",")[0], *(row[:-1] for row in rows)))
        if sealed(table) != written:
            raise ValueError("a damaged file: its checksum is wrong")
    except (ValueError, FileNotFoundError) as error:
        got = "no such file" if isinstance(error, FileNotFoundError) else error
        raise DataError(f"{path}: expected {what}, got {got}; {remedy}") from error
    return table


def _of_record(record: dict[str, Any]) -> str:
    return _of_text(json.dumps(record, sort_keys=True))


def _of_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
