"""The files of the configuration: read strictly, laid over one another, and named in messages.

Nothing here imports torch: the workflow reads this module each time it plans.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dadist.config.records import ConfigError
from dadist.config.records import Path as Keys

COMMAND_LINE = "--config"


class _Strict(yaml.SafeLoader):
    """YAML in which no key stands twice in a section."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: dict[Any, yaml.Mark] = {}
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise ConfigError(
                    f"line {key.start_mark.line + 1}: expected each key once, got {name!r} again (first in line "
                    f"{seen[name].line + 1}); YAML would drop the first: join the two"
                )
            seen[name] = key.start_mark
        return super().construct_mapping(node, deep)


def read(path: Path) -> dict[str, Any]:
    """A file of YAML or JSON; {} for an empty one.

    Raises:
        ConfigError: It is not there, no YAML, no section, or has a key twice; naming the file.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Strict)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ConfigError(
            f"{path}: expected a file of settings, got {error.strerror}; run this beside the Snakefile"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected UTF-8, got {error}; save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{path}: expected YAML or JSON, got none: {error.problem}{line}; correct it") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: expected YAML or JSON, got none: {error}; correct it") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if content is not None and not isinstance(content, dict):
        raise ConfigError(f"{path}: expected sections such as `settings:`, got {content!r}")
    return content or {}


def laid_over(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``over`` laid over ``base``, section by section and key by key; a list or a value takes the place of another."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = laid_over(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


@dataclass(frozen=True)
class ConfigFiles:
    """Named files, each laid over those before it."""

    named: tuple[tuple[str, Mapping[str, Any]], ...]

    @classmethod
    def of(cls, shipped: Path, files: Iterable[Path]) -> "ConfigFiles":
        """Every YAML file of the folder ``shipped``, then the others.

        Raises:
            ConfigError: A file is wrong, or two files of the folder set one key.
        """
        inside = [
            (f"{shipped.name}/{path.relative_to(shipped)}", read(path)) for path in sorted(shipped.rglob("*.yaml"))
        ]
        if not inside:
            raise ConfigError(f"{shipped}: expected the settings that ship, found none; run this beside the Snakefile")
        held: dict[Keys, str] = {}
        for name, content in inside:
            for path in _leaves(content):
                if path in held:
                    raise ConfigError(f"{name}: expected a key that no other file sets, got that of {held[path]}", path)
                held[path] = name
        return cls((*inside, *((str(path), read(path)) for path in files)))

    def merged(self) -> dict[str, Any]:
        """All of them as one."""
        whole: dict[str, Any] = {}
        for _, content in self.named:
            whole = laid_over(whole, content)
        return whole

    def holder(self, path: Keys, whole: Mapping[str, Any]) -> str:
        """The file that a key of ``whole`` comes from; the command line where no file has its value.

        Of a key that no file has it is the one that has most of the sections around it.
        """
        for length in range(len(path), 0, -1):
            value, there = _at(whole, path[:length])
            holders = [(name, _at(content, path[:length])) for name, content in self.named]
            having = [(name, mine) for name, (mine, found) in holders if found]
            if having:
                same = [name for name, mine in having if mine == value or isinstance(mine, Mapping)]
                return same[-1] if same else COMMAND_LINE
            if there and length == len(path):
                return COMMAND_LINE
        return COMMAND_LINE


def _leaves(content: Any, path: Keys = ()) -> Iterator[Keys]:
    if isinstance(content, Mapping) and content:
        for key, value in content.items():
            yield from _leaves(value, (*path, str(key)))
    else:
        yield path


def _at(content: Any, path: Keys) -> tuple[Any, bool]:
    for part in path:
        if isinstance(content, Mapping):
            known = {str(key): value for key, value in content.items()}
            if str(part) not in known:
                return None, False
            content = known[str(part)]
        elif isinstance(content, list) and isinstance(part, int) and part < len(content):
            content = content[part]
        else:
            return None, False
    return content, True
