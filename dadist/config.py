"""The typed sections of config.yaml.

The top level of config.yaml holds the defaults of every section; a setting overrides any of them key by key, and may
start from another setting by ``like``. Unknown, missing and mistyped keys raise, each by its full name. Nothing here
imports torch: the workflow reads this module each time it plans.
"""

import ast
import difflib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from dadist.data.registry import DATASETS
from dadist.methods.registry import METHODS

T = TypeVar("T")
Knob = bool | int | float | str | None


class ConfigError(ValueError):
    """A key of config.yaml is unknown, missing, or of the wrong type or range."""


@dataclass(frozen=True)
class Look:
    """The gap between a rendered domain and the source, a knob a cause; each 0 (the source's ranges) to 1."""

    palette: float  # colours and contrast of textures: the largest part of the gap
    haze: float  # grows with depth
    light: float  # exposure, colour temperature, shadows
    noise: float  # sensor noise, blur, vignette
    camera: float  # height, horizon and focal length; at 1 a Cityscapes-like camera outside the source's ranges
    statistics: float  # how many of what, and the street's width
    bonnet: bool  # the own car's bonnet at the bottom of the image, unlabelled

    def __post_init__(self) -> None:
        for knob in fields(self):
            value = getattr(self, knob.name)
            if knob.name != "bonnet" and not 0 <= value <= 1:
                raise ConfigError(f"look.{knob.name}: expected 0 to 1, got {value}; 0 is the source's look")


@dataclass(frozen=True)
class Render:
    """How many street scenes to render, and how."""

    seed: int
    width: int  # pixels
    height: int  # pixels
    source: int  # images
    train: int  # images of the target without labels
    val: int  # images of the target with labels
    look: Look  # of the target; the source has every knob at 0


@dataclass(frozen=True)
class Domain:
    """A data set on disk."""

    dataset: str  # its reader, a name in DATASETS
    root: str  # folder


@dataclass(frozen=True)
class View:
    """A domain at the size it is worked on."""

    domain: str  # name in domains
    width: int  # pixels
    height: int  # pixels


@dataclass(frozen=True)
class Prepare:
    """What to keep of a data set."""

    images: int  # at most so many a split, in the order of their names; 0 = all


@dataclass(frozen=True)
class FitGmm:
    """The mixture of each class over (x, y, inverse depth)."""

    components: int
    covariance: Literal["diag", "full"]
    coordinates: Literal["cells", "height"]
    points: int  # pixels drawn per class
    reg_covar: float
    held_out: float  # share
    zero_depth: Literal["keep", "ignore"]
    seed: int


@dataclass(frozen=True)
class Network:
    """The segmenter."""

    backbone: str  # name in BACKBONES
    affine: Literal["train", "frozen"]
    rates: tuple[int, ...]  # dilations of the ASPP
    pixels: Literal["caffe", "imagenet"]


@dataclass(frozen=True)
class Optimiser:
    """Optimiser and polynomial decay of one training."""

    name: Literal["sgd", "adamw"]
    lr: float
    momentum: float  # of SGD; the first beta of AdamW
    weight_decay: float
    head_lr_mult: float
    power: float
    poly_iterations: int | None  # where the decay reaches 0; None: at the last iteration


@dataclass(frozen=True)
class Adapt:
    """What every method's training shares."""

    iterations: int
    batch: int  # images per domain
    flip: bool
    class_weight_power: float
    class_weight_cap: float | None
    zero_depth: Literal["keep", "ignore"]
    statistics_images: int
    network: Network
    optimiser: Optimiser


@dataclass(frozen=True)
class Objective:
    """A method's section: what every method has, and its own knobs."""

    start: str | None  # weights to begin with: None = the setting's; a method's name; a file
    iterations: int | None  # None: adapt.iterations
    statistics: Literal["running", "target"]
    knobs: dict[str, Knob]


@dataclass(frozen=True)
class PseudoLabel:
    """Which target pixels get a label."""

    confidence: float
    batch: int


@dataclass(frozen=True)
class RefineLabels:
    """The spatial prior of Algorithm 1."""

    base: float
    span: float
    unit: Literal["pixels", "image"]
    floor: float  # pixels


@dataclass(frozen=True)
class Jitter:
    """Colour changes of the class_mix recipe, as torchvision's ColorJitter takes them."""

    brightness: float
    contrast: float
    saturation: float
    hue: float


@dataclass(frozen=True)
class SelfTraining:
    """What every round shares."""

    recipe: Literal["plain", "class_mix"]
    batch: int
    flip: bool
    statistics: Literal["running", "target"]
    statistics_images: int
    teacher: float
    jitter: Jitter
    optimiser: Optimiser


@dataclass(frozen=True)
class Selftrain:
    """The rounds Q1, Q2, … of self-training."""

    methods: tuple[str, ...]
    rounds: tuple[int, ...]  # iterations of q1, q2, …
    training: SelfTraining


@dataclass(frozen=True)
class Evaluate:
    """How predictions are made for the metric."""

    batch: int


@dataclass(frozen=True)
class Draw:
    """The qualitative panel."""

    images: int
    scale: int
    method: str


@dataclass(frozen=True)
class Setting:
    """A pair of domains, a class set, and every number of its study."""

    seeds: tuple[int, ...]
    methods: tuple[str, ...]
    classes: Literal["16", "7"]
    source: View
    target: View
    grid: tuple[int, int]  # feature grid (width, height) in cells
    inverse_depth: float
    start: str  # random, a method's name, or a file of weights
    prepare: Prepare
    fit_gmm: FitGmm
    adapt: Adapt
    objectives: dict[str, Objective]
    pseudo_label: PseudoLabel
    refine_labels: RefineLabels
    selftrain: Selftrain
    evaluate: Evaluate
    draw: Draw


@dataclass(frozen=True)
class Study:
    """The whole of config.yaml."""

    render: dict[str, Render]
    domains: dict[str, Domain]
    settings: dict[str, Setting]


def study(config: Mapping[str, Any]) -> Study:
    """The parsed config.yaml, complete and checked.

    Raises:
        ConfigError: for the first key that is unknown, missing or wrong.
    """
    shared = ("render", "domains", "settings")
    for key in shared:
        if not isinstance(config.get(key), Mapping):
            raise ConfigError(f"{key}: expected a section of config.yaml, got {config.get(key)!r}")
    defaults = {key: value for key, value in config.items() if key not in shared}
    domains = parse(dict[str, Domain], config["domains"], "domains")
    for name, domain in domains.items():
        if domain.dataset not in DATASETS:
            raise ConfigError(f"domains.{name}.dataset: unknown data set{_hint(domain.dataset, DATASETS)}")
    settings = {name: _setting(name, defaults, config["settings"]) for name in config["settings"]}
    for name, setting in settings.items():
        for view in (setting.source, setting.target):
            if view.domain not in domains:
                raise ConfigError(f"settings.{name}: unknown domain{_hint(view.domain, domains)}")
    return Study(parse(dict[str, Render], config["render"], "render"), domains, settings)


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


def _setting(name: str, defaults: Mapping[str, Any], table: Mapping[str, Any]) -> Setting:
    merged, chain = dict(defaults), [name]
    for key, section in table.items():
        if not isinstance(section, Mapping):
            raise ConfigError(f"settings.{key}: expected a section, got {section!r}")
    while parent := table[chain[-1]].get("like"):
        if parent not in table or parent in chain:
            raise ConfigError(f"settings.{chain[-1]}.like: expected another setting, got {parent!r}")
        chain.append(parent)
    for link in reversed(chain):
        merged = _merge(merged, {key: value for key, value in table[link].items() if key != "like"})
    for method, section in dict(merged.get("objectives", {})).items():
        merged["objectives"] = {**merged["objectives"], method: _objective(method, section)}
    setting = parse(Setting, merged, f"settings.{name}")
    for key, listed in (("methods", setting.methods), ("selftrain.methods", setting.selftrain.methods)):
        for method in listed:
            if method not in setting.objectives:
                known = ", ".join(setting.objectives)
                raise ConfigError(f"settings.{name}.{key}: no section objectives.{method}; known: {known}")
    return setting


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
        raise ConfigError(f"{where}: unknown method{_hint(method, METHODS)}")
    if not isinstance(section, Mapping):
        raise ConfigError(f"{where}: expected a section, got {section!r}")
    shared = {field.name for field in fields(Objective)} - {"knobs"}
    knobs = {key: value for key, value in section.items() if key not in shared}
    declared = declared_knobs(METHODS[method])
    _same_keys(knobs, declared, where, [*declared, *shared])
    for key, annotation in declared.items():
        _parse(_scalar(annotation), knobs[key], f"{where}.{key}")
    return {**{key: section[key] for key in shared & set(section)}, "knobs": knobs}


def declared_knobs(module: str) -> dict[str, str]:
    """Names and annotations of the class ``Knobs`` in a method's module, read without importing it (and torch)."""
    body = next((node.body for node in _tree(module) if isinstance(node, ast.ClassDef) and node.name == "Knobs"), [])
    return {ast.unparse(node.target): ast.unparse(node.annotation) for node in body if isinstance(node, ast.AnnAssign)}


def declared_needs(module: str) -> tuple[str, ...]:
    """The constant ``NEEDS`` of a method's module: offline artefacts it is built from; empty if it has none."""
    for node in _tree(module):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NEEDS":
            return tuple(ast.literal_eval(node.value))
    return ()


def _tree(module: str) -> list[ast.stmt]:
    path = Path(__file__).parent.joinpath(*module.split(".")[1:]).with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8")).body


def _scalar(annotation: str) -> Any:
    if annotation.startswith("Literal["):
        return Literal[ast.literal_eval(annotation.removeprefix("Literal").replace("[", "(").replace("]", ",)"))]
    return {"int": int, "float": float, "bool": bool, "str": str, "float | None": float | None}[annotation]


def _same_keys(value: Mapping[str, Any], expected: Mapping[str, Any], where: str, known: list[str]) -> None:
    for key in value:
        if key not in expected:
            raise ConfigError(f"{where}.{key}: unknown key{_hint(str(key), known)}")
    missing = [key for key in expected if key not in value]
    if missing:
        raise ConfigError(f"{where}.{missing[0]}: missing; config.yaml must set it")


def _hint(key: str, known: typing.Iterable[str]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(sorted(known))}"


def _parse(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
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
            raise ConfigError(f"{where}: expected a list{'' if arguments[-1] is ... else ' of 2'}, got {value!r}")
        return tuple(_parse(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: expected a section, got {value!r}")
        return {key: _parse(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    return _parse_scalar(kind, value, where)


def _parse_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"{where}: expected a section with keys {', '.join(f.name for f in fields(kind))}, got {value!r}"
        )
    hints = typing.get_type_hints(kind)
    _same_keys(value, hints, where, list(hints))
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
