"""The typed sections of config.yaml.

The top level of config.yaml holds the defaults of every section; a setting overrides any of them key by key, and may
start from another setting by ``like``. Unknown, missing and mistyped keys raise, each by its full name. Nothing here
imports torch: the workflow reads this module each time it plans.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from dadist.data.registry import DATASETS
from dadist.methods.registry import METHODS
from dadist.parsing import ConfigError, hint, parse, same_keys

Knob = bool | int | float | str | None


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
            raise ConfigError(f"domains.{name}.dataset: unknown data set{hint(domain.dataset, DATASETS)}")
    settings = {name: _setting(name, defaults, config["settings"]) for name in config["settings"]}
    for name, setting in settings.items():
        for view in (setting.source, setting.target):
            if view.domain not in domains:
                raise ConfigError(f"settings.{name}: unknown domain{hint(view.domain, domains)}")
    return Study(parse(dict[str, Render], config["render"], "render"), domains, settings)


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
