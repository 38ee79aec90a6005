"""config.yaml as a whole: settings merged over the defaults, every key, name and limit checked.

Nothing here imports torch: the workflow reads this module each time it plans.
"""

import ast
import importlib
import typing
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple

from dadist.classes import CLASS_SETS, ClassSet
from dadist.config import Ablation, Domain, Objective, Render, Setting, Study, Watch
from dadist.data.registry import DATASETS
from dadist.limits import limits
from dadist.methods.registry import METHODS
from dadist.parsing import ConfigError, hint, parse, same_keys


def study(config: Mapping[str, Any]) -> Study:
    """The parsed config.yaml, complete and checked.

    Raises:
        ConfigError: for the first key that is unknown, missing or wrong.
    """
    shared = ("render", "domains", "class_sets", "presets", "ablation", "watch", "settings")
    for key in shared:
        if not isinstance(config.get(key), Mapping):
            raise ConfigError(f"{key}: expected a section of config.yaml, got {config.get(key)!r}")
    defaults = {key: value for key, value in config.items() if key not in (*shared, "data_root")}
    domains = {name: _domain(name, section) for name, section in config["domains"].items()}
    class_sets = {**CLASS_SETS, **{name: _class_set(name, rows) for name, rows in config["class_sets"].items()}}
    ablation = parse(Ablation, config["ablation"], "ablation")
    return Study(
        render=parse(dict[str, Render], config["render"], "render"),
        data_root=parse(str, config.get("data_root"), "data_root"),
        domains=domains,
        ablation=ablation,
        watch=parse(Watch, config["watch"], "watch"),
        settings=_Settings(_Tables(defaults, config["settings"], config["presets"], class_sets), domains, ablation),
    )


class _Tables(NamedTuple):
    defaults: Mapping[str, Any]
    settings: Mapping[str, Any]
    presets: Mapping[str, Any]
    class_sets: Mapping[str, ClassSet]


class _Settings(dict[str, Setting]):
    """The settings by name; "demo-no_depth", the variant no_depth of demo, is read when it is first asked for."""

    def __init__(self, tables: _Tables, domains: Mapping[str, Domain], ablation: Ablation) -> None:
        super().__init__()
        self.tables, self.domains, self.ablation = tables, domains, ablation
        for name in tables.settings:
            self[name] = self._checked(name, {})

    def __missing__(self, name: str) -> Setting:
        base, _, variant = name.rpartition("-")
        if base not in self or variant not in self.ablation.variants:
            raise KeyError(name)
        alone = {"methods": [self.ablation.method], "selftrain": {"methods": []}}
        found = self._checked(base, _merge(alone, self.ablation.variants[variant]))
        self.setdefault(name, found)
        return found

    def _checked(self, name: str, over: Mapping[str, Any]) -> Setting:
        setting = _setting(name, over, self.tables)
        for view in (setting.source, setting.target):
            if view.domain not in self.domains:
                raise ConfigError(f"settings.{name}: unknown domain{hint(view.domain, self.domains)}")
        _check_depth(name, setting, self.domains[setting.source.domain])
        return setting


def _domain(name: str, section: Any) -> Domain:
    """A data set on disk: the keys that all have, and its reader's own."""
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
    return parse(Domain, {"lists": {}, **common, "options": options}, where)


def _left_out(hints: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader's keys are if the domain leaves them out: a table is empty, what may be null is null."""
    empty: dict[str, Any] = {key: {} for key, kind in hints.items() if typing.get_origin(kind) is dict}
    return {**empty, **{key: None for key, kind in hints.items() if type(None) in typing.get_args(kind)}}


def _class_set(name: str, rows: Any) -> ClassSet:
    """A class set of the user's; a class holds the label of its own name unless it says which."""
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


def _check_depth(name: str, setting: Setting, source: Domain) -> None:
    """A method that is built on depth needs a source that has it."""
    if source.depth:
        return
    for method in (*setting.methods, *setting.selftrain.methods):
        if declared(METHODS[method], "SOURCE_DEPTH", False):
            raise ConfigError(
                f"settings.{name}: method {method} learns from the source's depth, and domains.{setting.source.domain} "
                "has depth: false; give it depth, or leave the method out"
            )


def _setting(name: str, over: Mapping[str, Any], tables: _Tables) -> Setting:
    merged, chain, table = dict(tables.defaults), [name], tables.settings
    for key, section in table.items():
        if not isinstance(section, Mapping):
            raise ConfigError(f"settings.{key}: expected a section, got {section!r}")
    while parent := table[chain[-1]].get("like"):
        if parent not in table or parent in chain:
            raise ConfigError(f"settings.{chain[-1]}.like: expected another setting, got {parent!r}")
        chain.append(parent)
    for link in reversed(chain):
        for preset in table[link].get("presets", ()):
            if preset not in tables.presets:
                raise ConfigError(f"settings.{link}.presets: unknown preset{hint(str(preset), tables.presets)}")
            merged = _merge(merged, tables.presets[preset])
        merged = _merge(merged, {key: value for key, value in table[link].items() if key not in ("like", "presets")})
    merged = _merge(merged, over)
    if (classes := str(merged.get("classes"))) not in tables.class_sets:
        raise ConfigError(f"settings.{name}.classes: unknown class set{hint(classes, tables.class_sets)}")
    merged["classes"] = asdict(tables.class_sets[classes])
    if not isinstance(merged.get("objectives"), Mapping):
        raise ConfigError(f"settings.{name}.objectives: expected a section, got {merged.get('objectives')!r}")
    for method, section in dict(merged["objectives"]).items():
        merged["objectives"] = {**merged["objectives"], method: _objective(method, section)}
    setting = parse(Setting, merged, f"settings.{name}")
    _check_limits(name, setting)
    named = {
        "methods": setting.methods,
        "selftrain.methods": setting.selftrain.methods,
        "draw.methods": setting.draw.methods,
        "embed.method": (setting.embed.method,),
    }
    for key, listed in named.items():
        for method in listed:
            if method not in setting.objectives:
                known = ", ".join(setting.objectives)
                raise ConfigError(f"settings.{name}.{key}: no section objectives.{method}; known: {known}")
    return setting


def _check_limits(name: str, setting: Setting) -> None:
    training = setting.selftrain.training
    for key, value, least, most in limits(setting):
        if value < least or (most is not None and value > most):
            limit = f"at least {least}" if most is None else f"{least} to {most}"
            raise ConfigError(f"settings.{name}.{key}: expected {limit}, got {value}")
    lengths = [one.iterations for one in setting.objectives.values() if one.iterations is not None]
    for key, end, iterations in (
        ("adapt.optimiser", setting.adapt.optimiser.poly_iterations, [setting.adapt.iterations, *lengths]),
        ("selftrain.training.optimiser", training.optimiser.poly_iterations, setting.selftrain.rounds),
    ):
        if end is not None and end < max(iterations, default=0):
            raise ConfigError(
                f"settings.{name}.{key}.poly_iterations: expected at least {max(iterations)}, the longest training, "
                f"got {end}; set it so, or to null"
            )


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _objective(method: str, section: Mapping[str, Any]) -> dict[str, Any]:
    """Split a method's section into the keys that all methods have and its own knobs, both checked."""
    where = f"objectives.{method}"
    if method not in METHODS:
        raise ConfigError(f"{where}: unknown method{hint(method, METHODS)}")
    if not isinstance(section, Mapping):
        raise ConfigError(f"{where}: expected a section, got {section!r}")
    shared = {field.name for field in fields(Objective)} - {"knobs"}
    knobs = {key: value for key, value in section.items() if key not in shared}
    declared = declared_knobs(METHODS[method])
    same_keys(knobs, declared, where, [*declared, *shared])
    for key, annotation in declared.items():
        parse(_scalar(annotation), knobs[key], f"{where}.{key}")
    return {**{key: section[key] for key in shared & set(section)}, "knobs": knobs}


def declared_knobs(module: str) -> dict[str, str]:
    """Names and annotations of the class ``Knobs`` in a method's module, read without importing it (and torch)."""
    body = next((node.body for node in _tree(module) if isinstance(node, ast.ClassDef) and node.name == "Knobs"), [])
    return {ast.unparse(node.target): ast.unparse(node.annotation) for node in body if isinstance(node, ast.AnnAssign)}


def declared(module: str, constant: str, default: Any) -> Any:
    """A constant of a method's module, read without importing it (and torch).

    ``NEEDS``: the offline artefacts that it is built from; ``SOURCE_DEPTH``: whether it learns from the source's depth.
    """
    for node in _tree(module):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == constant:
            return ast.literal_eval(node.value)
    return default


def _tree(module: str) -> list[ast.stmt]:
    path = Path(__file__).parent.joinpath(*module.split(".")[1:]).with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8")).body


def _scalar(annotation: str) -> Any:
    if annotation.startswith("Literal["):
        return Literal[ast.literal_eval(annotation.removeprefix("Literal").replace("[", "(").replace("]", ",)"))]
    return {"int": int, "float": float, "bool": bool, "str": str, "float | None": float | None}[annotation]
