"""Sections of config.yaml that stand for themselves: a data set on disk, a class set of the user's.

Nothing here imports torch: the workflow reads this module each time it plans.
"""

import importlib
import typing
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from dadist.classes import CLASS_SETS, ClassSet
from dadist.config.parsing import ConfigError, hint, parse, same_keys
from dadist.config.schema import Domain
from dadist.registry import DATASETS


def domain(name: str, section: Any) -> Domain:
    """A data set on disk: the keys that all have, and its reader's own.

    Raises:
        ConfigError: for the first key that is unknown, missing or wrong.
    """
    where = f"domains.{name}"
    if not isinstance(section, Mapping):
        raise ConfigError(f"{where}: expected a section, got {section!r}")
    if section.get("dataset") not in DATASETS:
        raise ConfigError(f"{where}.dataset: unknown data set{hint(str(section.get('dataset')), DATASETS)}")
    shared = {field.name for field in fields(Domain)} - {"options"}
    module = importlib.import_module(DATASETS[section["dataset"]])
    hints = typing.get_type_hints(module.Options)
    given = {key: value for key, value in section.items() if key not in shared}
    options = {**_left_out(hints), **given}
    same_keys(options, hints, where, [*hints, *shared])
    try:
        parse(module.Options, options, where)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{where}.{error}") from None
    common = {key: value for key, value in section.items() if key in shared}
    return parse(Domain, {"lists": {}, "unlabelled_depth": False, **common, "options": options}, where)


def _left_out(hints: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader's keys are if the domain leaves them out: a table is empty, what may be null is null."""
    empty: dict[str, Any] = {key: {} for key, kind in hints.items() if typing.get_origin(kind) is dict}
    return {**empty, **{key: None for key, kind in hints.items() if type(None) in typing.get_args(kind)}}


def class_set(name: str, rows: Any) -> ClassSet:
    """A class set of the user's; a class holds the label of its own name unless it says which.

    Raises:
        ConfigError: for a name that is taken, and rows that are no classes.
    """
    where = f"class_sets.{name}"
    if name in CLASS_SETS:
        raise ConfigError(f"{where}: expected another name than those built in: {', '.join(CLASS_SETS)}")
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) and "name" in row for row in rows):
        raise ConfigError(f"{where}: expected a list of classes, each with a name and a colour, got {rows!r}")
    filled = [{"of": [row["name"]], "starred": True, **row} for row in rows]
    try:
        return parse(ClassSet, {"name": name, "categories": filled, "ignored": []}, where)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
