"""Sections that stand for themselves: a data set on disk, a class set of the user's.

Nothing here imports torch: the workflow reads this module each time it plans. A reader is imported by its name, and
only where a domain has it; no module of this folder knows one.
"""

import importlib
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from dadist.classes import CLASS_SETS, ClassSet
from dadist.config import globs
from dadist.config.depth_sections import DepthNetwork
from dadist.config.names import check_classes
from dadist.config.records import ConfigError, hint, parse
from dadist.config.records import Path as Keys
from dadist.config.schema import Domain
from dadist.registry import DATASETS

# Keys of readers, of depth files that lie there.
OF_DEPTH_FILES = ("depth_files", "depth_metres", "depth_kind", "depth_channels")


def reader_options(dataset: str) -> Any:
    """The record of a reader's own keys."""
    return importlib.import_module(DATASETS[dataset]).Options


def domain(name: str, section: Any, networks: Mapping[str, DepthNetwork]) -> Domain:
    """A data set on disk: the keys that all have, its reader's own, and the depth network that it names.

    Raises:
        ConfigError: For the first key that is unknown, missing or wrong.
    """
    where = ("domains", name)
    if not isinstance(section, Mapping):
        raise ConfigError(f"expected a section, got {section!r}", where)
    dataset = section.get("dataset")
    if not isinstance(dataset, str) or dataset not in DATASETS:
        raise ConfigError(f"unknown data set{hint(str(dataset), DATASETS)}", (*where, "dataset"))
    shared = {field.name for field in fields(Domain)} - {"options", "network"}
    options = reader_options(dataset)
    own = {key: value for key, value in section.items() if key not in shared}
    known = {field.name for field in fields(options)}
    for key in own:
        if key not in known:
            raise ConfigError(f"unknown key{hint(str(key), {*known, *shared})}", (*where, str(key)))
    for key in own.keys() & {*globs.GLOBS}:
        if isinstance(own[key], Mapping):
            own[key] = {
                split: globs.plain(glob, (*where, key, split)) if isinstance(glob, str) else glob
                for split, glob in own[key].items()
            }
    read = parse(options, own, where)
    if section.get("camera") == "files" and not importlib.import_module(DATASETS[dataset]).reader(read).cameras:
        raise ConfigError(
            f"expected focal and horizon: the reader {dataset} knows no camera files, as cityscapes does",
            (*where, "camera"),
        )
    common = {key: value for key, value in section.items() if key in shared}
    if (network := _network(section, networks, where)) is not None:
        common["network"] = asdict(network)
    return parse(Domain, {**common, "options": asdict(read)}, where)


def _network(section: Mapping[str, Any], networks: Mapping[str, DepthNetwork], where: Keys) -> DepthNetwork | None:
    name = section.get("depth_network")
    if not isinstance(name, str):
        return None
    if name not in networks:
        raise ConfigError(f"unknown depth network{hint(name, networks)}", (*where, "depth_network"))
    if given := [key for key in OF_DEPTH_FILES if section.get(key)]:
        raise ConfigError(
            f"expected either depth files or a network that makes them, got {', '.join(given)} too; take "
            f"{', '.join(given)} out, or depth_network",
            (*where, "depth_network"),
        )
    return networks[name]


def class_set(name: str, rows: Any) -> ClassSet:
    """A class set of the user's; a class holds the label of its own name unless it says which.

    Raises:
        ConfigError: For a name that is taken, and rows that are no classes.
    """
    path = ("class_sets", name)
    if name in CLASS_SETS:
        raise ConfigError(f"expected another name than those built in: {', '.join(CLASS_SETS)}", path)
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) and "name" in row for row in rows):
        raise ConfigError(f"expected a list of classes, each with a name and a colour, got {rows!r}", path)
    filled = [{"of": [row["name"]], "starred": True, **row} for row in rows]
    try:
        found = parse(ClassSet, {"name": name, "categories": filled, "ignored": []})
    except ConfigError as error:
        raise ConfigError(error.message, (*path, *error.path[1:])) from None  # the rows have no name of their own
    check_classes(found, path)
    return found
