"""Names that people give: those that become folders, those that become columns of a table, and labels.

Nothing here imports torch: the workflow reads this module each time it plans.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from dadist.classes import TABLE, ClassSet
from dadist.config.records import ConfigError, hint
from dadist.config.records import Path as Keys
from dadist.config.schema import Domain
from dadist.registry import DATASETS

NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.]*[A-Za-z0-9_])?")
RESERVED = (
    "data",
    "depth",
    "streets",
    "logs",
    "benchmarks",
    "readme.md",
)  # what results/ has beside the folders of settings
FORMULAS = ("=", "+", "-", "@")  # what a spreadsheet takes a cell for that begins so
# Columns that metrics.csv and metrics_summary.csv have beside one per class: of a run, of depth, of its protocol.
_RUN = ("setting", "method", "seed", "round", "miou", "miou_star", "images", "seeds", "statistic")
_DEPTH = ("abs_rel", "sq_rel", "rms", "log_rms", "delta1", "delta2", "delta3")
_PROTOCOL = ("protocol", "iterations", "selection", "init", "source", "target", "labels", "prior", "code")
COLUMNS = frozenset((*_RUN, *_DEPTH, *_PROTOCOL))
LABELS = frozenset(row.name for row in TABLE)
LABELLING = ("ids", "colours")  # keys of readers that say which label a pixel has


def check_folders(section: str, named: Mapping[Any, Any]) -> None:
    """Names that stand in paths: also where upper and lower case are one file.

    Raises:
        ConfigError: For the first that cannot be a folder, or not beside another.
    """
    seen: dict[str, str] = {}
    for name in map(str, named):
        where = (section, name)
        if not NAME.fullmatch(name):
            raise ConfigError(f"expected letters, digits, _ and, between them, . alone, got {name!r}; rename it", where)
        if section == "settings" and name.casefold() in RESERVED:
            raise ConfigError(f"expected none of {', '.join(RESERVED)}, got {name!r}; rename it", where)
        if (other := seen.setdefault(name.casefold(), name)) != name:
            raise ConfigError(
                f"expected names that differ in more than case, got {other!r} too; rename one: on some disks they "
                "are one folder",
                where,
            )


def check_classes(classes: ClassSet, where: Keys) -> None:
    """Classes of the user's: names that can head a column, and colours that tell them apart.

    Raises:
        ConfigError: For the first that is wrong.
    """
    colours: dict[tuple[int, ...], str] = {}
    for index, one in enumerate(classes.categories):
        path = (*where, index, "name")
        if one.name in COLUMNS:
            raise ConfigError(f"expected no column of metrics.csv, got {one.name!r}; rename the class", path)
        if not one.name or one.name != one.name.strip() or one.name.startswith(FORMULAS) or _unseen(one.name):
            raise ConfigError(
                f"expected a name to print, that begins with none of {' '.join(FORMULAS)}, got {one.name!r}; "
                "rename the class",
                path,
            )
        colour = (*where, index, "colour")
        if not all(0 <= value <= 255 for value in one.colour):
            raise ConfigError(f"expected red, green and blue from 0 to 255, got {list(one.colour)}", colour)
        if (other := colours.setdefault(one.colour, one.name)) != one.name:
            raise ConfigError(f"expected a colour of its own, got that of {other!r}; change one of the two", colour)


def _unseen(name: str) -> bool:
    """Whether a name has line breaks, control characters or marks that nobody sees."""
    return any(unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") for one in name)


def check_labels(domains: Mapping[str, Domain], class_sets: Mapping[str, ClassSet]) -> None:
    """Labels of domains and of the user's classes: those of the table, and others that both sides name.

    Raises:
        ConfigError: For the first that only one side knows, most often a slip.
    """
    given = {label for _, label in _labels_given(domains)}
    held = {label for _, label in _held(class_sets)}
    for path, label in _labels_given(domains):
        if label not in LABELS | held:
            raise ConfigError(f"{_unknown(label, LABELS | held)}; null if it is to be ignored", path)
    for path, label in _held(class_sets):
        dataset, _, bare = label.rpartition("/")
        if dataset and dataset not in DATASETS:
            raise ConfigError(f"unknown data set {dataset!r} before a label{hint(dataset, DATASETS)}", path)
        if bare not in LABELS | given:
            raise ConfigError(_unknown(bare, LABELS | given), path)


def _unknown(label: str, known: frozenset[str] | set[str]) -> str:
    return f"unknown label {label!r}{hint(label, known)}"


def _labels_given(domains: Mapping[str, Domain]) -> Iterator[tuple[Keys, str]]:
    for name, one in domains.items():
        for key in LABELLING:
            for raw, label in one.options.get(key, {}).items():
                if label is not None:
                    yield ("domains", name, key, str(raw)), label


def _held(class_sets: Mapping[str, ClassSet]) -> Iterator[tuple[Keys, str]]:
    for name, one in class_sets.items():
        for index, category in enumerate(one.categories):
            for label in category.of:
                yield ("class_sets", name, index, "of"), label
