"""config.yaml as a whole: settings merged over the defaults, every key, name and limit checked.

Nothing here imports torch: the workflow reads this module each time it plans.
"""

import ast
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, Literal, NamedTuple

from dadist.classes import CLASS_SETS, ClassSet
from dadist.config import requirements
from dadist.config.domains import class_set, domain
from dadist.config.limits import limits
from dadist.config.parsing import ConfigError, hint, parse, same_keys
from dadist.config.schema import Ablation, Domain, Monitor, Objective, Render, Setting, Study
from dadist.registry import METHODS

# They stand in the table of every setting, named among its methods or not: what a method gains is read against them.
FLOORS = ("source_only", "adabn")
# Before a method's name: the variant of a setting in which the method is trained as it was published.
PAPER = "paper_"


def study(config: Mapping[str, Any]) -> Study:
    """The parsed config.yaml, complete and checked.

    Raises:
        ConfigError: for the first key that is unknown, missing or wrong.
    """
    shared = ("render", "domains", "class_sets", "presets", "ablation", "monitor", "settings")
    for key in shared:
        if not isinstance(config.get(key), Mapping):
            raise ConfigError(f"{key}: expected a section of config.yaml, got {config.get(key)!r}")
    defaults = {key: value for key, value in config.items() if key not in (*shared, "data_root")}
    domains = {name: domain(name, section) for name, section in config["domains"].items()}
    class_sets = {**CLASS_SETS, **{name: class_set(name, rows) for name, rows in config["class_sets"].items()}}
    ablation = parse(Ablation, config["ablation"], "ablation")
    if taken := [variant for variant in ablation.variants if variant.startswith(PAPER)]:
        raise ConfigError(f"ablation.variants.{taken[0]}: expected a name that does not begin with {PAPER}; rename it")
    return Study(
        render=parse(dict[str, Render], config["render"], "render"),
        data_root=parse(str, config.get("data_root"), "data_root"),
        domains=domains,
        ablation=ablation,
        monitor=parse(Monitor, config["monitor"], "monitor"),
        settings=_Settings(_Tables(defaults, config["settings"], config["presets"], class_sets), domains, ablation),
    )


class _Tables(NamedTuple):
    defaults: Mapping[str, Any]
    settings: Mapping[str, Any]
    presets: Mapping[str, Any]
    class_sets: Mapping[str, ClassSet]


class _Settings(dict[str, Setting]):
    """The settings by name; a variant is read when it is first asked for.

    "demo-no_depth" is demo as the variant no_depth of the ablation has it, "demo-paper_dada" as its papers have dada.
    """

    def __init__(self, tables: _Tables, domains: Mapping[str, Domain], ablation: Ablation) -> None:
        super().__init__()
        self.tables, self.domains, self.ablation = tables, domains, ablation
        for name in tables.settings:
            found = self._checked(name, name, (), "unified")
            lacking = tuple(floor for floor in FLOORS if floor not in found.methods)
            self[name] = replace(found, methods=(*lacking, *found.methods))

    def __missing__(self, name: str) -> Setting:
        base, _, variant = name.rpartition("-")
        if base not in self.tables.settings:
            raise KeyError(name)
        method, protocol = self.ablation.method, "unified"
        over = self.ablation.variants.get(variant)
        if variant.startswith(PAPER):
            method, protocol = variant.removeprefix(PAPER), "paper"
            over = self[base].papers.get(method)
        if over is None:
            raise KeyError(name)
        alone = {"methods": [method], "selftrain": {"methods": []}}
        found = self._checked(name, base, (alone, over), protocol)
        self.setdefault(name, found)
        return found

    def _checked(self, name: str, base: str, over: tuple[Mapping[str, Any], ...], protocol: str) -> Setting:
        setting = _setting(name, base, over, protocol, self.tables)
        for view in (setting.source, setting.target):
            if view.domain not in self.domains:
                raise ConfigError(f"settings.{name}: unknown domain{hint(view.domain, self.domains)}")
        requirements.check(name, setting, self.domains)
        return setting


def _setting(name: str, base: str, over: tuple[Mapping[str, Any], ...], protocol: str, tables: _Tables) -> Setting:
    """``base`` under what is laid over it, called ``name`` in messages."""
    merged, chain, table = dict(tables.defaults), [base], tables.settings
    for key, section in table.items():
        if not isinstance(section, Mapping):
            raise ConfigError(f"settings.{key}: expected a section, got {section!r}")
    while parent := table[chain[-1]].get("like"):
        if parent not in table or parent in chain:
            raise ConfigError(f"settings.{chain[-1]}.like: expected another setting, got {parent!r}")
        chain.append(parent)
    for link in reversed(chain):
        own = {key: value for key, value in table[link].items() if key != "like"}
        merged = _laid(merged, own, f"settings.{link}", tables.presets)
    for section in over:
        merged = _laid(merged, section, f"settings.{name}", tables.presets)
    if (classes := str(merged.get("classes"))) not in tables.class_sets:
        raise ConfigError(f"settings.{name}.classes: unknown class set{hint(classes, tables.class_sets)}")
    merged["classes"] = asdict(tables.class_sets[classes])
    if "protocol" in merged:
        raise ConfigError(f"settings.{name}.protocol: unknown key; `papers` has what methods were published with")
    merged["protocol"] = protocol
    if not isinstance(merged.get("objectives"), Mapping):
        raise ConfigError(f"settings.{name}.objectives: expected a section, got {merged.get('objectives')!r}")
    for method, section in dict(merged["objectives"]).items():
        merged["objectives"] = {**merged["objectives"], method: _objective(method, section)}
    setting = parse(Setting, merged, f"settings.{name}")
    _check_limits(name, setting)
    named = {
        "methods": setting.methods,
        "selftrain.methods": setting.selftrain.methods,
        "papers": tuple(setting.papers),
        "draw.methods": setting.draw.methods,
        "embed.method": (setting.embed.method,),
    }
    for key, listed in named.items():
        for method in listed:
            if method not in setting.objectives:
                known = ", ".join(setting.objectives)
                raise ConfigError(f"settings.{name}.{key}: no section objectives.{method}; known: {known}")
    return setting


def _laid(
    base: Mapping[str, Any], section: Mapping[str, Any], where: str, presets: Mapping[str, Any]
) -> dict[str, Any]:
    """A section laid over another, key by key; before its own keys, those of the presets that it takes by name."""
    merged = dict(base)
    for preset in section.get("presets", ()):
        if preset not in presets:
            raise ConfigError(f"{where}.presets: unknown preset{hint(str(preset), presets)}")
        merged = _merge(merged, presets[preset])
    return _merge(merged, {key: value for key, value in section.items() if key != "presets"})


def _check_limits(name: str, setting: Setting) -> None:
    training = setting.selftrain.training
    for key, value, least, most in limits(setting):
        if value < least or (most is not None and value > most):
            limit = f"at least {least}" if most is None else f"{least} to {most}"
            raise ConfigError(f"settings.{name}.{key}: expected {limit}, got {value}")
    for key, section in (("adapt", setting.adapt), ("selftrain.training", training)):
        if section.batch % section.gpus:
            raise ConfigError(
                f"settings.{name}.{key}.gpus: expected a divisor of batch, {section.batch}, got {section.gpus}; "
                "each takes an equal share of every batch"
            )
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
    """Split a method's section into the keys that all methods have and its own hyperparameters, both checked."""
    where = f"objectives.{method}"
    if method not in METHODS:
        raise ConfigError(f"{where}: unknown method{hint(method, METHODS)}")
    if not isinstance(section, Mapping):
        raise ConfigError(f"{where}: expected a section, got {section!r}")
    shared = {field.name for field in fields(Objective)} - {"hyperparameters"}
    hyperparameters = {key: value for key, value in section.items() if key not in shared}
    declared = requirements.declared_hyperparameters(METHODS[method])
    same_keys(hyperparameters, declared, where, [*declared, *shared])
    for key, annotation in declared.items():
        parse(_scalar(annotation), hyperparameters[key], f"{where}.{key}")
    return {**{key: section[key] for key in shared & set(section)}, "hyperparameters": hyperparameters}


def _scalar(annotation: str) -> Any:
    if annotation.startswith("Literal["):
        return Literal[ast.literal_eval(annotation.removeprefix("Literal").replace("[", "(").replace("]", ",)"))]
    return {"int": int, "float": float, "bool": bool, "str": str, "float | None": float | None}[annotation]
