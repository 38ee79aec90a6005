"""YAML and JSON that can be read in one way alone: each key once, and no value that YAML takes for another.

Versions 1.1 and 1.2 of YAML differ: 010 is 8 or 10, no is false or text, 1e-4 is text or a number. What they read
differently is refused with its line and with what to write.
"""

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn

import yaml

from dadist.config.records import ConfigError
from dadist.config.records import Path as Keys

LONGEST = 100  # digits: Python itself refuses thousands
TAG = "tag:yaml.org,2002:"
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?[0-9]*\.[0-9]*(?:[eE][-+][0-9]+)?")
# Text to YAML 1.1, a number to YAML 1.2.
DISPUTED = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|0o[0-7]+")


def parsed(text: str) -> Any:
    """What a text of JSON, or else of YAML, says; the keys of sections are text.

    Raises:
        ConfigError: It is neither, has a key twice or a value that is not to be read one way alone.
    """
    try:
        return json.loads(text, object_pairs_hook=_section, parse_constant=_infinite, parse_float=_finite)
    except ConfigError:
        raise
    except (ValueError, RecursionError):
        pass  # YAML, perhaps
    try:
        node = yaml.SafeLoader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"expected YAML or JSON, got none: {error.problem}{line}; correct it") from None
    except yaml.YAMLError as error:
        told = " ".join(str(error).split())
        raise ConfigError(f"expected YAML or JSON, got none: {told}; correct it") from None
    except RecursionError:
        raise ConfigError("expected YAML or JSON, got sections within sections without end; correct it") from None
    return None if node is None else _value(node, (), ())


def _section(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ConfigError(f"expected each key once, got {name!r} again; join the two")
        found[name] = value
    return found


def _infinite(text: str) -> NoReturn:
    raise ConfigError(f"expected finite numbers, got {text}; write a number")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _infinite(text)


def _value(node: yaml.Node, path: Keys, around: tuple[yaml.Node, ...]) -> Any:
    """What a node says; ``around`` are the nodes that it stands in."""
    if any(node is one for one in around):
        raise _wrong(node, path, "expected a value, got an alias of a section around it; write the value out")
    kind, inside = node.tag.removeprefix(TAG), (*around, node)
    if isinstance(node, yaml.MappingNode) and kind == "map":
        return _mapping(node, path, inside)
    if isinstance(node, yaml.SequenceNode) and kind == "seq":
        return [_value(one, (*path, index), inside) for index, one in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, kind, path)
    raise _wrong(node, path, f"expected a section, a list or a value, got the tag {node.tag}; leave it out")


def _mapping(node: yaml.MappingNode, path: Keys, around: tuple[yaml.Node, ...]) -> dict[str, Any]:
    """A section, over what ``<<`` merges into it; a merged key is none of its own."""
    merged: dict[str, Any] = {}
    own: dict[str, Any] = {}
    first: dict[str, int] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _wrong(key, path, "expected a name, got a list or a section as a key; write a name")
        merges = key.tag == f"{TAG}merge"
        name = key.value if merges else _name(key, path)
        if name in first:
            what = f"expected each key once, got {name!r} again (first in line {first[name]})"
            raise _wrong(key, path, f"{what}; YAML would drop the first: join the two")
        first[name] = _line(key)
        if not merges:
            own[name] = _value(value, (*path, name), around)
            continue
        for one in reversed(value.value if isinstance(value, yaml.SequenceNode) else [value]):
            if not isinstance(one, yaml.MappingNode):
                raise _wrong(key, path, "expected a section to merge, got none; write << in quotes if it is a name")
            merged |= _value(one, path, around)
    return merged | own


def _name(node: yaml.ScalarNode, path: Keys) -> str:
    """A key as text; a number is written as in decimal."""
    value = _scalar(node, node.tag.removeprefix(TAG), path)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else node.value


def _scalar(node: yaml.ScalarNode, kind: str, path: Keys) -> Any:
    """A value, if YAML 1.1 and 1.2 agree on it."""
    text, quoted = node.value, node.style is not None
    if kind in ("int", "float") and len(text) > LONGEST:
        raise _wrong(node, path, f"expected a number of at most {LONGEST} digits, got {len(text)}; shorten it")
    if kind == "str" and (quoted or not DISPUTED.fullmatch(text)):
        return text
    if not quoted:
        match kind:
            case "null" if text != "~":
                return None
            case "bool" if text.lower() in ("true", "false"):
                return text.lower() == "true"
            case "int" if INTEGER.fullmatch(text) or HEXADECIMAL.fullmatch(text):
                return int(text, 0)
            case "float" if FLOAT.fullmatch(text) and math.isfinite(float(text)):
                return float(text)
    raise _wrong(node, path, _surprise(kind, text))


def _surprise(kind: str, text: str) -> str:
    """What was expected, what YAML 1.1 takes a text for, and what to write."""
    quoted = json.dumps(text, ensure_ascii=False)
    match kind:
        case "null":
            return f"expected null or text in quotes, got {text}, which YAML reads as nothing; write null or {quoted}"
        case "timestamp":
            return f"expected text in quotes, got {text}, which YAML reads as a date; write {quoted}"
        case "bool" | "int" | "float":
            read = yaml.SafeLoader(text).get_single_data()
            plain = re.sub(r"(?<![0-9])0+(?=[0-9])", "", text)  # what was meant by leading zeros
            number = plain if INTEGER.fullmatch(plain) else _written(read)
            got = f"{text}, which YAML reads as {_written(read)}"
        case "str":
            number, got = _written(int(text, 8) if text.startswith("0o") else float(text)), f"{text}, text in YAML 1.1"
        case _:
            return f"expected a value without a tag, got {text} with {kind}; leave the tag out, or write {quoted}"
    if number.lstrip("-") in (".inf", ".nan"):
        return f"expected a finite number, got {text}; write one, or {quoted} if it is text"
    what = "true or false" if kind == "bool" else "a number"
    return f"expected {what} or text in quotes, got {got}; write {number} or {quoted}"


def _written(value: bool | float) -> str:
    """As both versions read it."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
    return str(yaml.safe_dump(int(value) if whole else value)).split()[0]


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _wrong(node: yaml.Node, path: Keys, message: str) -> ConfigError:
    return ConfigError(f"line {_line(node)}: {message}", path)
