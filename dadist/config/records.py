"""Strict reading of JSON-like data into frozen dataclasses: every key is known, present, of its type and in its limits.

A key is declared once, as a field with `key`: its type, limits, unit, meaning and the source of its default. pydantic
reads by it; `reference.py` writes the documentation from it.
"""

import dataclasses
import difflib
import json
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeVar, Union

import typing_extensions
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, ErrorDetails
from pydantic_core.core_schema import no_info_after_validator_function

T = TypeVar("T")
Path = tuple[str | int, ...]  # to a key, from the outermost section

UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
# numpy and torch take larger seeds, scikit-learn none beyond.
LARGEST_SEED = 2**32 - 1
KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a section",
    "dataclass_type": "a section",
}


class ConfigError(ValueError):
    """A key of the configuration is unknown, missing, or of the wrong type or range.

    Args:
        message: What was expected, what came, and the remedy.
        path: To the key, from the outermost section.
    """

    def __init__(self, message: str, path: Path = ()) -> None:
        super().__init__(f"{dotted(path)}: {message}" if path else message)
        self.path, self.message = path, message


class Record:
    """Base of dataclasses that `parse` builds: no key more, no type near enough, no NaN."""

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Distinct:
    """Marks a list of which no item may come twice."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """As pydantic asks."""
        return no_info_after_validator_function(_each_once, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """As pydantic asks."""
        return {**handler(schema), "uniqueItems": True}


def _each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = next((one for one in values if values.count(one) > 1), None)
    if twice is not None:
        raise ConfigError(f"expected each once, got {list(values)}; take {twice!r} out")
    return values


def key(meaning: str, *, unit: str = "", source: str = "", **limits: Any) -> Any:
    """What `Annotated` says of a field.

    Args:
        meaning: One sentence.
        unit: Of a number.
        source: Where the default comes from: P, the paper; C, its authors' code; D, this project; or another paper.
        limits: As pydantic's `Field` takes them: ge, gt, le, min_length, …
    """
    return typing.cast(Any, FieldInfo)(
        description=meaning, json_schema_extra={"unit": unit, "source": source}, **limits
    )


def parse(kind: type[T], value: Any, where: str | Path = ()) -> T:
    """Build ``kind`` (a `Record` or a plain type) from JSON-like data.

    Args:
        kind: Type to build; records nest.
        value: What YAML or JSON gave.
        where: Name of the section, or the path to it, for messages.

    Raises:
        ConfigError: For the first key that is wrong: which, what was expected and what came.
    """
    before: Path = (where,) if isinstance(where, str) else where
    try:
        found: T = _adapter(kind).validate_json(json.dumps(value, default=str))
        return found
    except ValidationError as error:
        details = error.errors(include_url=False)
        first = next((one for one in details if one["type"] in UNKNOWN), details[0])
        path, message = _message(kind, value, first)
        raise ConfigError(message, (*before, *path)) from None


def dotted(path: Path) -> str:
    """A path as messages have it: ``settings.demo.seeds[1]``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def hint(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the closest known one, or all of them."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(known))}"


_ADAPTERS: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def _message(kind: Any, value: Any, error: ErrorDetails) -> tuple[Path, str]:
    """The path of an error of pydantic, and its message in our words."""
    path, limits, came = _path(kind, error["loc"]), error.get("ctx", {}), error["input"]
    known = _keys(kind, path[:-1])
    if error["type"] in UNKNOWN:
        return path, f"unknown key{hint(str(path[-1]), known)}"
    if error["type"] == "missing" and (length := _fixed_length(kind, path[:-1])):
        return path[:-1], f"expected a list of {length}, got {_value_at(value, path[:-1])!r}"
    if error["type"] == "too_long" and (length := _fixed_length(kind, path)):
        return path, f"expected a list of {length}, got {came!r}"
    if error["type"] in ("missing", "missing_argument"):
        return path, "missing; expected a value"
    match error["type"]:
        case "value_error":
            return _nested(path, limits["error"])
        case "literal_error":
            expected = ", ".join(map(str, typing.get_args(_plain(_type_at(kind, path)))))
            return path, f"expected one of {expected}, got {came!r}"
        case "too_short" | "too_long":
            side = "at least" if "min_length" in limits else "at most"
            return path, f"expected {side} {limits.get('min_length', limits.get('max_length'))} of them, got {came!r}"
        case "greater_than_equal" | "less_than_equal" | "greater_than" | "less_than":
            return path, f"expected {_limits(kind, path)}, got {came!r}"
    expected = KINDS.get(error["type"], error["msg"])
    if error["type"] == "dataclass_type":
        expected = f"a section with keys {', '.join(_keys(kind, path))}"
    remedy = "; put it in quotes" if error["type"] == "string_type" and isinstance(came, bool | int | float) else ""
    return path, f"expected {expected}, got {came!r}{remedy}"


def _nested(path: Path, error: Exception) -> tuple[Path, str]:
    """Of what a record's own check raised, whose path starts at the record."""
    if isinstance(error, ConfigError):
        return (*path, *error.path), error.message
    return path, str(error)


def _path(kind: Any, loc: Path) -> Path:
    """The location without the names that pydantic gives to members of unions and to parts of functions."""
    path: Path = ()
    for part in loc:
        inner = _plain(_type_at(kind, path))
        nested = dataclasses.is_dataclass(inner) or typing_extensions.is_typeddict(inner)
        if part != "[key]" and (nested or typing.get_origin(inner) in (dict, tuple, list)):
            path = (*path, part)
    return path


def _plain(kind: Any) -> Any:
    """A type without what `Annotated` says and without None."""
    while True:
        if typing.get_origin(kind) is typing.Annotated:
            stands_for = [one.stands_for for one in kind.__metadata__ if hasattr(one, "stands_for")]
            kind = stands_for[0]() if stands_for else typing.get_args(kind)[0]
        elif typing.get_origin(kind) in (Union, types.UnionType):
            options = [one for one in typing.get_args(kind) if one is not type(None)]
            if len(options) != 1:
                return kind
            kind = options[0]
        else:
            return kind


def _type_at(kind: Any, path: Path) -> Any:
    """The type of a key; None where the path leads out of what is known."""
    for part in path:
        kind = _plain(kind)
        if dataclasses.is_dataclass(kind) or typing_extensions.is_typeddict(kind):
            kind = typing.get_type_hints(kind, include_extras=True).get(str(part))
        else:
            arguments = [one for one in typing.get_args(kind) if one is not ...]
            kind = arguments[-1] if arguments else None
    return kind


def _value_at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


def _fixed_length(kind: Any, path: Path) -> int:
    """Of a list with a set number of items; 0 of anything else."""
    inner = _plain(_type_at(kind, path))
    arguments = typing.get_args(inner)
    return len(arguments) if typing.get_origin(inner) is tuple and ... not in arguments else 0


def _keys(kind: Any, path: Path) -> list[str]:
    """Names of the keys of a section."""
    inner = _plain(_type_at(kind, path))
    if dataclasses.is_dataclass(inner):
        return [field.name for field in dataclasses.fields(inner)]
    return list(inner.__annotations__) if typing_extensions.is_typeddict(inner) else []


def _limits(kind: Any, path: Path) -> str:
    """The limits of a number in words: those of the field, or of the items of a list."""
    schema: Mapping[str, Any] = limits_of(_type_at(kind, path)) or limits_of(_type_at(kind, path[:-1]))
    least, most = schema.get("ge"), schema.get("le")
    if least is not None and most is not None:
        return f"{least} to {most}"
    if schema.get("gt") is not None:
        return f"more than {schema['gt']}"
    return f"at least {least}" if least is not None else f"at most {most}"


def limits_of(kind: Any) -> dict[str, Any]:
    """The limits that a field's `key`, or that of its items, gives: ge, gt, le, min_length, …"""
    found: dict[str, Any] = {}
    if typing.get_origin(kind) is typing.Annotated:
        for one in kind.__metadata__:
            for limit in getattr(one, "metadata", [one]):
                found |= {
                    name: getattr(limit, name) for name in ("ge", "gt", "le", "min_length") if hasattr(limit, name)
                }
    for inner in typing.get_args(kind):
        found = {**limits_of(inner), **found}
    return found
