"""What the prior's stages make as files: a dataclass of numbers, arrays and a class set, sealed, in an ``.npz``."""

import dataclasses
import io
import typing
import zipfile
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dadist.classes import ClassSet
from dadist.storage.atomic import atomic, sealed, whole

T = TypeVar("T")


def save(record: Any, path: Path, *, version: int) -> None:
    """Write a dataclass to an ``.npz`` file, all or nothing.

    Args:
        record: Its fields are numbers, texts, arrays, tuples of numbers, or class sets.
        path: The file.
        version: Of the format, for ``load`` to compare.
    """
    values = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    plain: dict[str, Any] = {
        name: value.as_json() if isinstance(value, ClassSet) else value for name, value in values.items()
    }
    buffer = io.BytesIO()
    np.savez(buffer, version=version, **plain)
    with atomic(path) as temporary:
        temporary.write_bytes(sealed(buffer.getvalue()))


def load(kind: type[T], path: Path, *, version: int, what: str, rule: str) -> T:
    """Read what ``save`` wrote; runs no code from the file.

    Args:
        kind: The dataclass.
        path: The file.
        version: That the format has to have.
        what: Name of the content, for messages.
        rule: That makes it, for messages.

    Raises:
        FileNotFoundError: No such file.
        ValueError: The file holds something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected {what}, found no file; run the rule {rule}")
    try:
        if not whole(raw := path.read_bytes()):
            raise ValueError("a damaged file: its checksum is wrong")
        with np.load(io.BytesIO(raw), allow_pickle=False) as arrays:
            if arrays["version"] != version:
                raise ValueError(f"version {arrays['version']} of the format, not {version}")
            return kind(**{name: _value(hint, arrays[name]) for name, hint in typing.get_type_hints(kind).items()})
    except (ValueError, KeyError, IndexError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}: expected {what} as {rule} writes them, got {error}; delete it and run the rule {rule} again"
        ) from error


def _value(hint: Any, stored: Any) -> Any:
    """A field as its annotation has it."""
    if hint is ClassSet:
        return ClassSet.from_json(stored.item())
    if typing.get_origin(hint) is tuple:
        return tuple(stored.tolist())
    return stored.item() if stored.ndim == 0 else stored
