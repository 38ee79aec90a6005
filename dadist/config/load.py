"""The configuration as a whole: three layers laid over one another, every key, name and limit checked.

A setting is the defaults, then the presets that it names, then its own keys. A variant of a setting is that with more
presets laid over it: "demo-no_depth" as the ablation has it, "demo-paper_dada" as its `published` has dada.

Nothing here imports torch: the workflow reads this module each time it plans.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dadist.classes import CLASS_SETS, ClassSet
from dadist.config import names, network, requirements
from dadist.config.depth_sections import DepthNetwork
from dadist.config.domains import class_set, domain
from dadist.config.files import ConfigFiles, entries, laid_over
from dadist.config.records import ConfigError, hint, parse
from dadist.config.records import Path as Keys
from dadist.config.schema import Ablation, Domain, Render, Setting, Study
from dadist.config.sections import Monitor
from dadist.registry import METHODS

# They stand in the table of every setting, named among its methods or not: what a method gains is read against them.
FLOORS = ("source_only", "adabn")
# Before a method's name: the variant of a setting in which the method is trained as it was published.
PAPER = "paper_"

SECTIONS = ("render", "depth_networks", "domains", "class_sets", "presets", "ablation", "monitor", "settings")
SHARED = ("data_root", *SECTIONS)


def load(
    shipped: Path,
    files: Iterable[Path],
    words: Iterable[str] = (),
    given: tuple[str, Mapping[str, Any]] | None = None,
) -> Study:
    """The study that Snakemake was asked for, of files that are read here alone: its own loader lets 010 be 8.

    Args:
        shipped: The folder config/.
        files: config.yaml and the user's files, each laid over those before.
        words: ``KEY=VALUE`` of the command line, laid over all files.
        given: Sections laid over all files, and what messages call them.

    Raises:
        ConfigError: For the first key that is unknown, missing or wrong: in which file, what was expected, what came.
    """
    found = ConfigFiles.of(shipped, files)
    if given:
        found = ConfigFiles((*found.named, given))
    return study(laid_over(found.merged(), entries(words)), found)


def study(config: Mapping[str, Any], files: ConfigFiles | None = None) -> Study:
    """The study of a whole configuration, merged already.

    Raises:
        ConfigError: For the first key that is unknown, missing or wrong.
    """
    layers = _Layers(config, files)
    try:
        known = {*SHARED, *Setting.__dataclass_fields__}
        for key in config:
            if key not in known:
                raise ConfigError(f"unknown key{hint(key, known)}", (key,))
        for key in SECTIONS:
            if key not in config:
                raise ConfigError(f"missing; write `{key}: {{}}`, as dadist's own config.yaml has it", (key,))
            if not isinstance(config.get(key), Mapping):
                raise ConfigError(f"expected a section, got {config.get(key)!r}", (key,))
        for key in ("settings", "domains", "depth_networks", "class_sets", "render", "presets"):
            names.check_folders(key, config[key])
        for preset, section in config["presets"].items():
            if not isinstance(section, Mapping):
                raise ConfigError(f"expected a section, got {section!r}", ("presets", preset))
        ablation = parse(Ablation, config["ablation"], "ablation")
        if ablation.method not in METHODS:
            raise ConfigError(f"unknown method{hint(ablation.method, METHODS)}", ("ablation", "method"))
        for variant in ablation.variants:
            if variant.startswith(PAPER) or variant not in config["presets"]:
                raise ConfigError(
                    f"expected presets whose names do not begin with {PAPER}, got {variant!r}"
                    f"{hint(variant, config['presets'])}",
                    ("ablation", "variants"),
                )
        networks = parse(dict[str, DepthNetwork], config["depth_networks"], "depth_networks")
        domains = {name: domain(name, section, networks) for name, section in config["domains"].items()}
        own = {name: class_set(name, rows) for name, rows in config["class_sets"].items()}
        names.check_labels(domains, own)
        return Study(
            render=parse(dict[str, Render], config["render"], "render"),
            data_root=parse(str, config.get("data_root"), "data_root"),
            depth_networks=networks,
            domains=domains,
            ablation=ablation,
            monitor=parse(Monitor, config["monitor"], "monitor"),
            settings=_Settings(layers, {**CLASS_SETS, **own}, domains, ablation),
        )
    except ConfigError as error:
        raise layers.located(error) from None


@dataclass(frozen=True)
class _Layers:
    """The whole configuration, and the files that it came from, if they are known."""

    config: Mapping[str, Any]
    files: ConfigFiles | None

    def located(self, error: ConfigError) -> ConfigError:
        """The same error with the file that its key stands in."""
        if self.files is None or not error.path:
            return error
        return ConfigError(f"{self.files.holder(error.path, self.config)}: {error}")

    def setting(self, name: str, presets: Sequence[str] = (), alone: str | None = None) -> "_Merged":
        """A setting's three layers as one; a variant has more presets, and one method ``alone``."""
        own = self.config["settings"][name]
        if not isinstance(own, Mapping):
            raise ConfigError(f"expected a section, got {own!r}", ("settings", name))
        taken = own.get("presets", [])
        if not isinstance(taken, list) or any(taken.count(one) > 1 for one in taken):
            raise ConfigError(f"expected a list of presets, each once, got {taken!r}", ("settings", name, "presets"))
        defaults = {key: value for key, value in self.config.items() if key not in SHARED}
        merged = _Merged({}, {}, frozenset(defaults))
        merged.lay(defaults, ())
        for preset in taken:
            self._lay_preset(merged, preset, ("settings", name, "presets"))
        merged.lay({key: value for key, value in own.items() if key != "presets"}, ("settings", name))
        if alone is not None:
            merged.lay({"methods": [alone], "selftrain": {"methods": []}}, ("settings", name))
        for preset in presets:
            self._lay_preset(merged, preset, ("settings", name, "published"))
        return merged

    def _lay_preset(self, merged: "_Merged", preset: Any, where: Keys) -> None:
        known = self.config["presets"]
        if not isinstance(preset, str) or preset not in known:
            raise ConfigError(f"unknown preset{hint(str(preset), known)}", where)
        if "presets" in known[preset]:
            raise ConfigError(
                "expected none in a preset; a setting takes several by name", ("presets", preset, "presets")
            )
        merged.lay(known[preset], ("presets", preset))


@dataclass
class _Merged:
    """A setting as it grows layer by layer, and where each of its keys stands."""

    values: dict[str, Any]
    origins: dict[Keys, Keys]  # path in the setting → path in the configuration
    defaults: frozenset[str | int]  # the sections that have any

    def lay(self, section: Mapping[str, Any], where: Keys) -> None:
        self.values = laid_over(self.values, section)
        self.origins |= {path: (*where, *path) for path in _paths(section)}

    def origin(self, path: Keys, name: str) -> Keys:
        """Where a key stands; one that nobody set is missing among the defaults, or else in the setting."""
        if path and path not in self.origins and isinstance(path[-1], str):
            return path if path[0] in self.defaults else ("settings", name, *path)
        for length in range(len(path), 0, -1):
            if found := self.origins.get(path[:length]):
                return (*found, *path[length:])
        return ("settings", name, *path)


def _paths(section: Any, before: Keys = ()) -> Iterator[Keys]:
    for key, value in section.items():
        yield (*before, key)
        if isinstance(value, Mapping):
            yield from _paths(value, (*before, key))


class _Settings(dict[str, Setting]):
    """The settings by name; a variant is read when it is first asked for."""

    def __init__(
        self, layers: _Layers, class_sets: Mapping[str, ClassSet], domains: Mapping[str, Domain], ablation: Ablation
    ) -> None:
        super().__init__()
        self.layers, self.class_sets, self.domains, self.ablation = layers, class_sets, domains, ablation
        for name in layers.config["settings"]:
            found = self._checked(name, layers.setting(name), "unified")
            lacking = tuple(floor for floor in FLOORS if floor not in found.methods)
            self[name] = replace(found, methods=(*lacking, *found.methods))

    def __missing__(self, name: str) -> Setting:
        base, _, variant = name.rpartition("-")
        if base not in self:
            raise KeyError(name)
        method, protocol = self.ablation.method, "unified"
        presets: tuple[str, ...] | None = (variant,) if variant in self.ablation.variants else None
        if variant.startswith(PAPER):
            method, protocol = variant.removeprefix(PAPER), "paper"
            presets = self[base].published.get(method)
        if presets is None:
            raise KeyError(name)
        try:
            found = self._checked(base, self.layers.setting(base, presets, method), protocol)
        except ConfigError as error:
            raise self.layers.located(error) from None
        return self.setdefault(name, found)

    def _checked(self, name: str, merged: _Merged, protocol: str) -> Setting:
        try:
            found = self._parsed(merged, protocol)
            _check_methods(found)
            requirements.check(found, self.domains)
        except ConfigError as error:
            raise ConfigError(error.message, merged.origin(error.path, name)) from None
        return found

    def _parsed(self, merged: _Merged, protocol: str) -> Setting:
        values = merged.values
        if "protocol" in values:
            raise ConfigError("unknown key; `published` has what methods were published with", ("protocol",))
        if (classes := str(values.get("classes"))) not in self.class_sets:
            raise ConfigError(f"unknown class set{hint(classes, self.class_sets)}", ("classes",))
        whole = {**values, "classes": asdict(self.class_sets[classes]), "protocol": protocol}
        found = parse(Setting, whole)
        for which, view in (("source", found.source), ("target", found.target)):
            if view.domain not in self.domains:
                raise ConfigError(f"unknown domain{hint(view.domain, self.domains)}", (which, "domain"))
        for name in found.source.beside:
            if name not in self.domains:
                raise ConfigError(f"unknown domain{hint(name, self.domains)}", ("source", "beside", name))
        return network.settled(found)


def _check_methods(setting: Setting) -> None:
    named: dict[Keys, tuple[str, ...]] = {
        ("methods",): setting.methods,
        ("selftrain", "methods"): setting.selftrain.methods,
        ("published",): tuple(setting.published),
        ("draw", "methods"): setting.draw.methods,
        ("embed", "method"): (setting.embed.method,),
    }
    for path, listed in named.items():
        for method in listed:
            if method not in setting.objectives:
                raise ConfigError(f"unknown method{hint(method, setting.objectives)}", path)
