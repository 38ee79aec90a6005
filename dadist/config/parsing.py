"""Strict reading of JSON-like data into dataclasses: unknown, missing and mistyped keys raise, by their full names."""

import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, TypeVar, Union

T = TypeVar("T")


class ConfigError(ValueError):
    """A key of config.yaml is unknown, missing, or of the wrong type or range."""


def parse(kind: type[T], value: Any, where: str) -> T:
    """Build ``kind`` (a dataclass or a plain type) from JSON-like data.

    Args:
        kind: Type to build; dataclasses nest.
        value: What YAML or JSON gave.
        where: Name of the key, for messages.

    Raises:
        ConfigError: naming the key, what was expected and what came.
    """
    return typing.cast(T, _parse(kind, value, where))


def same_keys(value: Mapping[str, Any], expected: Mapping[str, Any], where: str, known: list[str]) -> None:
    """Raise ConfigError for the first key too many or too few; ``known`` are the names to suggest instead."""
    for key in value:
        if key not in expected:
            raise ConfigError(f"{where}.{key}: unknown key{hint(str(key), known)}")
    missing = [key for key in expected if key not in value]
    if missing:
        raise ConfigError(f"{where}.{missing[0]}: missing; config.yaml must set it")


def hint(key: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the closest known one, or all of them."""
    close = difflib.get_close_matches(key, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(known))}"


def _parse(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _parse_dataclass(kind, value, where)
    if origin in (Union, types.UnionType):
        return _parse_union(arguments, value, where)
    if origin is Literal:
        # YAML reads the class set 16 as a number.
        choice = next((option for option in arguments if value == option or str(value) == option), None)
        if choice is None:
            raise ConfigError(f"{where}: expected one of {', '.join(map(str, arguments))}, got {value!r}")
        return choice
    if origin is tuple:
        if not isinstance(value, list | tuple) or (arguments[-1] is not ... and len(value) != len(arguments)):
            size = "" if arguments[-1] is ... else f" of {len(arguments)}"
            raise ConfigError(f"{where}: expected a list{size}, got {value!r}")
        return tuple(_parse(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if kind is Any:
        return value
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected a section, got {value!r}")
        # JSON has no keys but text: an id comes back as one.
        keys = {key: int(key) if arguments[0] is int and str(key).isdecimal() else key for key in value}
        return {
            _parse(arguments[0], keys[key], f"{where}, key {key}"): _parse(arguments[1], item, f"{where}.{key}")
            for key, item in value.items()
        }
    return _parse_scalar(kind, value, where)


def _parse_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"{where}: expected a section with keys {', '.join(f.name for f in fields(kind))}, got {value!r}"
        )
    hints = typing.get_type_hints(kind)
    same_keys(value, hints, where, list(hints))
    return kind(**{key: _parse(hints[key], item, f"{where}.{key}") for key, item in value.items()})


def _parse_union(arguments: tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in arguments:
        return None
    options = [option for option in arguments if option is not type(None)]
    if len(options) == 1:
        return _parse(options[0], value, where)
    if any(isinstance(value, option) for option in options):
        return value
    raise ConfigError(f"{where}: expected a single value, got {value!r}")


def _parse_scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        hint = "; YAML reads 1e-4 as text: write 1.0e-4" if kind is float and isinstance(value, str) else ""
        raise ConfigError(f"{where}: expected {kind.__name__}, got {value!r}{hint}")
    return value
