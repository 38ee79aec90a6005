"""The files of the configuration: read strictly, laid over one another, and named in messages.

Nothing here imports torch: the workflow reads this module each time it plans.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dadist.config.records import ConfigError
from dadist.config.records import Path as Keys
from dadist.config.strict import parsed

CONFIG, SHIPPED = "config.yaml", "config"  # what people edit, and the folder of all else
COMMAND_LINE = "--config"
OURS = ("Snakefile", "workflow/rules/common.smk", f"{SHIPPED}/defaults.yaml")  # by which a folder is known as ours
PACKAGE = Path(__file__).parents[1]


def read(path: Path) -> dict[str, Any]:
    """A file of YAML or JSON; its keys are text.

    Raises:
        ConfigError: It is not there, no section, or not to be read one way alone (`strict`); naming the file.
    """
    try:
        content = parsed(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: expected a file of settings, got {error.strerror}; write the file, or mend its path"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected UTF-8, got {error}; save it as UTF-8") from None
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    if not isinstance(content, dict):
        got = "none" if content is None else repr(content)
        raise ConfigError(f"{path}: expected sections such as `settings:`, got {got}; write some, or leave it out")
    return content


def entries(words: Iterable[str]) -> dict[str, Any]:
    """What ``--config KEY=VALUE …`` says; a value is YAML or JSON, as in a file, and plain text is taken as it stands.

    Raises:
        ConfigError: A word has no name before a ``=``, or its value is not to be read one way alone.
    """
    found: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not name or not equals:
            raise ConfigError(f"{COMMAND_LINE}: expected name=value, got {word!r}; write the two so")
        try:
            value = parsed(text)
        except ConfigError as error:
            raise ConfigError(f"{COMMAND_LINE} {name}: {error}") from None
        quoted = text.strip()[:1] in ("'", '"')
        found = laid_over(found, {name: text if isinstance(value, str) and not quoted else value})
    return found


def workflow_folder() -> Path:
    """The folder of the Snakefile: the working directory if it is one of ours, else where the package has it.

    In a clone that is beside the package, in a wheel inside it.

    Raises:
        FileNotFoundError: It is in neither.
    """
    for folder in (Path(), PACKAGE.parent, PACKAGE / "workflow"):
        if all((folder / part).is_file() for part in OURS):
            return folder
    raise FileNotFoundError(
        f"{PACKAGE / 'workflow'}: expected the workflow ({', '.join(OURS)}), found none; install dadist again"
    )


def base(beside: Path) -> Path:
    """config.yaml: of the working directory if one is there, or else the one beside the Snakefile."""
    return Path(CONFIG) if Path(CONFIG).exists() else beside / CONFIG


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
            raise ConfigError(f"{shipped}: expected the settings that ship, found none; copy the folder again")
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

        Of a key that nothing has it is the one that has most of the sections around it, or the last of all.
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
        return COMMAND_LINE if _at(whole, path[:1])[1] else self.named[-1][0]


def _leaves(content: Any, path: Keys = ()) -> Iterator[Keys]:
    if isinstance(content, Mapping) and content:
        for key, value in content.items():
            yield from _leaves(value, (*path, key))
    else:
        yield path


def _at(content: Any, path: Keys) -> tuple[Any, bool]:
    for part in path:
        if isinstance(content, Mapping) and str(part) in content:
            content = content[str(part)]
        elif isinstance(content, list) and isinstance(part, int) and part < len(content):
            content = content[part]
        else:
            return None, False
    return content, True
