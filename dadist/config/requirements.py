"""What methods demand of a setting, read from their modules without importing them (and torch)."""

import ast
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dadist.config.parsing import ConfigError
from dadist.config.schema import Domain, Setting
from dadist.registry import METHODS, RECIPES


def declared_hyperparameters(module: str) -> dict[str, str]:
    """Names and annotations of the class ``Hyperparameters`` in a method's module."""
    body = next(
        (node.body for node in _tree(module) if isinstance(node, ast.ClassDef) and node.name == "Hyperparameters"), []
    )
    return {ast.unparse(node.target): ast.unparse(node.annotation) for node in body if isinstance(node, ast.AnnAssign)}


def declared(module: str, constant: str, default: Any) -> Any:
    """A constant of a method's module.

    ``NEEDS``: the offline artefacts that it is built from; ``SOURCE_DEPTH``: whether it learns from the source's depth;
    ``TARGET_DEPTH``: the hyperparameter that says whether it learns from the target's, by not being 0;
    ``SAME_SIZE``: whether images of both domains must have one size.
    """
    for node in _tree(module):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == constant:
            return ast.literal_eval(node.value)
    return default


@functools.cache  # a study asks for each a dozen times
def _tree(module: str) -> list[ast.stmt]:
    path = Path(__file__).parents[1].joinpath(*module.split(".")[1:]).with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8")).body


def wants_target_depth(setting: Setting, method: str) -> bool:
    """Whether a method, with the setting's weights, learns from depth of the target's training images."""
    hyperparameter = declared(METHODS[method], "TARGET_DEPTH", "")
    return bool(hyperparameter and setting.objectives[method].hyperparameters[hyperparameter])


def trained(setting: Setting) -> list[str]:
    """The methods that are trained: those listed, and those that they start from, first."""
    order: list[str] = []
    for listed in (*setting.methods, *setting.selftrain.methods):
        chain, name = list[str](), listed
        while name in METHODS and name not in (*order, *chain):
            chain.append(name)
            name = setting.objectives[name].start or setting.start
        order += reversed(chain)
    return order


def check(name: str, setting: Setting, domains: Mapping[str, Domain]) -> None:
    """Refuse a setting whose data are not what its methods demand.

    Raises:
        ConfigError: naming the setting, the method and the key to change.
    """
    for message in _unmet(setting, domains):
        raise ConfigError(f"settings.{name}: {message}")


def _unmet(setting: Setting, domains: Mapping[str, Domain]) -> Iterator[str]:
    source, target, crop = setting.source, setting.target, setting.adapt.crop
    if crop is not None:
        least = (min(source.width, target.width), min(source.height, target.height))
        if not (1 <= crop[0] <= least[0] and 1 <= crop[1] <= least[1]):
            yield f"adapt.crop: expected at least 1x1 and at most {least[0]}x{least[1]}, got {crop[0]}x{crop[1]}"
    alike = (source.width, source.height) == (target.width, target.height)
    sizes = f"source and target of one size, got {source.width}x{source.height} and {target.width}x{target.height}"
    for method in trained(setting):
        module = METHODS[method]
        if declared(module, "SOURCE_DEPTH", False) and not domains[source.domain].depth:
            yield (
                f"method {method} learns from the source's depth, and domains.{source.domain} has depth: false; "
                "give it depth, or leave the method out"
            )
        if declared(module, "SAME_SIZE", False) and not alike and crop is None:
            yield f"method {method} mixes images: expected {sizes}; give them one, or set adapt.crop"
        if crop is not None and "mixtures" in declared(module, "NEEDS", ()):
            yield f"adapt.crop: expected null, as the mixtures of method {method} are of places in a whole image"
    recipe = setting.selftrain.training.recipe
    if setting.selftrain.methods and declared(RECIPES[recipe], "SAME_SIZE", False) and not alike:
        yield f"recipe {recipe} mixes images: expected {sizes}; give them one, or take another recipe"
